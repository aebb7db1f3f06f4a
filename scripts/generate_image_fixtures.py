"""Writes small picture files and the pixels that Pillow reads from them, as C++: JPEG and PNG, or the other formats.

    .venv/bin/python scripts/generate_image_fixtures.py jpeg-png > apps/image/read_test_data.h
    .venv/bin/python scripts/generate_image_fixtures.py others > apps/image/read_test_others.h

Pillow is the independent reader. Files that Pillow cannot write are put together here: a 16-bit RGB PNG, a BMP of runs,
and pictures whose header claims too many pixels. Every format in all its variants: tests/cli/pictures.py.
"""

import io
import pathlib
import struct
import sys
import zlib

import numpy as np
from PIL import Image, ImageOps

WIDTH, HEIGHT = 11, 7


def gradient(channels):
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH].astype(np.float64)
    planes = [40 + 17 * x, 20 + 30 * y, 230 - 11 * x - 10 * y, 30 * y + 4 * x]
    return np.clip(np.stack(planes[:channels], -1), 0, 255).astype(np.uint8).squeeze()


def saved(image, kind, **options):
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(width, height, depth, colour, rows, extra=b""):
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + extra + chunk(b"IDAT", zlib.compress(rows)) +
            chunk(b"IEND", b""))


def exif(orientation):
    tags = Image.Exif()
    tags[0x0112] = orientation
    return tags.tobytes()


def big_endian_exif(orientation):
    return b"Exif\0\0MM\0*" + struct.pack(">IHHHIHHI", 8, 1, 0x0112, 3, 1, orientation, 0, 0)


def huge_jpeg(data):
    frame = data.index(b"\xff\xc0")
    return data[:frame + 5] + b"\xff\xdc\xff\xdc" + data[frame + 9:]


def jpeg_and_png():
    grey, rgb = Image.fromarray(gradient(1)), Image.fromarray(gradient(3))
    palette = rgb.quantize(16)
    palette_clear = palette.copy()
    palette_clear.info["transparency"] = bytes([0, 128] + [255] * 14)
    wide = (gradient(3).astype(np.uint16) * 257 + 100).astype(">u2")
    rows16 = b"".join(b"\0" + row.tobytes() for row in wide)
    full = {"quality": 95, "subsampling": 0, "optimize": True}
    yield "jpeg_grey", saved(grey, "JPEG", optimize=True, quality=95)
    yield "jpeg_rgb", saved(rgb, "JPEG", **full)
    yield "jpeg_progressive", saved(rgb, "JPEG", progressive=True, **full)
    yield "jpeg_cmyk", saved(Image.fromarray(gradient(4), "CMYK"), "JPEG", optimize=True, quality=95)
    for orientation in range(1, 9):
        yield f"jpeg_exif_{orientation}", saved(grey, "JPEG", optimize=True, quality=95, exif=exif(orientation))
    yield "jpeg_exif_big_endian_6", saved(grey, "JPEG", optimize=True, quality=95, exif=big_endian_exif(6))
    yield "png_grey", saved(grey, "PNG")
    yield "png_bit", saved(grey.convert("1"), "PNG")
    yield "png_rgb", saved(rgb, "PNG")
    yield "png_palette", saved(palette, "PNG")
    yield "png_palette_clear", saved(palette, "PNG", transparency=palette_clear.info["transparency"])
    yield "png_rgba", saved(Image.fromarray(gradient(4), "RGBA"), "PNG")
    yield "png_exif_6", saved(rgb, "PNG", exif=exif(6))
    yield "png_rgb16", png(WIDTH, HEIGHT, 16, 2, rows16)


def bmp_of_runs(image):
    """A palette of 16 and 4-bit indices: a run, indices one by one, the end of the row."""
    indices = np.asarray(image)
    palette = np.zeros((16, 4), np.uint8)
    palette[:13, :3] = np.reshape(image.getpalette()[:39], (13, 3))[:, ::-1]
    rows = b""
    for row in indices[::-1]:
        rest = list(row[4:]) + [0]
        plain = bytes(a << 4 | b for a, b in zip(rest[::2], rest[1::2]))
        rows += bytes([4, row[0] << 4 | row[1], 0, WIDTH - 4]) + plain + b"\0" * (len(plain) % 2) + b"\0\0"
    rows += b"\0\1"
    info = struct.pack("<IiiHHIIiiII", 40, WIDTH, HEIGHT, 1, 4, 2, len(rows), 0, 0, 16, 0)
    return struct.pack("<2sIHHI", b"BM", 118 + len(rows), 0, 0, 118) + info + palette.tobytes() + rows


