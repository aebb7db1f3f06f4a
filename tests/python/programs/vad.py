"""Voice activity detection over a stream: one session, a state that goes round, two sample rates."""

import numpy as np
import onnxruntime


class VoiceActivity:
    def __init__(self, path):
        opts = onnxruntime.SessionOptions()
        opts.inter_op_num_threads = 1
        opts.intra_op_num_threads = 1
        opts.log_severity_level = 3
        self.session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"], sess_options=opts)
        self.reset()

    def reset(self, batch=1):
        self.state = np.zeros((2, batch, 8), dtype="float32")

    def __call__(self, chunk, rate):
        inputs = {"input": chunk, "state": self.state, "sr": np.array(rate, dtype="int64")}
        out, self.state = self.session.run(None, inputs)
        return out


def main(folder):
    vad = VoiceActivity(folder / "vad.onnx")
    wave = np.sin(np.arange(16000) / 20).astype(np.float32) * np.linspace(0, 1, 16000, dtype=np.float32)
    results = []
    for rate, size in ((16000, 512), (8000, 256)):
        vad.reset()
        results.append(np.concatenate([vad(wave[None, i : i + size], rate) for i in range(0, 4096, size)]))
        results.append(vad.state)
    return results
