"""An image classifier: preprocessing with Pillow, softmax, the five best classes by name."""

from pathlib import Path

import numpy as np
import onnxruntime as ort
from PIL import Image


class Classifier:
    def __init__(self, model_path: Path, providers=None):
        self.session = ort.InferenceSession(str(model_path), providers=providers or ort.get_available_providers())
        self.input_name = self.session.get_inputs()[0].name
        _, _, self.height, self.width = self.session.get_inputs()[0].shape
        self.labels = self.session.get_modelmeta().custom_metadata_map["labels"].split(",")

    def preprocess(self, image: Image.Image) -> np.ndarray:
        image = image.convert("RGB").resize((self.width, self.height), Image.BILINEAR)
        x = np.asarray(image, dtype=np.float32) / 255.0
        x = (x - np.array([0.485, 0.456, 0.406], np.float32)) / np.array([0.229, 0.224, 0.225], np.float32)
        return x.transpose(2, 0, 1)[None]  # not contiguous: as programs do it

    def __call__(self, image: Image.Image):
        (logits,) = self.session.run(None, {self.input_name: self.preprocess(image)})
        e = np.exp(logits[0] - logits[0].max())
        p = e / e.sum()
        best = p.argsort()[::-1][:5]
        return [(self.labels[i], float(p[i])) for i in best]


def main(folder: Path):
    classify = Classifier(folder / "classifier.onnx")
    pixels = np.random.default_rng(0).integers(0, 255, (48, 64, 3), dtype=np.uint8)
    return [classify(Image.fromarray(pixels)), classify(Image.fromarray(pixels[::-1]))]
