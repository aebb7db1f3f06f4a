"""Small picture files of every format that ImageDecoder names, and the pixels that Pillow reads from them.

`PICTURES` maps names to bytes. What Pillow cannot write (interlaced PNG, tiles, runs, masks, plain PNM) is put together
here. Sizes are odd, so that rows end inside bytes, blocks and tiles.
"""

import io
import struct
import zlib

import numpy as np
from PIL import Image, features

WIDTH, HEIGHT = 37, 21
PICTURES = {}


def gradient(channels, width=WIDTH, height=HEIGHT):
    y, x = np.mgrid[0:height, 0:width].astype(np.float64)
    planes = [20 + 6 * x, 10 + 11 * y, 230 - 4 * x - 2 * y, 40 + 9 * y + x]
    return np.clip(np.stack(planes[:channels], -1), 0, 255).astype(np.uint8).squeeze()


def noise(channels, width=WIDTH, height=HEIGHT):
    return np.random.default_rng(channels).integers(0, 256, (height, width, channels)).astype(np.uint8).squeeze()


def saved(image, kind, **options):
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def exif(orientation):
    tags = Image.Exif()
    tags[0x0112] = orientation
    return tags.tobytes()


def expected(data, pixel_format):
    """[H, W, C] as Pillow converts it, without camera's orientation; of grey with 16 bits the high byte."""
    image = Image.open(io.BytesIO(data))
    if image.mode.startswith("I;16"):
        image = Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))
    elif image.mode == "I":
        assert image.format == "PPM"
        image = Image.fromarray(np.rint(np.asarray(image) / 257).astype(np.uint8))
    if pixel_format == "Grayscale":
        return np.asarray(image.convert("L"))[:, :, None]
    rgb = np.asarray(image.convert("RGB"))
    return rgb[:, :, ::-1] if pixel_format == "BGR" else rgb


GREY, RGB, RGBA = (Image.fromarray(gradient(n)) for n in (1, 3, 4))
CMYK = Image.fromarray(noise(4), "CMYK")
GREY_ALPHA = Image.merge("LA", RGBA.split()[:2])
BITS = GREY.convert("1")
PALETTE = RGB.quantize(200)
FEW_COLOURS = RGB.quantize(13)
WIDE = Image.fromarray(gradient(1).astype(np.uint16) * 200 + 77)


# --- JPEG, PNG, WebP --------------------------------------------------------------------------------------------------

PICTURES["jpeg grey"] = saved(GREY, "JPEG")
for _name, _subsampling in (("444", 0), ("422", 1), ("420", 2)):
    PICTURES[f"jpeg {_name}"] = saved(RGB, "JPEG", subsampling=_subsampling, quality=80)
PICTURES["jpeg noise"] = saved(Image.fromarray(noise(3)), "JPEG", quality=60)
PICTURES["jpeg progressive"] = saved(RGB, "JPEG", progressive=True)
PICTURES["jpeg cmyk"] = saved(CMYK, "JPEG", quality=95)
PICTURES["jpeg turned by its exif"] = saved(RGB, "JPEG", exif=exif(6))
PICTURES["jpeg 1x1"] = saved(Image.new("RGB", (1, 1), (10, 200, 30)), "JPEG")


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(rows, depth, colour, interlaced=0):
    header = struct.pack(">IIBBBBB", WIDTH, HEIGHT, depth, colour, 0, 0, interlaced)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    )


def adam7(pixels):
    passes = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)]
    parts = [pixels[y::dy, x::dx] for x, y, dx, dy in passes]
    return b"".join(b"\0" + row.tobytes() for part in parts if part.size for row in part)


for _name, _image in (("bits", BITS), ("grey", GREY), ("grey alpha", GREY_ALPHA), ("palette", PALETTE),
                      ("4-bit palette", FEW_COLOURS), ("rgb", RGB), ("rgba", RGBA), ("16-bit grey", WIDE)):  # fmt: skip
    PICTURES[f"png {_name}"] = saved(_image, "PNG")
