"""Saves a failing case as model.onnx with its inputs as ONNX test data, and runs it again."""

import json
import shutil

import onnx

import trial
from case import tensor_of


def folder(root, operator, seed):
    return root / f"{operator[1]}-{'-'.join(str(s) for s in seed[::2])}"


def save(root, operator, seed, verdict):
    to = folder(root, operator, seed)
    shutil.rmtree(to, ignore_errors=True)
    (to / "test_data_set_0").mkdir(parents=True)
    about = {"operator": operator, "kind": verdict.kind, "case": verdict.case, "text": verdict.text, "choices": verdict.choices}
    (to / "case.json").write_text(json.dumps(about, indent=1, default=str, ensure_ascii=False))
    case, _ = trial.generate(operator, None, list(verdict.choices))
    model = case.model()
    onnx.save(model, to / "model.onnx")
    feeds = case.feeds()
    for i, info in enumerate(model.graph.input):
        x = feeds[info.name]
        if x is None or isinstance(x, dict):
            continue  # ONNX's test data has no form for these; case.json makes them
        proto = sequence_of(x, info.name) if isinstance(x, list) else tensor_of(x, info.name)
        (to / f"test_data_set_0/input_{i}.pb").write_bytes(proto.SerializeToString())
    return to


def sequence_of(parts, name):
    tensors = [tensor_of(x, "") for x in parts]
    return onnx.SequenceProto(name=name, elem_type=onnx.SequenceProto.TENSOR, tensor_values=tensors)


def replay(at):
    about = json.loads((at / "case.json").read_text())
    operator = tuple(about["operator"])
    pool = trial.Pool(1)
    try:
        for _, verdict in pool.run([(operator, None, about["choices"])]):
            print(f"{verdict.case}\n{verdict.status} {verdict.kind or ''} {verdict.text}")
            return 1 if verdict.status == "fail" else 0
    finally:
        pool.close()
