"""Object detection: letterbox, one model run, confidence threshold and non-maximum suppression in numpy."""

from typing import Optional

import numpy as np
import onnxruntime as ort
from PIL import Image


def letterbox(image: Image.Image, size: int):
    scale = size / max(image.size)
    new = image.resize((round(image.width * scale), round(image.height * scale)))
    canvas = Image.new("RGB", (size, size), (114, 114, 114))
    left, top = (size - new.width) // 2, (size - new.height) // 2
    canvas.paste(new, (left, top))
    return canvas, scale, left, top


def nms(boxes, scores, threshold):
    order, keep = scores.argsort()[::-1], []
    while order.size:
        i, rest = order[0], order[1:]
        keep.append(int(i))
        low, high = np.maximum(boxes[i, :2], boxes[rest, :2]), np.minimum(boxes[i, 2:], boxes[rest, 2:])
        inter = np.prod(np.clip(high - low, 0, None), axis=1)
        area = np.prod(boxes[:, 2:] - boxes[:, :2], axis=1)
        order = rest[inter / (area[i] + area[rest] - inter) < threshold]
    return keep


class Detector:
    session: Optional[ort.InferenceSession] = None

    def load(self, path, options: "ort.SessionOptions | None" = None):
        self.session = ort.InferenceSession(path, options, providers=[("CPUExecutionProvider", {})])
        self.size = self.session.get_inputs()[0].shape[2]

    def detect(self, image):
        canvas, scale, left, top = letterbox(image, self.size)
        x = np.ascontiguousarray(np.asarray(canvas, np.float32).transpose(2, 0, 1)[None] / 255)
        out = self.session.run([self.session.get_outputs()[0].name], {"images": x})[0][0].T
        scores, classes = out[:, 4:].max(axis=1), out[:, 4:].argmax(axis=1)
        center, half = out[:, :2] + np.arange(64)[:, None] % 8 * 8, out[:, 2:4] / 2
        boxes = (np.concatenate([center - half, center + half], axis=1) - [left, top, left, top]) / scale
        chosen = nms(boxes, scores, 0.5)[:10]
        return [(int(classes[i]), float(scores[i]), *map(float, boxes[i])) for i in chosen]


def main(folder):
    detector = Detector()
    detector.load(folder / "detector.onnx")
    pixels = np.random.default_rng(1).integers(0, 255, (90, 120, 3), dtype=np.uint8)
    return detector.detect(Image.fromarray(pixels))
