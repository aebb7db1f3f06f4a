"""A text encoder: token ids as nested lists and arrays, batches of different lengths, pooled and normalised."""

import numpy as np
import onnxruntime as ort


def main(folder):
    options = ort.SessionOptions()
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_ALL
    options.intra_op_num_threads = 1
    session = ort.InferenceSession(folder / "encoder.onnx", sess_options=options, providers=["CPUExecutionProvider"])
    wanted = {x.name for x in session.get_inputs()}
    results = []
    for lengths in ([5, 3], [9], [2, 2, 7]):
        n = max(lengths)
        batch = {
            "input_ids": [
                [(7 * i + j) % 100 if j < length else 0 for j in range(n)] for i, length in enumerate(lengths)
            ],
            "attention_mask": np.array([[1] * length + [0] * (n - length) for length in lengths]),
            "token_type_ids": np.zeros((len(lengths), n), np.int64),
        }
        hidden, pooled = session.run(
            output_names=["last_hidden_state", "pooler_output"],
            input_feed={k: v for k, v in batch.items() if k in wanted},
        )
        results += [hidden, pooled / np.linalg.norm(pooled, axis=1, keepdims=True)]
    return results
