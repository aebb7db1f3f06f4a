"""A server's way of running: one session, many threads, and run_async."""

import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import onnxruntime as ort


def main(folder):
    session = ort.InferenceSession(folder / "classifier.onnx", providers=["CPUExecutionProvider"])
    images = np.random.default_rng(3).normal(0, 1, (8, 1, 3, 32, 32)).astype(np.float32)
    with ThreadPoolExecutor(4) as pool:
        parallel = list(pool.map(lambda x: session.run(None, {"image": x})[0], images))
    done, results = threading.Event(), {}

    def finished(outputs, user_data, error):
        results[user_data] = (outputs, error)
        if len(results) == 3:
            done.set()

    for i in range(3):
        session.run_async(["logits"], {"image": images[i]}, finished, i)
    assert done.wait(30)
    values = {"image": ort.OrtValue.ortvalue_from_numpy(images[5])}
    (kept,) = session.run_with_ort_values(["logits"], values)
    return [parallel, [results[i][0][0] for i in range(3)], [results[i][1] for i in range(3)], kept.numpy(),
            kept.is_tensor(), kept.element_type()]  # fmt: skip