PICTURES["png clear palette"] = saved(PALETTE, "PNG", transparency=bytes([0, 128, 255]))
PICTURES["png interlaced"] = png(adam7(gradient(3)), 8, 2, 1)
PICTURES["png 16-bit rgb"] = png(
    b"".join(b"\0" + r.tobytes() for r in (gradient(3).astype(">u2") * 255 + 100).astype(">u2")), 16, 2
)
PICTURES["png turned by its exif"] = saved(RGB, "PNG", exif=exif(6))

PICTURES["webp"] = saved(RGB, "WEBP", quality=70)
PICTURES["webp lossless"] = saved(Image.fromarray(noise(3)), "WEBP", lossless=True)
PICTURES["webp alpha"] = saved(RGBA, "WEBP", quality=70)
PICTURES["webp lossless alpha"] = saved(Image.fromarray(noise(4)), "WEBP", lossless=True, exact=True)
PICTURES["webp animated"] = saved(RGB, "WEBP", save_all=True, append_images=[GREY.convert("RGB")])
PICTURES["webp turned by its exif"] = saved(RGB, "WEBP", exif=exif(6))


# --- JPEG 2000 --------------------------------------------------------------------------------------------------------

for _name, _image in (("grey", GREY), ("grey alpha", GREY_ALPHA), ("rgb", RGB), ("rgba", RGBA), ("16-bit grey", WIDE)):
    PICTURES[f"jpeg2000 {_name}"] = saved(_image, "JPEG2000")
PICTURES["jpeg2000 codestream"] = saved(RGB, "JPEG2000", no_jp2=True)
PICTURES["jpeg2000 tiles"] = saved(RGB, "JPEG2000", tile_size=(16, 16), num_resolutions=3)
PICTURES["jpeg2000 lossy"] = saved(RGB, "JPEG2000", irreversible=True, quality_mode="rates", quality_layers=[8])


# --- TIFF -------------------------------------------------------------------------------------------------------------

for _name, _image in (("bits", BITS), ("grey", GREY), ("grey alpha", GREY_ALPHA), ("palette", PALETTE), ("rgb", RGB),
                      ("rgba", RGBA), ("cmyk", CMYK), ("16-bit grey", WIDE)):  # fmt: skip
    PICTURES[f"tiff {_name}"] = saved(_image, "TIFF")
for _name in ("tiff_lzw", "tiff_adobe_deflate", "tiff_deflate", "packbits", "zstd"):
    PICTURES[f"tiff {_name}"] = saved(RGB, "TIFF", compression=_name)
for _name in ("group3", "group4", "tiff_ccitt"):
    PICTURES[f"tiff {_name}"] = saved(BITS, "TIFF", compression=_name)
PICTURES["tiff jpeg"] = saved(RGB, "TIFF", compression="jpeg", quality=85)
PICTURES["tiff jpeg ycbcr"] = saved(RGB.convert("YCbCr"), "TIFF", compression="jpeg", quality=85)
PICTURES["tiff ycbcr"] = saved(RGB.convert("YCbCr"), "TIFF")
PICTURES["tiff big"] = saved(RGB, "TIFF", big_tiff=True)
PICTURES["tiff turned"] = saved(RGB, "TIFF", tiffinfo={274: 6})


