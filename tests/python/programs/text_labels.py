"""Text classification on strings: <U arrays, object arrays and lists go in, labels come out."""

import numpy as np
import onnxruntime as ort


def main(folder):
    session = ort.InferenceSession(str(folder / "text_classifier.onnx"), providers=["CPUExecutionProvider"])
    results = []
    for words in (np.array(["The", "GOOD", "fine"]), np.array(["bad", "the", "awful"], dtype=object), ["fine", "Bad"]):
        label, scores = session.run(None, {"words": words})
        results += [label, label.dtype.name, scores]
    kinds = [(x.name, x.type, x.shape) for x in session.get_inputs() + session.get_outputs()]
    return [*results, kinds]
