#!/usr/bin/python3
"""Trains the demonstration colorizer, apps/colorize/models/ddcolor_demo.onnx, on the CPU (Debian's PyTorch).

The network is tests/frameworks/networks/ddcolor.py at a small size. Loss on ab (Lab units / 10):
    mean (1 + chroma / 20) smooth_l1(predicted, true)
    + 0.1 max(0, colourfulness(true) - colourfulness(predicted))
    colourfulness = std(a) + std(b) + 0.3 mean sqrt(a^2 + b^2), per picture
AdamW, warm-up then cosine. Batch-norm statistics are frozen for the second half: batches of a few very
different photographs give noisy ones. What is exported is the exponential average of the weights. One
photograph is held out.
"""

import argparse
import json
import math
import random
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests/frameworks/networks"))
sys.path.insert(0, str(ROOT / "scripts"))

import torch
from torch import nn
from torch.nn import functional as F

import colorize_demo_photos as photos
from ddcolor import DDColor, Shape

DEMO_SHAPE = Shape(
    depths=(2, 2, 2, 1),
    dims=(24, 48, 96, 128),
    decoder=(96, 96, 64),
    hidden=64,
    queries=32,
    heads=4,
    layers=6,
    feed_forward=128,
)
BATCHES = ((128, 4), (192, 2), (256, 1), (256, 1))  # (pixels, pictures)


def build() -> DDColor:
    return DDColor(DEMO_SHAPE, output_scale=10.0)


def crop(levels, size: int, dice: random.Random) -> torch.Tensor:
    """A random view (3,size,size): the whole picture stretched square, or a part; turned, flipped."""
    height, width = levels[0].shape[1:]
    if dice.random() < 0.45:
        part_h, part_w = (dice.uniform(0.88, 1.0) for _ in range(2))
    else:
        side = min(height, width) * dice.uniform(0.35, 0.95)
        aspect = math.exp(dice.uniform(-0.25, 0.25))
        part_h, part_w = min(1.0, side * aspect / height), min(1.0, side / aspect / width)
    shrink = max(1.0, min(part_h * height, part_w * width) / size)
    level = levels[min(len(levels) - 1, int(math.log2(shrink)))]
    centre_x, centre_y = dice.uniform(-1, 1) * (1 - part_w), dice.uniform(-1, 1) * (1 - part_h)
    angle = math.radians(dice.gauss(0, 3))
    flip = dice.choice((-1.0, 1.0))
    cos, sin = math.cos(angle), math.sin(angle)
    theta = torch.tensor(
        [[flip * part_w * cos, -part_w * sin, centre_x], [flip * part_h * sin, part_h * cos, centre_y]]
    )
    grid = F.affine_grid(theta[None], [1, 3, size, size], align_corners=False)
    return F.grid_sample(level[None], grid, padding_mode="reflection", align_corners=False)[0].clamp(0, 1)


def sample(pictures, weights, size: int, count: int, dice: random.Random):
    """One batch: grey (N,3,S,S) 0..1 and true ab (N,2,S,S)."""
    chosen = dice.choices(pictures, weights, k=count)
    rgb = torch.stack([crop(levels, size, dice) for levels in chosen])
    lab = photos.rgb_to_lab(rgb)
    grey = photos.grey_of_lab(lab)
    if dice.random() < 0.4:  # the grey of most image programs: weighted gamma-encoded RGB
        luma = torch.tensor([0.299, 0.587, 0.114]).view(1, 3, 1, 1)
        grey = (rgb * luma).sum(1, keepdim=True).repeat(1, 3, 1, 1)
    return grey.clamp(1e-4, 1) ** math.exp(dice.gauss(0, 0.08)), lab[:, 1:]


def colourfulness(ab: torch.Tensor) -> torch.Tensor:
    chroma = (ab.pow(2).sum(1) + 1e-3).sqrt()
    return ab.flatten(2).std(2).sum(1) + 0.3 * chroma.flatten(1).mean(1)


def loss_of(predicted: torch.Tensor, true: torch.Tensor) -> torch.Tensor:
    predicted, true = predicted / 10, true / 10
    weight = 1 + 0.5 * true.pow(2).sum(1, keepdim=True).sqrt()
    error = (weight * F.smooth_l1_loss(predicted, true, reduction="none")).mean()
    return error + 0.1 * F.relu(colourfulness(true) - colourfulness(predicted)).mean()


def colour_error(network: nn.Module, rgb: torch.Tensor, size: int = 256) -> dict:
    """Mean ab distance of the coloured and of the grey picture (Lab units), whole picture at size x size."""
    network.eval()
    with torch.no_grad():
        small = F.interpolate(
            rgb[None], (size, size), mode="bilinear", align_corners=False, antialias=True
        ).clamp(0, 1)
        lab = photos.rgb_to_lab(small)
        ab = network(photos.grey_of_lab(lab))
    distance = (ab - lab[:, 1:]).pow(2).sum(1).sqrt().mean().item()
    return {"model": round(distance, 2), "grey": round(lab[:, 1:].pow(2).sum(1).sqrt().mean().item(), 2)}


def average_into(average: nn.Module, network: nn.Module, step: int) -> None:
    keep = min(0.996, (1 + step) / (10 + step))
    with torch.no_grad():
        for kept, new in zip(average.parameters(), network.parameters()):
            kept.lerp_(new, 1 - keep)
        for kept, new in zip(average.buffers(), network.buffers()):
            kept.copy_(new)