def others():
    sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "tests/cli"))
    from pictures import tiff

    grey, rgb = Image.fromarray(gradient(1)), Image.fromarray(gradient(3))
    rgba = Image.fromarray(gradient(4))
    few = rgb.quantize(13)
    turned = np.asarray(few).copy()
    turned[:, 2], turned[:, 3] = turned[:, 0], turned[:, 1]  # as a run of four can say
    few.putdata(turned.ravel())
    text = gradient(1)
    text[-1, -1] = 7  # of two digits one would be a number, too
    head = f"P2 # grey\n{WIDTH} {HEIGHT} 255\n".encode()
    yield "bmp_rgb", saved(rgb, "BMP")
    yield "bmp_palette", saved(few, "BMP")
    yield "bmp_runs", bmp_of_runs(few)
    yield "pnm_text", head + "\n".join(" ".join(map(str, row)) for row in text).encode()
    yield "pnm_bits", saved(grey.convert("1"), "PPM")
    yield "pnm_rgb", saved(rgb, "PPM")
    yield "webp_rgb", saved(rgb, "WEBP", quality=80)
    yield "webp_rgba", saved(rgba, "WEBP", lossless=True, exact=True)
    yield "webp_exif_6", saved(rgb, "WEBP", quality=80, exif=exif(6))
    yield "jpeg2000_rgba", saved(rgba, "JPEG2000", num_resolutions=2)
    yield "jpeg2000_bare", saved(grey, "JPEG2000", no_jp2=True, num_resolutions=2)
    yield "tiff_lzw", saved(rgb, "TIFF", compression="tiff_lzw")
    yield "tiff_jpeg", saved(rgb.convert("YCbCr"), "TIFF", compression="jpeg")
    yield "tiff_fax", saved(grey.convert("1"), "TIFF", compression="group4")
    yield "tiff_tiles", tiff(gradient(4), tile=16, extra=2)
    yield "tiff_exif_6", saved(rgb, "TIFF", compression="tiff_lzw", tiffinfo={274: 6})


def refused_jpeg_and_png():
    grey = Image.fromarray(gradient(1))
    yield "png_huge", png(100000, 100000, 8, 0, b"\0" * 100)
    yield "jpeg_huge", huge_jpeg(saved(grey, "JPEG"))


SETS = {
    "jpeg-png": ("kFixtures", jpeg_and_png, refused_jpeg_and_png),
    "others": ("kOtherFixtures", others, lambda: ()),
}


def pixels_of(data):
    """(width, height, channels, interleaved bytes) as RGB, RGBA or grey."""
    image = ImageOps.exif_transpose(Image.open(io.BytesIO(data)))
    mode = {"CMYK": "RGB", "1": "L", "P": "RGBA" if "transparency" in image.info else "RGB"}.get(image.mode, image.mode)
    image = image.convert(mode)
    return image.width, image.height, len(image.getbands()), image.tobytes()


def array(kind, name, data):
    lines, line = [], "   "
    for byte in data:
        text = f" {byte},"
        if len(line) + len(text) > 108:
            lines.append(line)
            line = "   "
        line += text
    lines.append(line)
    return f"inline constexpr uint8_t {name}_{kind}[] = {{\n" + "\n".join(lines) + "};\n"


FIXTURE = """struct Fixture {
  const char* name;
  std::span<const uint8_t> file;
  int width, height, channels;
  std::span<const uint8_t> pixels;
};
"""


def main():
    if len(sys.argv) != 2 or sys.argv[1] not in SETS:
        sys.exit(__doc__)
    table_name, files, refused = SETS[sys.argv[1]]
    print("// Small picture files and the pixels that Pillow reads from them (4 channels: RGBA).")
    print("// Written by scripts/generate_image_fixtures.py.\n// clang-format off\n#pragma once")
    if sys.argv[1] == "others":
        print('#include "apps/image/read_test_data.h"\n')
    else:
        print("#include <cstdint>\n#include <span>\n")
    print("namespace onward::apps::fixtures {\n")
    table = []
    for name, data in files():
        width, height, channels, pixels = pixels_of(data)
        print(array("file", name, data))
        print(array("pixels", name, pixels))
        table.append(f'    {{"{name}", {name}_file, {width}, {height}, {channels}, {name}_pixels}},')
    for name, data in refused():
        print(array("file", name, data))
    if sys.argv[1] != "others":
        print(FIXTURE)
    print(f"inline constexpr Fixture {table_name}[] = {{")
    print("\n".join(table))
    print("};\n\n}  // namespace onward::apps::fixtures")


if __name__ == "__main__":
    main()
