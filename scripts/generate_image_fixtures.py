"""Writes apps/image/read_test_data.h: small JPEG and PNG files and the pixels that Pillow reads from them.

    python3 scripts/generate_image_fixtures.py > apps/image/read_test_data.h

Pillow is the independent reader. Files that Pillow cannot write are put together here: a 16-bit RGB PNG, and
pictures whose header claims too many pixels.
"""

import io
import struct
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


def files():
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


def refused():
    grey = Image.fromarray(gradient(1))
    yield "png_huge", png(100000, 100000, 8, 0, b"\0" * 100)
    yield "jpeg_huge", huge_jpeg(saved(grey, "JPEG"))


def pixels_of(name, data):
    """(width, height, channels, interleaved bytes) as RGB, RGBA or grey."""
    image = ImageOps.exif_transpose(Image.open(io.BytesIO(data)))
    if name == "png_rgb16":  # Pillow takes the high byte; the exact value is round(v / 257)
        values = np.round((gradient(3).astype(np.float64) * 257 + 100) / 257).astype(np.uint8)
        return WIDTH, HEIGHT, 3, values.tobytes()
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


def main():
    print("// Small picture files and the pixels that Pillow reads from them (4 channels: RGBA).")
    print("// Written by scripts/generate_image_fixtures.py.\n// clang-format off\n#pragma once\n#include <cstdint>\n#include <span>\n")
    print("namespace onward::apps::fixtures {\n")
    table = []
    for name, data in files():
        width, height, channels, pixels = pixels_of(name, data)
        print(array("file", name, data))
        print(array("pixels", name, pixels))
        table.append(f'    {{"{name}", {name}_file, {width}, {height}, {channels}, {name}_pixels}},')
    for name, data in refused():
        print(array("file", name, data))
    print("struct Fixture {\n  const char* name;\n  std::span<const uint8_t> file;\n  int width, height, channels;")
    print("  std::span<const uint8_t> pixels;\n};\n")
    print("inline constexpr Fixture kFixtures[] = {")
    print("\n".join(table))
    print("};\n\n}  // namespace onward::apps::fixtures")


if __name__ == "__main__":
    main()
