"""The photographs of the demonstration colorizer, and CIE Lab (D65) as the model's interface defines it.

    linear = srgb <= .04045 ? srgb / 12.92 : ((srgb + .055) / 1.055)^2.4;   XYZ = M linear / white
    f(t) = t > 216/24389 ? cbrt(t) : t * 841/108 + 16/116
    L = Y > 216/24389 ? 116 f(Y) - 16 : 903.2963 Y;   a = 500 (f(X) - f(Y));   b = 200 (f(Y) - f(Z))

Every photograph is public domain or CC0 and ships inside a Debian package; NOTICE lists origin and licence.
"""

import bz2
from dataclasses import dataclass
from pathlib import Path
from typing import List

import numpy as np
import torch
from PIL import Image
from torch.nn import functional as F

PACKAGES = Path("/usr/lib/python3/dist-packages")
SKIMAGE = PACKAGES / "skimage/data"

RGB_TO_XYZ = torch.tensor(
    [[0.412453, 0.357580, 0.180423], [0.212671, 0.715160, 0.072169], [0.019334, 0.119193, 0.950227]]
)
XYZ_TO_RGB = torch.tensor(
    [[3.240479, -1.53715, -0.498535], [-0.969256, 1.875991, 0.041556], [0.055648, -0.204043, 1.057311]]
)
WHITE = torch.tensor([0.950456, 1.0, 1.088754])
KNEE = 216.0 / 24389.0


@dataclass
class Photo:
    name: str
    path: Path
    weight: float  # how often it is drawn, relative to the others
    package: str


TRAINING = [
    Photo("astronaut", SKIMAGE / "astronaut.png", 2.0, "python3-skimage"),
    Photo("raccoon", PACKAGES / "scipy/misc/face.dat", 2.0, "python3-scipy"),
    Photo("coffee", SKIMAGE / "coffee.png", 1.5, "python3-skimage"),
    Photo("chelsea", SKIMAGE / "chelsea.png", 1.5, "python3-skimage"),
    Photo("rocket", SKIMAGE / "rocket.jpg", 1.0, "python3-skimage"),
    Photo("retina", SKIMAGE / "retina.jpg", 0.4, "python3-skimage"),
    Photo("hubble_deep_field", SKIMAGE / "hubble_deep_field.jpg", 0.4, "python3-skimage"),
]
HELD_OUT = Photo(
    "grace_hopper",
    Path("/usr/share/matplotlib/mpl-data/sample_data/grace_hopper.jpg"),
    0.0,
    "python-matplotlib-data",
)


def load_rgb(photo: Photo) -> torch.Tensor:
    """(3,H,W) float sRGB 0..1."""
    if not photo.path.exists():
        raise SystemExit(f"{photo.path}: no such file; install the Debian package {photo.package}")
    if photo.path.suffix == ".dat":
        raw = np.frombuffer(bz2.decompress(photo.path.read_bytes()), dtype=np.uint8).reshape(768, 1024, 3)
    else:
        raw = np.asarray(Image.open(photo.path).convert("RGB"))
    return torch.from_numpy(raw.copy()).permute(2, 0, 1).float() / 255.0


def pyramid(rgb: torch.Tensor) -> List[torch.Tensor]:
    """The picture and its halvings down to 128 pixels: no crop is shrunk by more than about two."""
    levels = [rgb]
    while min(levels[-1].shape[1:]) >= 256:
        levels.append(F.avg_pool2d(levels[-1][None], 2)[0])
    return levels


def linear_light(srgb: torch.Tensor) -> torch.Tensor:
    return torch.where(srgb <= 0.04045, srgb / 12.92, ((srgb.clamp(min=0) + 0.055) / 1.055) ** 2.4)


def gamma_light(linear: torch.Tensor) -> torch.Tensor:
    linear = linear.clamp(0, 1)
    return torch.where(
        linear <= 0.0031308, linear * 12.92, 1.055 * linear.clamp(min=1e-8) ** (1 / 2.4) - 0.055
    )


def rgb_to_lab(rgb: torch.Tensor) -> torch.Tensor:
    """(N,3,H,W) sRGB 0..1 -> L 0..100, a, b."""
    xyz = torch.einsum("ij,njhw->nihw", RGB_TO_XYZ, linear_light(rgb)) / WHITE[None, :, None, None]
    f = torch.where(xyz > KNEE, xyz.clamp(min=KNEE) ** (1 / 3), xyz * (841.0 / 108.0) + 16.0 / 116.0)
    y = xyz[:, 1]
    lightness = torch.where(y > KNEE, 116.0 * f[:, 1] - 16.0, 903.2963 * y)
    return torch.stack([lightness, 500.0 * (f[:, 0] - f[:, 1]), 200.0 * (f[:, 1] - f[:, 2])], 1)


def lab_to_rgb(lab: torch.Tensor) -> torch.Tensor:
    lightness, a, b = lab[:, 0], lab[:, 1], lab[:, 2]
    dark = lightness <= 8.0
    y = torch.where(dark, lightness / 903.3, ((lightness + 16.0) / 116.0) ** 3)
    fy = torch.where(dark, 7.787 * y + 16.0 / 116.0, (lightness + 16.0) / 116.0)
    fx, fz = fy + a / 500.0, fy - b / 200.0

    def cube(f):
        return torch.where(f <= 6.0 / 29.0, (f - 16.0 / 116.0) / 7.787, f**3)

    xyz = torch.stack([cube(fx), y, cube(fz)], 1) * WHITE[None, :, None, None]
    return gamma_light(torch.einsum("ij,njhw->nihw", XYZ_TO_RGB, xyz))


def grey_of_lab(lab: torch.Tensor) -> torch.Tensor:
    """(N,3,H,W): the neutral grey of the same lightness, what the model is fed."""
    neutral = torch.cat([lab[:, :1], torch.zeros_like(lab[:, 1:])], 1)
    return lab_to_rgb(neutral).mean(1, keepdim=True).repeat(1, 3, 1, 1)


def to_image(rgb: torch.Tensor) -> Image.Image:
    """(3,H,W) or (1,H,W) 0..1 -> an 8-bit picture."""
    raw = (rgb.clamp(0, 1) * 255.0).round().byte().permute(1, 2, 0).numpy()
    return Image.fromarray(raw[:, :, 0] if raw.shape[2] == 1 else raw)