def tiff(pixels, photometric=2, order="<", bits=8, tile=None, apart=False, extra=None, more=()):
    """An uncompressed TIFF: in strips of the whole picture or in tiles, planes side by side or apart."""
    pixels = pixels[:, :, None] if pixels.ndim == 2 else pixels
    height, width, samples = pixels.shape
    planes = [pixels[:, :, i : i + 1] for i in range(samples)] if apart else [pixels]
    blocks = []
    for plane in planes:
        if tile:
            padded = np.pad(plane, ((0, -height % tile), (0, -width % tile), (0, 0)))
            blocks += [
                padded[y : y + tile, x : x + tile].tobytes()
                for y in range(0, height, tile)
                for x in range(0, width, tile)
            ]
        else:
            blocks.append(plane.tobytes())
    tags = [(256, 3, [width]), (257, 3, [height]), (258, 3, [bits] * samples), (259, 3, [1]), (262, 3, [photometric]),
            (277, 3, [samples]), (284, 3, [2 if apart else 1]), *more]  # fmt: skip
    if extra is not None:
        tags.append((338, 3, [extra]))
    if tile:
        tags += [(322, 3, [tile]), (323, 3, [tile])]
    else:
        tags.append((278, 3, [height]))
    offset_tag, count_tag = (324, 325) if tile else (273, 279)
    tags += [(offset_tag, 4, [0] * len(blocks)), (count_tag, 4, [len(b) for b in blocks])]
    tags.sort()
    at = 8 + 2 + 12 * len(tags) + 4
    places = {}
    for tag, kind, values in tags:
        places[tag] = at
        at += len(values) * (2 if kind == 3 else 4) if len(values) * (2 if kind == 3 else 4) > 4 else 0
    offsets = [at + sum(len(b) for b in blocks[:i]) for i in range(len(blocks))]
    entries, outside = b"", b""
    for tag, kind, values in tags:
        values = offsets if tag == offset_tag else values
        packed = struct.pack(f"{order}{len(values)}{'H' if kind == 3 else 'I'}", *values)
        entries += struct.pack(f"{order}HHI", tag, kind, len(values))
        if len(packed) > 4:
            entries += struct.pack(f"{order}I", places[tag])
            outside += packed
        else:
            entries += packed.ljust(4, b"\0")
    start = (b"II" if order == "<" else b"MM") + struct.pack(f"{order}HI", 42, 8)
    return start + struct.pack(f"{order}H", len(tags)) + entries + b"\0" * 4 + outside + b"".join(blocks)


PICTURES["tiff tiles"] = tiff(gradient(3), tile=16)
PICTURES["tiff planes apart"] = tiff(gradient(3), apart=True)
PICTURES["tiff white is 0"] = tiff(gradient(1), photometric=0)
PICTURES["tiff big-endian 16-bit"] = tiff((gradient(1).astype(np.uint16) * 200).astype(">u2"), 1, ">", 16)
PICTURES["tiff 16-bit rgb"] = tiff((gradient(3).astype(np.uint16) * 200).astype("<u2"), 2, "<", 16)
PICTURES["tiff multiplied alpha"] = tiff(gradient(4), extra=1)
PICTURES["tiff plain alpha"] = tiff(gradient(4), extra=2)
PICTURES["tiff fourth sample"] = tiff(gradient(4), extra=0)


# --- BMP --------------------------------------------------------------------------------------------------------------

for _name, _image in (("bits", BITS), ("grey", GREY), ("palette", PALETTE), ("rgb", RGB), ("rgba", RGBA)):
    PICTURES[f"bmp {_name}"] = saved(_image, "BMP")


def bmp(rows, bits, compression=0, palette=b"", masks=b"", down=False, old=False):
    """`rows`: the pixels' bytes from below (`down`: from above), padded."""
    if old:
        info = struct.pack("<IHHHH", 12, WIDTH, HEIGHT, 1, bits)
    else:
        height = -HEIGHT if down else HEIGHT
        colours = len(palette) // 4
        info = struct.pack("<IiiHHIIiiII", 40, WIDTH, height, 1, bits, compression, len(rows), 0, 0, colours, 0)
    offset = 14 + len(info) + len(masks) + len(palette)
    return struct.pack("<2sIHHI", b"BM", offset + len(rows), 0, 0, offset) + info + masks + palette + rows


def padded(rows):
    return b"".join(r + b"\0" * (-len(r) % 4) for r in rows)


