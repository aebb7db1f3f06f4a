"""Greedy text generation: keys and values stay in OrtValues and go back in through IOBinding."""

import numpy as np
import onnxruntime as ort


def generate(session, prompt, steps):
    empty = np.zeros((1, 0, 16), np.float32)
    past = {n: ort.OrtValue.ortvalue_from_numpy(empty, "cpu", 0) for n in ("past_key", "past_value")}
    tokens, ids = list(prompt), np.array([prompt], dtype=np.int64)
    for _ in range(steps):
        binding = session.io_binding()
        binding.bind_cpu_input("input_ids", ids)
        for name, value in past.items():
            binding.bind_ortvalue_input(name, value)
        for output in session.get_outputs():
            binding.bind_output(output.name, "cpu")
        session.run_with_iobinding(binding)
        logits, key, value = binding.get_outputs()
        token = int(logits.numpy()[0, -1].argmax())
        tokens.append(token)
        ids = np.array([[token]], dtype=np.int64)
        past = {"past_key": key, "past_value": value}
    return tokens, past


def main(folder):
    session = ort.InferenceSession(folder / "decoder.onnx", providers=["CPUExecutionProvider"])
    tokens, past = generate(session, [3, 14, 15], 12)
    # The same without bindings.
    feed = {"input_ids": np.array([tokens[:-1]]), **{n: np.zeros((1, 0, 16), np.float32) for n in past}}
    logits, key, _ = session.run(None, feed)
    shapes = [past["past_key"].shape(), past["past_key"].data_type(), past["past_key"].device_name()]
    # Into memory of the program's.
    out = np.empty((1, len(tokens) - 1, 50), np.float32)
    binding = session.io_binding()
    for name, array in feed.items():
        binding.bind_input(name, "cpu", 0, array.dtype, array.shape, array.ctypes.data)
    binding.bind_output("logits", "cpu", 0, np.float32, out.shape, out.ctypes.data)
    session.run_with_iobinding(binding)
    return [tokens, logits, key, shapes, out, np.array_equal(out, logits)]
