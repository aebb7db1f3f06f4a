#!/usr/bin/env python3
"""Fits small estimators of scikit-learn, LightGBM and XGBoost, and converts them to ONNX beside their own answers.

    DIR/manifest.json, DIR/<case>/...   as tests/frameworks/export.py writes them; compare.py there reads them

The answers are the estimator's, in its own float64; ONNX Runtime's outputs give only their shape and type, since a
converter may return (N,1) for scikit-learn's (N,). A case converted by the same sources is skipped.
"""

import argparse
import hashlib
import json
import os
import sys
import warnings
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before OpenMP starts: threads cost more than such data

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent

import numpy as np
import onnxruntime
import onnxmltools
import skl2onnx
import sklearn
from onnxmltools.convert.common.data_types import FloatTensorType as LightFloat
from skl2onnx.common import data_types

import estimators

TYPES = {
    "f4": data_types.FloatTensorType,
    "f8": data_types.DoubleTensorType,
    "i8": data_types.Int64TensorType,
}


def type_of(array: np.ndarray):
    kind = TYPES.get(array.dtype.str[1:], data_types.StringTensorType)
    return kind([None, array.shape[1]])


def converted(fit):
    """The ONNX model, by the converter of the library that the estimator is from."""
    library, first = type(fit.estimator).__module__.split(".")[0], fit.rows[0]
    if library in ("lightgbm", "xgboost"):
        convert = getattr(onnxmltools, f"convert_{library}")
        more = {"zipmap": fit.options["zipmap"]} if library == "lightgbm" and fit.options else {}
        return convert(fit.estimator, initial_types=[("X", LightFloat([None, first.shape[1]]))], **more)
    columns = first if isinstance(first, dict) else {"X": first}
    types = [(name, type_of(array)) for name, array in columns.items()]
    parts = {key: value for key, value in fit.options.items() if isinstance(key, int)}
    own = {key: value for key, value in fit.options.items() if isinstance(key, str)}
    options = {**parts, **({id(fit.estimator): own} if own else {})}
    return skl2onnx.to_onnx(
        fit.estimator, initial_types=types, options=options or None, target_opset=fit.opset
    )


def answers(fit, rows):
    """The estimator's own outputs for one set of rows."""
    if isinstance(rows, dict):
        asked = estimators.side_by_side(rows)
    else:
        words = rows.dtype == object and rows.shape[1] == 1
        asked = rows[:, 0] if words and ("text" in fit.name or "label" in fit.name) else rows
        asked = asked[:, 0] if "label" in fit.name and asked.ndim == 2 else asked
    found = [getattr(fit.estimator, method)(asked) if method else None for method in fit.methods]
    return [value.toarray() if hasattr(value, "toarray") else value for value in found]


def like(value: np.ndarray, shown, name: str) -> np.ndarray:
    """`value` in the shape and type of what ONNX Runtime showed; of two classes, the first scores the opposite."""
    if value is None:
        return shown
    value = np.asarray(value)
    if shown is None or isinstance(shown, list):
        return value.astype(np.float32)
    if 2 * value.size == shown.size:
        value = np.stack([-value, value], 1)
    if value.size != shown.size:
        raise ValueError(f"{name}: the estimator answers {value.shape}, the model {shown.shape}")
    return value.reshape(shown.shape).astype("U" if shown.dtype == object else shown.dtype)


def savable(array: np.ndarray) -> np.ndarray:
    return array.astype("U") if array.dtype == object else array


def export(fit, out: Path) -> dict:
    folder = out / fit.name
    folder.mkdir(parents=True, exist_ok=True)
    model = converted(fit)
    (folder / "model.onnx").write_bytes(model.SerializeToString())
    providers = ["CPUExecutionProvider"]
    session = (
        None
        if fit.without_ort
        else onnxruntime.InferenceSession(model.SerializeToString(), providers=providers)
    )
    runs = []
    for index, rows in enumerate(fit.rows):
        columns = rows if isinstance(rows, dict) else {model.graph.input[0].name: rows}
        names = [output.name for output in model.graph.output]
        shown = session.run(None, columns) if session else [None] * len(names)
        if len(names) != len(fit.methods):
            raise ValueError(f"{fit.name}: outputs {names}, expected {fit.methods}")
        values = {name: like(a, s, name) for name, a, s in zip(names, answers(fit, rows), shown)}
        run = {"inputs": {}, "outputs": {}}
        for kind, named in (("inputs", columns), ("outputs", values)):
            for name, array in named.items():
                file = f"{kind[:-1]}_{index}_{name}.npy"
                np.save(folder / file, savable(array), allow_pickle=False)
                run[kind][name] = f"{fit.name}/{file}"
        runs.append(run)
    opset = max(imported.version for imported in model.opset_import)
    known = {"name": fit.name, "opset": opset, "limit": fit.limit, "without_ort": fit.without_ort}
    return {**known, "model": f"{fit.name}/model.onnx", "runs": runs}


def stamp() -> str:
    versions = f"{sklearn.__version__} {skl2onnx.__version__} {onnxmltools.__version__}"
    digest = hashlib.sha256(versions.encode())
    for path in (HERE / "pipelines.py", HERE / "estimators.py"):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, default=ROOT / "build/pipelines")
    options = parser.parse_args()
    warnings.filterwarnings("ignore")
    onnxruntime.set_default_logger_severity(4)
    manifest, mark = options.out / "manifest.json", stamp()
    if manifest.exists() and json.loads(manifest.read_text()).get("stamp") == mark:
        print(f"{manifest}: kept")
        return 0
    options.out.mkdir(parents=True, exist_ok=True)
    done, failed = [], []
    for fit in estimators.fits():
        try:
            done.append(export(fit, options.out))
        except Exception as problem:  # the others are still worth having
            failed.append(fit.name)
            print(f"{fit.name:32} FAIL {type(problem).__name__}: {str(problem)[-400:]}", flush=True)
    record = {
        "framework": "scikit-learn",
        "version": sklearn.__version__,
        "cases": done,
        "stamp": "" if failed else mark,
    }
    manifest.write_text(json.dumps(record, indent=1) + "\n")
    print(f"{len(done)} cases in {options.out}; could not be converted: {', '.join(failed) or 'none'}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
