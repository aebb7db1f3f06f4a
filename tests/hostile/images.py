"""Pictures given to `onward colorize` and to `onward run --input`: bombs, broken chunks, scans without end."""

import dataclasses
import io
import re
import struct
import zlib

import numpy as np
from PIL import Image


@dataclasses.dataclass
class Picture:
    name: str
    data: bytes
    message: str  # what stderr must match; "": it is a picture
    memory_mib: int = 400

    def folder(self):
        return "17_" + re.sub(r"[^A-Za-z0-9]+", "_", self.name)


PICTURES = []


def picture(name, data, message=r"picture\.img.*", **more):
    PICTURES.append(Picture(name, data, message, **more))


def chunk(kind, payload, crc=None):
    return (
        struct.pack(">I", len(payload))
        + kind
        + payload
        + struct.pack(">I", zlib.crc32(kind + payload) if crc is None else crc)
    )


def header(width, height, bits=8, colour=2, compression=0, interlace=0):
    return chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, bits, colour, compression, 0, interlace))


SIGNATURE = b"\x89PNG\r\n\x1a\n"
END = chunk(b"IEND", b"")


def png(width, height, data=None, before=b"", **more):
    data = zlib.compress(b"\0" * (height * (1 + 3 * width)), 9) if data is None else data
    return SIGNATURE + header(width, height, **more) + before + chunk(b"IDAT", data) + END


GOOD_PNG = png(6, 4)
_out = io.BytesIO()
Image.fromarray((np.indices((32, 32)).sum(0) * 4).astype(np.uint8)).convert("RGB").save(_out, "JPEG")
GOOD_JPEG = _out.getvalue()
_out = io.BytesIO()
Image.fromarray((np.indices((32, 32)).sum(0) * 4).astype(np.uint8)).convert("RGB").save(_out, "JPEG", progressive=True)
PROGRESSIVE = _out.getvalue()

picture("good PNG", GOOD_PNG, "")
picture("good JPEG", GOOD_JPEG, "")
picture("empty", b"")
picture("text", b"not a picture")
picture("WebP", b"RIFF\x24\0\0\0WEBPVP8 " + b"\0" * 24)
picture("GIF", b"GIF89a\xff\xff\xff\xff" + b"\0" * 20)
picture("TIFF", b"II*\0\xff\xff\xff\xff")
picture("BMP", b"BM" + b"\xff" * 60)
picture("SVG", b"<svg xmlns='http://www.w3.org/2000/svg'><image href='file:///etc/passwd'/></svg>")
picture("PNG signature only", SIGNATURE)
picture(
    "PNG of 2147483647 squared", png(2**31 - 1, 2**31 - 1, b"x"), r"picture\.img.*(pixel|width|height|IHDR|invalid)"
)
picture("PNG of 100000 squared", png(100_000, 100_000, zlib.compress(b"\0" * 10)), r"picture\.img.*megapixel")
picture("PNG one row of 100 million", png(100_000_000, 1, zlib.compress(b"\0" * 10)), r"picture\.img")
picture("PNG of no width", png(0, 4, b""))
picture("PNG bit depth 3", png(6, 4, bits=3))
picture("PNG colour type 9", png(6, 4, colour=9))
picture("PNG compression 1", png(6, 4, compression=1))
picture("PNG interlace 7", png(6, 4, interlace=7))
picture("PNG palette missing", png(6, 4, colour=3))
picture(
    "PNG palette index out of range",
    png(6, 4, zlib.compress(b"\0\xff\xff\xff\xff\xff\xff" * 4), chunk(b"PLTE", b"\0\0\0"), colour=3),
    r".*",
)
picture("PNG palette of 300", png(6, 4, before=chunk(b"PLTE", b"\0" * 900), colour=3))
picture("PNG data too short", png(6, 4, zlib.compress(b"\0" * 5)))
picture("PNG data not deflate", png(6, 4, b"garbage!"))
picture("PNG CRC wrong", SIGNATURE + header(6, 4)[:-4] + b"\0\0\0\0" + chunk(b"IDAT", zlib.compress(b"\0" * 76)) + END)
picture("PNG filter 9", png(6, 4, zlib.compress(b"\x09" + b"\0" * 75)))
picture("PNG chunk length 2 to the 31", SIGNATURE + header(6, 4) + b"\xff\xff\xff\xffIDAT" + b"\0" * 40)
picture(
    "PNG header twice", SIGNATURE + header(6, 4) + header(900, 900) + chunk(b"IDAT", zlib.compress(b"\0" * 76)) + END
)
picture("PNG data before header", SIGNATURE + chunk(b"IDAT", b"") + header(6, 4) + END)
picture(
    "PNG text bomb",
    png(6, 4, before=chunk(b"zTXt", b"k\0\0" + zlib.compress(b"\0" * 50_000_000, 9))),
    r".*",
    memory_mib=200,
)
picture(
    "PNG profile bomb",
    png(6, 4, before=chunk(b"iCCP", b"k\0\0" + zlib.compress(b"\0" * 50_000_000, 9))),
    r".*",
    memory_mib=200,
)
picture("PNG ten thousand text chunks", png(6, 4, before=chunk(b"tEXt", b"k\0v") * 10_000), r".*")
picture(
    "PNG bomb within 64 megapixels",
    png(8000, 8000, colour=0, data=zlib.compress(b"\0" * (8000 * 8001), 9)),
    r".*",
    memory_mib=3000,
)
picture("PNG bad EXIF", png(6, 4, before=chunk(b"eXIf", b"II*\0\xff\xff\xff\x7f")), r".*")
for _at in range(8, len(GOOD_PNG), 9):
    picture(f"PNG cut at {_at}", GOOD_PNG[:_at])
