"""Pictures given to `onward colorize`: bombs, broken chunks, scans and tiles without end, every format cut off."""

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

# --- TIFF: (tag, type, count, value) of a directory -------------------------------------------------------------------

SHORT, LONG = 3, 4


def tiff(*entries, data=b"\0" * 72, next_directory=0):
    """Little-endian; the data of the one strip stands behind the directory, where `None` as a value points."""
    at = 8 + 2 + 12 * len(entries) + 4
    out = b"II*\0" + struct.pack("<IH", 8, len(entries))
    for tag, kind, count, value in sorted(entries):
        out += struct.pack("<HHII", tag, kind, count, at if value is None else value)
    return out + struct.pack("<I", next_directory) + data


def tags(width=6, height=4, bits=8, samples=3, compression=1, photometric=2, rows=4, strip_bytes=72, **more):
    made = {256: (LONG, 1, width), 257: (LONG, 1, height), 258: (SHORT, 1, bits), 259: (SHORT, 1, compression),
            262: (SHORT, 1, photometric), 273: (LONG, 1, None), 277: (SHORT, 1, samples), 278: (LONG, 1, rows),
            279: (LONG, 1, strip_bytes)}  # fmt: skip
    made |= {int(tag[1:]): value for tag, value in more.items()}
    return [(tag, *value) for tag, value in made.items() if value]


picture("TIFF good", tiff(*tags()), "")
picture("TIFF of 100000 squared", tiff(*tags(100_000, 100_000)), r"picture\.img.*megapixel")
picture("TIFF of 4294967295 squared", tiff(*tags(2**32 - 1, 2**32 - 1)), r"picture\.img.*(megapixel|TIFF)")
picture("TIFF of no width", tiff(*tags(0, 4)))
picture("TIFF within 64 megapixels, without them", tiff(*tags(8000, 8000, strip_bytes=192_000_000)))
picture("TIFF strip outside the file", tiff(*tags(t273=(LONG, 1, 0xFFFFFFF0))))
picture("TIFF strip of 4 GiB", tiff(*tags(strip_bytes=2**32 - 1)), r".*")
picture("TIFF two billion strips", tiff(*tags(t273=(LONG, 2**31, 8), t279=(LONG, 2**31, 8))), r".*")
picture("TIFF 65535 samples", tiff(*tags(samples=65_535)))
picture("TIFF 64 bits", tiff(*tags(bits=64)))
picture("TIFF floats", tiff(*tags(bits=32, t339=(SHORT, 1, 3))))
picture("TIFF palette missing", tiff(*tags(samples=1, photometric=3)), r".*")  # taken for grey
picture("TIFF palette of 4", tiff(*tags(samples=1, photometric=3, t320=(SHORT, 12, 8))), r".*")
picture("TIFF tile of 4294967280 squared", tiff(*tags(t322=(LONG, 1, 0xFFFFFFF0), t323=(LONG, 1, 0xFFFFFFF0))))
picture("TIFF tile of no width", tiff(*tags(t322=(LONG, 1, 0), t323=(LONG, 1, 16))))
picture("TIFF JPEG that is none", tiff(*tags(compression=7, photometric=6)))
picture("TIFF old JPEG", tiff(*tags(compression=6, photometric=6)), r"picture\.img.*(compression 6|JPEG)")
picture("TIFF LZW that is none", tiff(*tags(compression=5), data=b"\xff" * 72))
_lzw = b"\x80\0" + b"\xff" * 70
picture("TIFF LZW bomb", tiff(*tags(8000, 8000, compression=5, rows=8000), data=_lzw), memory_mib=600)
picture("TIFF deflate bomb", tiff(*tags(compression=8, strip_bytes=5000), data=zlib.compress(b"\0" * 5_000_000)), r".*")
picture("TIFF compression 65000", tiff(*tags(compression=65_000)))
picture("TIFF directory of itself", tiff(*tags(), next_directory=8), r".*")
picture("TIFF directory outside", b"II*\0\xf0\xff\xff\x7f" + b"\0" * 30)
picture("TIFF 65535 entries", b"II*\0\x08\0\0\0\xff\xff" + b"\0" * 200)
picture("TIFF YCbCr sampling 0", tiff(*tags(photometric=6, t530=(SHORT, 2, 0))))
picture("TIFF YCbCr sampling 65535", tiff(*tags(photometric=6, t530=(SHORT, 2, 0xFFFFFFFF))))

