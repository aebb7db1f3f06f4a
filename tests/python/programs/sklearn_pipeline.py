"""A pipeline exported from scikit-learn: label and probabilities, the latter as a list of dicts."""

import numpy as np
import onnxruntime as rt


def main(folder):
    sess = rt.InferenceSession((folder / "sklearn_pipeline.onnx").read_bytes(), providers=["CPUExecutionProvider"])
    input_name = sess.get_inputs()[0].name
    label_name = sess.get_outputs()[0].name
    x = np.random.default_rng(0).normal(2, 2, (6, 4))
    labels = sess.run([label_name], {input_name: x.astype(np.float32)})[0]
    probabilities = sess.run(["output_probability"], {input_name: x.astype(np.float32)})[0]
    kinds = [sess.get_outputs()[1].type, sess.get_outputs()[1].shape, sess.get_inputs()[0].shape]
    assert isinstance(probabilities, list) and isinstance(probabilities[0], dict)
    return [labels, probabilities, sorted(probabilities[0]), kinds]