for _at in range(2, len(GOOD_JPEG), 60):
    picture(f"JPEG cut at {_at}", GOOD_JPEG[:_at])


def patched(data, marker, offset, replacement):
    at = data.index(marker) + offset
    return data[:at] + replacement + data[at + len(replacement) :]


SOF = b"\xff\xc0"
picture(
    "JPEG of 65500 squared", patched(GOOD_JPEG, SOF, 5, struct.pack(">HH", 65_500, 65_500)), r"picture\.img.*megapixel"
)
picture("JPEG of no height", patched(GOOD_JPEG, SOF, 5, struct.pack(">HH", 0, 32)))
picture("JPEG of no width", patched(GOOD_JPEG, SOF, 5, struct.pack(">HH", 32, 0)))
picture("JPEG precision 12", patched(GOOD_JPEG, SOF, 4, b"\x0c"))
picture("JPEG nine components", patched(GOOD_JPEG, SOF, 9, b"\x09"))
picture("JPEG sampling 9", patched(GOOD_JPEG, SOF, 11, b"\x99"))
picture("JPEG table 9", patched(GOOD_JPEG, SOF, 12, b"\x09"))
picture("JPEG segment of length 0", patched(GOOD_JPEG, b"\xff\xdb", 2, b"\0\0"))
picture("JPEG larger than its data", patched(GOOD_JPEG, SOF, 5, struct.pack(">HH", 4000, 4000)))
picture("JPEG arithmetic coding", GOOD_JPEG.replace(SOF, b"\xff\xc9", 1), r".*")  # decodes, to noise
_scan = PROGRESSIVE[PROGRESSIVE.index(b"\xff\xda") :]
_scan = _scan[: _scan.index(b"\xff", 2)] if b"\xff" in _scan[2:] else _scan
picture(
    "JPEG of ten thousand scans",
    PROGRESSIVE[: PROGRESSIVE.index(b"\xff\xda")] + _scan * 10_000 + b"\xff\xd9",
    r"picture\.img.*scan",
)
_exif = b"Exif\0\0II*\0\x08\0\0\0\xff\xff" + b"\x12\x01\x03\0\xff\xff\xff\xff\xff\xff\xff\xff"
picture(
    "JPEG EXIF counts too much",
    GOOD_JPEG[:2] + b"\xff\xe1" + struct.pack(">H", len(_exif) + 2) + _exif + GOOD_JPEG[2:],
    r".*",
)


def run_picture(p, a, start):
    """Colours the picture. Returns what is wrong, or nothing."""
    folder = a.folder / p.folder()
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "picture.img").write_bytes(p.data)
    limit = 15 * (8 if a.sanitized else 1)
    code, out, err, seconds, peak = start(
        [a.program, "colorize", "picture.img", "--out", "out.png"], folder, limit, a.sanitized, {}
    )
    wrong = ""
    if p.message == "" and code != 0:
        wrong = f"a good picture was refused with {code}: {err[-300:]}"
    elif p.message and code not in ((0, 1) if p.message == ".*" else (1,)):
        wrong = f"colorize ended with {code} after {seconds:.1f} s: {err.strip()[-600:]}"
    elif code == 1 and not re.search(p.message, err):
        wrong = f"expected a message that matches /{p.message}/, got {err[-300:]}"
    elif not a.sanitized and peak > p.memory_mib:
        wrong = f"peak memory {peak:.0f} MiB, expected at most {p.memory_mib}"
    if not wrong:
        for file in folder.iterdir():
            file.unlink()
        folder.rmdir()
    return wrong
