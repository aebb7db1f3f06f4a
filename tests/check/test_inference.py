"""Shape inference against onnx.shape_inference: run with `python -m pytest tests/check` ($ONWARD names the program).

Over the official models, without the shapes that they declare for their outputs: where onnx's inference knows the
rank or a size of an output, onward knows the same or something more precise.
"""

import os
import re
import subprocess
from concurrent.futures import ThreadPoolExecutor

import onnx
from test_check import ONWARD, official_models

# Models where onnx's inference says more, with the reason why onward's does not. A name ends where others begin alike.
KNOWN_LESS = {
    "test_affine_grid_": "the length of `size` is not used as the rank, nor that the last size is its length - 2",
    "test_col2im": "the length of `image_shape` is not used as the rank",
    "test_dft": "an axis that is no constant hides the sizes that it cannot change",
    "test_expand_dim_": "sizes other than 1 are not kept when the shape's elements are unknown",
    "test_expand_shape_model": "as above",
    "test_loop11": "types that a body declares for its outputs are not used",
}


def without_shapes(model):
    """The model with the types of its outputs only; None where an output is no tensor."""
    for info in model.graph.output:
        if not info.type.HasField("tensor_type"):
            return None
        info.type.tensor_type.ClearField("shape")
    del model.graph.value_info[:]
    return model


def shape(value_type):
    """Sizes: numbers, names, None for unknown ones; None where the rank is unknown."""
    if not value_type.tensor_type.HasField("shape"):
        return None
    sizes = []
    for d in value_type.tensor_type.shape.dim:
        if d.HasField("dim_value"):
            sizes.append(d.dim_value)
        else:  # inference makes up "unk__" names for sizes that it does not know
            sizes.append(d.dim_param if d.dim_param and not d.dim_param.startswith("unk__") else None)
    return sizes


def inferred(path):
    """Types of the main graph's outputs, in order, as onward prints them; None where it cannot run the model."""
    done = subprocess.run([ONWARD, "inspect", path, "--graph", "ir"], capture_output=True, text=True, timeout=60)
    if re.search("is not in this build|training_mode is true", done.stderr):
        return None
    assert done.returncode == 0, f"{path}: {done.stderr[-300:]}"
    line = [text for text in done.stdout.splitlines() if text.startswith("  return ")][-1]
    return re.findall(r"%(?:\S+): (.*?)(?=, %|$)", line[len("  return "):])


def less_precise(path, folder):
    """Texts that say where onward knows less of an output than onnx does."""
    model = without_shapes(onnx.load(path))
    if model is None:
        return []
    copy = os.path.join(folder, path.strip("/").replace("/", "_"))
    onnx.save(model, copy)
    try:
        theirs = onnx.shape_inference.infer_shapes(model, data_prop=True).graph.output
    except onnx.shape_inference.InferenceError:
        return []
    ours, found = inferred(copy), []
    for info, text in zip(theirs, ours, strict=True) if ours else ():
        expected = shape(info.type)
        match = re.search(r"\[(.*)\]$", text)
        if expected is None or not match:
            continue
        sizes = re.split(r",(?![^(]*\))", match[1]) if match[1] else []
        known = sizes != ["..."] and len(sizes) == len(expected)
        known = known and all(e is None or (s == str(e) if isinstance(e, int) else not s.startswith("?"))
                              for e, s in zip(expected, sizes, strict=True))
        if not known:
            found.append(f"{os.path.relpath(path, os.path.dirname(onnx.__file__))}: {info.name} is {text}, "
                         f"onnx finds {expected}")
    os.remove(copy)
    return found


def test_outputs_are_known_as_well_as_onnx_knows_them(tmp_path):
    paths = [p for p in official_models() if not os.path.basename(os.path.dirname(p)).startswith(tuple(KNOWN_LESS))]
    assert len(paths) > 1500
    with ThreadPoolExecutor(2) as pool:
        worse = [text for found in pool.map(lambda p: less_precise(p, str(tmp_path)), paths) for text in found]
    assert not worse, "\n".join(["onnx.shape_inference knows more; see `infer` of the operators:", *worse])