def four_bits(row):
    row = np.append(row, 0) if len(row) % 2 else row
    return (row[::2] << 4 | row[1::2]).astype(np.uint8).tobytes()


_indices = np.asarray(FEW_COLOURS)
_rgb = gradient(3)
_palette16 = np.zeros((16, 4), np.uint8)
_palette16[:13, :3] = np.reshape(FEW_COLOURS.getpalette()[:39], (13, 3))[:, ::-1]
_palette16 = _palette16.tobytes()
_up = _indices[::-1]
PICTURES["bmp 4-bit"] = bmp(padded(four_bits(r) for r in _up), 4, palette=_palette16)
PICTURES["bmp top-down"] = bmp(padded(r[:, ::-1].tobytes() for r in _rgb), 24, down=True)
PICTURES["bmp old header"] = bmp(padded(r[:, ::-1].tobytes() for r in _rgb[::-1]), 24, old=True)
PICTURES["bmp 32-bit"] = bmp(np.pad(_rgb[::-1, :, ::-1], ((0, 0), (0, 0), (0, 1))).tobytes(), 32)
_v = _rgb[::-1].astype(np.uint16) >> 3
PICTURES["bmp 555"] = bmp(padded(r.tobytes() for r in _v[..., 0] << 10 | _v[..., 1] << 5 | _v[..., 2]), 16)
_565 = _v[..., 0] << 11 | (_rgb[::-1, :, 1].astype(np.uint16) >> 2) << 5 | _v[..., 2]
PICTURES["bmp 565"] = bmp(
    padded(r.astype("<u2").tobytes() for r in _565), 16, 3, masks=struct.pack("<3I", 0xF800, 0x7E0, 0x1F)
)
# Runs of 3 and what is left as plain indices; four bits in turn.
_runs8 = b"".join(
    bytes([3, r[0], 0, WIDTH - 3]) + r[3:].tobytes() + b"\0" * ((WIDTH - 3) % 2) + b"\0\0"
    for r in np.concatenate([np.repeat(_up[:, :1], 3, 1), _up[:, 3:]], 1)
)
PICTURES["bmp runs of 8-bit"] = bmp(_runs8 + b"\0\1", 8, 1, palette=_palette16)
_runs4 = b"".join(bytes([WIDTH, r[0] << 4 | r[1], 0, 0]) for r in _up)
PICTURES["bmp runs of 4-bit"] = bmp(_runs4 + b"\0\1", 4, 2, palette=_palette16)


# --- PNM --------------------------------------------------------------------------------------------------------------


def plain(kind, largest, values):
    head = f"P{kind}\n# a comment\n{WIDTH} {HEIGHT}\n" + (f"{largest}\n" if largest else "")
    return (head + "\n".join(" ".join(map(str, row.ravel())) for row in values) + "\n").encode()


_bit_rows = (gradient(1) > 128).astype(np.uint8)
PICTURES["pnm 1"] = plain(1, 0, _bit_rows)
PICTURES["pnm 2"] = plain(2, 200, np.minimum(gradient(1), 200))
PICTURES["pnm 3"] = plain(3, 255, gradient(3))
PICTURES["pnm 4"] = saved(BITS, "PPM")
PICTURES["pnm 5"] = saved(GREY, "PPM")
PICTURES["pnm 6"] = saved(RGB, "PPM")
PICTURES["pnm 5 of 16 bits"] = b"P5 37 21 65535\n" + (gradient(1).astype(np.uint16) * 251 + 9).astype(">u2").tobytes()
PICTURES["pnm 6 of 10 bits"] = b"P6\n#\n37 21\n1023\n" + (gradient(3).astype(np.uint16) * 4).astype(">u2").tobytes()
PICTURES["pnm 6 of 4 bits"] = b"P6 37 21 15\n" + (gradient(3) >> 4).tobytes()

if not features.check("libtiff"):
    raise RuntimeError("the test needs a Pillow with libtiff")