# --- BMP, PNM ---------------------------------------------------------------------------------------------------------


def bmp(width, height, bits=24, compression=0, data=b"\0" * 80, colours=0, header=40, offset=54, between=b""):
    info = struct.pack("<IiiHHIIiiII", header, width, height, 1, bits, compression, 0, 0, 0, colours, 0)
    return b"BM" + struct.pack("<IHHI", 0, 0, 0, offset) + info + between + data


picture("BMP good", bmp(6, 4), "")
picture("BMP of 2147483647 squared", bmp(2**31 - 1, 2**31 - 1), r"picture\.img.*megapixel")
picture("BMP of -2147483648 rows", bmp(1, -(2**31)), r"picture\.img.*megapixel")
picture("BMP of negative width", bmp(-6, 4))
picture("BMP of no height", bmp(6, 0))
picture("BMP 3 bits", bmp(6, 4, 3))
picture("BMP JPEG inside", bmp(6, 4, 24, 4))
picture("BMP runs of 24 bits", bmp(6, 4, 24, 1))
picture("BMP palette of 4294967295", bmp(6, 4, 8, colours=2**32 - 1))
picture("BMP pixels outside the file", bmp(6, 4, offset=2**32 - 1))
picture("BMP pixels in the header", bmp(6, 4, offset=0), "")
picture("BMP 8000 squared without pixels", bmp(8000, 8000))
_long = b"\xff\1" * 40 + b"\0\1"
picture("BMP runs beyond the row", bmp(6, 4, 8, 1, _long, offset=58, between=b"\0" * 4, colours=1), r".*")
picture("BMP run that ends early", bmp(6, 4, 8, 1, b"\0\xff\1\2", offset=58, between=b"\0" * 4, colours=1))
picture("BMP skips beyond", bmp(6, 4, 8, 1, b"\0\2\xff\xff\1\1\0\1", offset=58, between=b"\0" * 4, colours=1), r".*")
picture(
    "BMP runs of nothing", bmp(6, 4, 8, 1, b"\0\2\0\0" * 1_000_000, offset=58, between=b"\0" * 4, colours=1), r".*"
)
picture("BMP masks of holes", bmp(6, 4, 16, 3, offset=66, between=struct.pack("<3I", 0xAAAA, 0x5555, 0)), r".*")
picture("PNM good", b"P6 6 4 255\n" + b"\0" * 72, "")
picture("PNM of 100000 squared", b"P6 100000 100000 255\n", r"picture\.img.*megapixel")
picture("PNM of many digits", b"P6 " + b"9" * 1000 + b" 1 255\n")
picture("PNM of negative width", b"P6 -6 4 255\n" + b"\0" * 72)
picture("PNM largest value 0", b"P6 6 4 0\n" + b"\0" * 72)
picture("PNM largest value 65536", b"P6 6 4 65536\n" + b"\0" * 200)
picture("PNM value above the largest", b"P2 2 1 3\n3 4\n")
picture("PNM 8000 squared without pixels", b"P5 8000 8000 255\n")
picture("PNM text that is none", b"P3 2 1 255\n1 2 3 x y z\n")
picture("PNM comment without end", b"P3 2 1 255\n#" + b"c" * 1_000_000)

# --- WebP, JPEG 2000 --------------------------------------------------------------------------------------------------


def encoded(kind, **options):
    out = io.BytesIO()
    Image.fromarray((np.indices((32, 32)).sum(0) * 4).astype(np.uint8)).convert("RGB").save(out, kind, **options)
    return out.getvalue()


