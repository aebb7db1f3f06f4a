"""Pictures for the operator ImageDecoder, by Pillow. The engine calls `decode`, from any thread.

The pixels are those of the `onward` program's own readers: what Pillow converts to RGB or grey, save that samples of 16
bits become their high byte, where Pillow makes all above 255 white.
"""

from __future__ import annotations

import io

import numpy as np

RGB, BGR, GRAYSCALE = range(3)  # onward_pixel_format
# What the operator names, and no plug-in besides: some start other programs.
FORMATS = ("JPEG", "PNG", "TIFF", "WEBP", "JPEG2000", "BMP", "PPM")
MAX_PIXELS = 64_000_000


def decode(data: bytes, pixel_format: int) -> tuple[int, int, np.ndarray]:
    """Height, width, and the pixels in row-major order.

    >>> decode(open("photo.jpg", "rb").read(), RGB)[2].shape
    (480, 640, 3)
    """
    try:
        import PIL.Image
    except ImportError as error:
        raise ImportError(f"the operator ImageDecoder needs Pillow: pip install pillow ({error})") from error
    kind = "picture"
    try:
        with PIL.Image.open(io.BytesIO(data), formats=FORMATS) as image:
            kind = image.format
            if image.width * image.height > MAX_PIXELS:
                raise ValueError(f"{image.width} x {image.height} pixels; at most 64 megapixels are read")
            pixels = _pixels(image, pixel_format == GRAYSCALE)
    except PIL.UnidentifiedImageError:
        raise ValueError(f"the bytes are no picture that can be read: expected one of {', '.join(FORMATS)}") from None
    except MemoryError:
        raise
    except Exception as error:  # Pillow's readers raise whatever damage leads to: OSError, SyntaxError, struct.error
        raise ValueError(f"broken {kind}: {error or type(error).__name__}") from error
    pixels = np.ascontiguousarray(pixels[:, :, ::-1] if pixel_format == BGR else pixels)
    return pixels.shape[0], pixels.shape[1], pixels


def _pixels(image, grey):
    image.load()
    if image.mode.startswith("I") and (image.mode != "I" or image.format == "PPM"):
        wide = np.asarray(image)
        one = (wide + 128) // 257 if image.mode == "I" else wide >> 8  # PPM: as for its other depths, rounded
        one = one.astype(np.uint8)
        return one if grey else np.stack([one] * 3, axis=-1)
    if image.mode in ("I", "F"):
        raise ValueError(f"samples of 32 bits (Pillow's mode {image.mode}) are not read")
    image.info.pop("transparency", None)  # alpha is left out
    return np.asarray(image.convert("L" if grey else "RGB"))