class Clock:
    """Progress 0..1 by steps when --steps is given (then runs repeat exactly), else by wall time."""

    def __init__(self, minutes: float, steps: int):
        self.start, self.minutes, self.steps = time.time(), minutes, steps
        self.shown = 0.0

    def progress(self, step: int) -> float:
        if self.steps:
            return step / self.steps
        return (time.time() - self.start) / (60 * self.minutes)

    def show(self, step: int, loss: float, progress: float) -> None:
        terminal = sys.stderr.isatty()
        now = time.time()
        if now - self.shown < (0.5 if terminal else 30):
            return
        self.shown = now
        left = (now - self.start) * (1 - progress) / max(progress, 1e-6)
        bar = "#" * int(30 * progress)
        line = f"[{bar:<30}] {100 * progress:5.1f} %  step {step}  loss {loss:.3f}  {left / 60:.1f} min left"
        print("\r" + line if terminal else line, end="" if terminal else "\n", file=sys.stderr, flush=True)


def train(minutes: float, steps: int, checkpoint: Path, seed: int) -> DDColor:
    torch.manual_seed(seed)
    dice = random.Random(seed)
    pictures = [photos.pyramid(photos.load_rgb(p)) for p in photos.TRAINING]
    weights = [p.weight for p in photos.TRAINING]
    network, average = build(), build()
    average.load_state_dict(network.state_dict())
    optimiser = torch.optim.AdamW(network.parameters(), lr=1.5e-3, weight_decay=0.01, betas=(0.9, 0.98))
    clock, step, running, saved = Clock(minutes, steps), 0, 0.0, time.time()
    while (progress := clock.progress(step)) < 1:
        network.train()
        if progress > 0.5:
            for module in network.modules():
                if isinstance(module, nn.BatchNorm2d):
                    module.eval()
        rate = 1.5e-3 * min(1.0, (step + 1) / 60) * (0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * progress)))
        for group in optimiser.param_groups:
            group["lr"] = rate
        size, count = dice.choice(BATCHES)
        grey, ab = sample(pictures, weights, size, count, dice)
        loss = loss_of(network(grey), ab)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimiser.step()
        average_into(average, network, step)
        running = loss.item() if step == 0 else 0.98 * running + 0.02 * loss.item()
        step += 1
        clock.show(step, running, progress)
        if time.time() - saved > 60:
            saved = time.time()
            torch.save(average.state_dict(), checkpoint)
    torch.save(average.state_dict(), checkpoint)
    print(f"\n{step} steps", file=sys.stderr)
    return average


def export(network: DDColor, path: Path) -> None:
    network.eval()
    axes = {0: "batch", 2: "height", 3: "width"}
    path.parent.mkdir(parents=True, exist_ok=True)
    torch.onnx.export(
        network,
        (torch.rand(2, 3, 128, 160),),
        str(path),
        opset_version=17,
        input_names=["input"],
        output_names=["output"],
        dynamic_axes={"input": axes, "output": axes},
    )


def write_results(network: DDColor, folder: Path) -> None:
    """For each photograph: grey, coloured and true side by side (PNG), and report.json with the errors."""
    folder.mkdir(parents=True, exist_ok=True)
    report = {}
    for photo in [*photos.TRAINING, photos.HELD_OUT]:
        rgb = photos.load_rgb(photo)
        lab = photos.rgb_to_lab(rgb[None])
        grey = photos.grey_of_lab(lab)
        with torch.no_grad():
            ab = network(F.interpolate(grey, (256, 256), mode="bilinear", align_corners=False))
        ab = F.interpolate(ab, lab.shape[2:], mode="bilinear", align_corners=False)
        coloured = photos.lab_to_rgb(torch.cat([lab[:, :1], ab], 1))
        photos.to_image(torch.cat([grey[0], coloured[0], rgb], 2)).save(folder / f"{photo.name}.png")
        report[photo.name] = {**colour_error(network, rgb), "held_out": photo is photos.HELD_OUT}
    (folder / "report.json").write_text(json.dumps(report, indent=1) + "\n")
    print(json.dumps(report, indent=1))


def write_photos(names, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    known = {p.name: p for p in [*photos.TRAINING, photos.HELD_OUT]}
    for name in names:
        rgb = photos.load_rgb(known[name])
        grey = photos.grey_of_lab(photos.rgb_to_lab(rgb[None]))[0, :1]
        photos.to_image(grey).save(folder / f"{name}.jpg", quality=92, optimize=True)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--minutes", type=float, default=30.0, help="wall time to train for (default 30)")
    parser.add_argument("--steps", type=int, default=0, help="train for this many steps instead; repeatable")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--checkpoint", type=Path, default=ROOT / "build/colorize_demo/checkpoint.pt")
    parser.add_argument("--out", type=Path, default=ROOT / "apps/colorize/models/ddcolor_demo.onnx")
    parser.add_argument("--results", type=Path, default=ROOT / "build/colorize_demo/results")
    parser.add_argument(
        "--photos", nargs="*", metavar="NAME", help="also write these grey photographs for the demo"
    )
    parser.add_argument("--photo-folder", type=Path, default=ROOT / "apps/colorize/photos")
    parser.add_argument(
        "--export-only", action="store_true", help="no training: export and judge the checkpoint"
    )
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    options.checkpoint.parent.mkdir(parents=True, exist_ok=True)
    if options.export_only:
        network = build()
        network.load_state_dict(torch.load(options.checkpoint))
        network.eval()
    else:
        network = train(options.minutes, options.steps, options.checkpoint, options.seed)
    export(network, options.out)
    write_results(network, options.results)
    write_photos(options.photos or [], options.photo_folder)


if __name__ == "__main__":
    main()