def riff(*chunks):
    body = b"WEBP" + b"".join(k + struct.pack("<I", len(d)) + d + b"\0" * (len(d) % 2) for k, d in chunks)
    return b"RIFF" + struct.pack("<I", len(body)) + body


GOOD_WEBP, GOOD_JP2 = encoded("WEBP"), encoded("JPEG2000", num_resolutions=3)
BARE_JPEG2000 = encoded("JPEG2000", num_resolutions=3, no_jp2=True)
SIZ = b"\xff\x51"
canvas = b"\x02\0\0\0" + b"\xff" * 6
picture("WebP good", GOOD_WEBP, "")
picture("WebP of 16 million squared", riff((b"VP8X", canvas), (b"ANIM", b"\0" * 6)))
_huge = (b"VP8L", b"\x2f\xff\xff\xff\x0f" + b"\0" * 20)
picture("WebP of 16383 squared", riff(_huge), r"picture\.img.*(megapixel|WebP)")
picture("WebP frame outside the canvas", riff((b"VP8X", b"\x02\0\0\0\x0f\0\0\x0f\0\0"), (b"ANIM", b"\0" * 6),
        (b"ANMF", b"\xff\xff\xff\0\0\0\x1f\0\0\x1f\0\0\0\0\0\0" + GOOD_WEBP[12:])))  # fmt: skip
picture("WebP chunk of 4 GiB", GOOD_WEBP[:16] + b"\xff" * 4 + GOOD_WEBP[20:])
picture("WebP larger than said", GOOD_WEBP[:4] + struct.pack("<I", 40) + GOOD_WEBP[8:])
picture("JPEG 2000 good", GOOD_JP2, "")
picture("JPEG 2000 bare", BARE_JPEG2000, "")


def siz(at, replacement):
    return patched(BARE_JPEG2000, SIZ, at, replacement)


picture("JPEG 2000 of 4294967295 squared", siz(6, b"\xff" * 8), r"picture\.img.*megapixel")
picture("JPEG 2000 larger than its data", siz(6, struct.pack(">II", 7000, 7000)), r".*", memory_mib=1500)
picture("JPEG 2000 of no width", siz(6, struct.pack(">II", 0, 32)))
picture("JPEG 2000 tiles of one pixel", siz(22, struct.pack(">II", 1, 1)), r".*")
picture("JPEG 2000 49 million tiles", siz(6, struct.pack(">IIIIII", 7000, 7000, 0, 0, 1, 1)), r"picture\.img.*tiles")
picture("JPEG 2000 tiles of no size", siz(22, struct.pack(">II", 0, 0)))
picture("JPEG 2000 of 16384 components", siz(38, struct.pack(">H", 16_384)), r"picture\.img.*components")
picture("JPEG 2000 of no components", siz(38, struct.pack(">H", 0)))
picture("JPEG 2000 of 38 bits", siz(40, b"\x25"))
picture("JPEG 2000 sampling 0", siz(41, b"\0\0"))
picture("JPEG 2000 sampling 255", siz(44, b"\xff\xff"), r".*")
picture("JPEG 2000 32 resolutions", patched(BARE_JPEG2000, b"\xff\x52", 9, b"\x20"))
picture("JPEG 2000 65535 layers", patched(BARE_JPEG2000, b"\xff\x52", 6, b"\xff\xff"), r".*")
picture("JPEG 2000 box of length 0", GOOD_JP2[:12] + b"\0" * 4 + GOOD_JP2[16:])
picture("JPEG 2000 box of length 1", GOOD_JP2[:12] + b"\0\0\0\1ftyp" + b"\xff" * 8 + GOOD_JP2[16:])
picture("JPEG 2000 boxes without end", GOOD_JP2[:12] + b"\0\0\0\x08free" * 100_000)
for _kind, _data in (("WebP", GOOD_WEBP), ("JPEG 2000", GOOD_JP2), ("BMP", bmp(6, 4)), ("TIFF", tiff(*tags()))):
    for _at in range(4, len(_data) - 8, max(1, len(_data) // 5)):
        picture(f"{_kind} cut at {_at}", _data[:_at])


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
