"""Operators whose operands or attributes are hostile: indices out of range, sizes that overflow, divisors of zero,
missing inputs. Most come twice, with the operands as initializers and as inputs at run, and every case runs with
optimization and without."""

import numpy as np
from onnx import TensorProto, helper

from case import (
    BOOL,
    F,
    I64,
    INVALID_ARGUMENT,
    INVALID_MODEL,
    OK,
    TOO_MUCH,
    UNSUPPORTED,
    both_ways,
    case,
    graph,
    model,
    node,
    one,
    tensor,
    value,
)

MAX, MIN = 2**63 - 1, -(2**63)
BAD = (INVALID_MODEL, INVALID_ARGUMENT)  # found when loading, or when running: the operands decide


def i64(*values):
    return np.array(values, np.int64)


def f32(*values):
    return np.array(values, np.float32)


def grid(*shape):
    return np.arange(np.prod(shape), dtype=np.float32).reshape(shape)


def refused(fault, name, op, inputs, operands=None, codes=BAD, **attributes):
    more = {k: attributes.pop(k) for k in ("opset", "domain", "outputs") if k in attributes}
    both_ways(fault, f"{op} {name}", op, inputs, codes, rf"'{op.lower()}'", operands, attributes=attributes, **more)


# 5: indices from data.
INDICES = {
    "n": 4,
    "minus n minus 1": -5,
    "int64 max": MAX,
    "int64 min": MIN,
    "two to the 32": 2**32,
    "wraps to 1": 2**32 + 1,
}
for _name, _index in INDICES.items():
    refused(5, f"index {_name}", "Gather", [grid(4, 3), i64(0, _index)])
    refused(5, f"index {_name}", "GatherElements", [grid(4, 2), i64(0, _index).reshape(1, 2)])
    refused(5, f"index {_name}", "GatherND", [grid(4, 2), i64(_index).reshape(1, 1)])
    refused(5, f"index {_name}", "ScatterElements", [grid(4, 2), i64(0, _index).reshape(1, 2), grid(1, 2)])
    refused(5, f"index {_name}", "ScatterND", [grid(4, 2), i64(_index).reshape(1, 1), grid(1, 2)])
for _name, _index in [("n", 3), ("int64 max", MAX), ("int64 min", MIN)]:
    refused(5, f"index {_name}", "ArrayFeatureExtractor", [grid(2, 3), i64(_index)], domain="ai.onnx.ml", opset=21)
    refused(5, f"write index {_name}", "TensorScatter", [grid(1, 1, 3, 2), grid(1, 1, 2, 2), i64(_index)], opset=24)
for _name, _index in [("past the end", 8), ("negative", -1), ("int64 max", MAX), ("int64 min", MIN)]:
    refused(
        5,
        f"index {_name}",
        "MaxUnpool",
        [grid(1, 1, 1, 2), i64(0, _index).reshape(1, 1, 1, 2)],
        kernel_shape=[1, 2],
        strides=[1, 4],
    )
for _name, _lengths in [("over time", [3, 9]), ("zero", [0, 1]), ("negative", [-1, 2]), ("int64 max", [MAX, 1])]:
    refused(
        5,
        f"lengths {_name}",
        "ReverseSequence",
        [grid(4, 2), i64(*_lengths)],
        codes=(*BAD, OK) if _name == "zero" else BAD,
    )
for _name, _batch in [("past the end", 2), ("negative", -1), ("int64 max", MAX)]:
    refused(5, f"batch index {_name}", "RoiAlign", [grid(2, 1, 4, 4), f32(0, 0, 3, 3).reshape(1, 4), i64(_batch)])
for _name, _roi in [("NaN", np.nan), ("1e30", 1e30), ("infinite", np.inf), ("minus 1e30", -1e30)]:
    _made, _feeds = one("RoiAlign", [grid(2, 1, 4, 4), f32(0, 0, _roi, _roi).reshape(1, 4), i64(0)], [0, 1, 2])
    case(5, f"RoiAlign region to {_name}", _made, (OK, *BAD), r"'roialign'", inputs=_feeds)
    _made, _feeds = one("GridSample", [grid(1, 1, 4, 4), np.full((1, 2, 2, 2), _roi, np.float32)], [0, 1])
    case(5, f"GridSample at {_name}", _made, (OK, *BAD), r"'gridsample'", inputs=_feeds)
    _made, _feeds = one(
        "NonMaxSuppression",
        [f32(0, 0, _roi, _roi, 0, 0, 1, 1).reshape(1, 2, 4), f32(0.5, _roi).reshape(1, 1, 2), i64(2)],
        [0, 1, 2],
    )
    case(5, f"NonMaxSuppression of boxes to {_name}", _made, (OK, *BAD), r"'nonmaxsuppression'", inputs=_feeds)
    _made, _feeds = one(
        "DeformConv", [grid(1, 1, 3, 3), grid(1, 1, 2, 2), np.full((1, 8, 2, 2), _roi, np.float32)], [0, 1, 2]
    )
    case(5, f"DeformConv offset {_name}", _made, (OK, *BAD), r"'deformconv'", inputs=_feeds)
    _made, _feeds = one(
        "Resize",
        [grid(1, 1, 2, 2), f32(0, 0, 0, 0, 1, 1, _roi, _roi), None, i64(1, 1, 4, 4)],
        [0, 1],
        coordinate_transformation_mode="tf_crop_and_resize",
    )
    case(5, f"Resize region to {_name}", _made, (OK, *BAD), r"'resize'", inputs=_feeds)
for _n in (-1, 0, MAX, MIN):
    _made, _feeds = one(
        "NonMaxSuppression", [f32(0, 0, 1, 1).reshape(1, 1, 4), f32(0.5).reshape(1, 1, 1), i64(_n)], [0, 1, 2]
    )
    case(5, f"NonMaxSuppression of {_n}", _made, (OK, *BAD), r"'nonmaxsuppression'", inputs=_feeds)
for _size in (0, -1, MAX, 2**20):
    for _attribute in ("output_height", "sampling_ratio"):
        _codes = (OK, *BAD, *TOO_MUCH)
        _made, _feeds = one(
            "RoiAlign", [grid(1, 1, 4, 4), f32(0, 0, 3, 3).reshape(1, 4), i64(0)], [0, 1, 2], **{_attribute: _size}
        )
        case(4, f"RoiAlign {_attribute} {_size}", _made, _codes, r"'roialign'", inputs=_feeds)
for _name, _label in [("past the end", 3), ("negative", -1), ("int64 min", MIN)]:
    refused(5, f"label {_name}", "NegativeLogLikelihoodLoss", [grid(1, 3), i64(_label)])
    refused(5, f"label {_name}", "SoftmaxCrossEntropyLoss", [grid(1, 3), i64(_label)])
for _name, _axes in [
    ("past the end", [2]),
    ("before the start", [-3]),
    ("int64 min", [MIN]),
    ("int64 max", [MAX]),
    ("twice", [0, -2]),
    ("wraps to 0", [2**32]),
]:
    refused(5, f"axes {_name}", "ReduceSum", [grid(2, 3), i64(*_axes)]) if _name != "twice" else None
    refused(5, f"axes {_name}", "Squeeze", [grid(1, 1), i64(*_axes)], codes=(*BAD, OK) if _name == "twice" else BAD)
    refused(5, f"axes {_name}", "Unsqueeze", [grid(2)[0], i64(*_axes)]) if _name != "twice" else None
    refused(5, f"axes {_name}", "Slice", [grid(2, 3), i64(0, 0)[: len(_axes)], i64(1, 1)[: len(_axes)], i64(*_axes)])
    refused(5, f"axes {_name}", "Pad", [grid(2, 3), i64(1, 1, 1, 1)[: 2 * len(_axes)], None, i64(*_axes)])
    refused(5, f"axes {_name}", "CenterCropPad", [grid(2, 3), i64(1, 9)[: len(_axes)]], axes=_axes)
    refused(5, f"axes {_name}", "Resize", [grid(2, 3), None, None, i64(1, 9)[: len(_axes)]], axes=_axes, opset=19)
    refused(5, f"axis {_name}", "CumSum", [grid(2, 3), i64(*_axes)[0]]) if _name != "twice" else None
for _op, _inputs in [
    ("Softmax", [grid(2, 3)]),
    ("Concat", [grid(2, 3), grid(2, 3)]),
    ("Gather", [grid(2, 3), i64(0)]),
    ("ArgMax", [grid(2, 3)]),
    ("Split", [grid(2, 3)]),
    ("Flatten", [grid(2, 3)]),
    ("LayerNormalization", [grid(2, 3), grid(3)]),
    ("TopK", [grid(2, 3), i64(1)]),
    ("OneHot", [grid(2), i64(3), f32(0, 1)]),
    ("Compress", [grid(2, 3), np.array([True])]),
    ("Hardmax", [grid(2, 3)]),
    ("LogSoftmax", [grid(2, 3)]),
    ("GatherElements", [grid(2, 3), i64(0, 0).reshape(1, 2)]),
]:
    for _name, _axis in [
        ("int64 min", MIN),
        ("int64 max", MAX),
        ("rank", 3),
        ("below minus rank", -4),
        ("wraps to 0", 2**32),
    ]:
        _more = {"num_outputs": 2} if _op == "Split" else {}
        _made, _feeds = one(
            _op, _inputs, range(len(_inputs)), outputs="y z" if _op in ("TopK", "Split") else "y", axis=_axis, **_more
        )
        case(5, f"{_op} axis {_name}", _made, BAD, rf"'{_op.lower()}'", inputs=_feeds)
refused(5, "perm past the end", "Transpose", [grid(2, 3)], perm=[0, 2])
refused(5, "perm twice", "Transpose", [grid(2, 3)], perm=[1, 1])
refused(5, "perm too short", "Transpose", [grid(2, 3)], perm=[0])
refused(5, "equation names too many axes", "Einsum", [grid(2, 3)], equation="ijk->i")
refused(5, "equation output unknown", "Einsum", [grid(2, 3)], equation="ij->z")
refused(5, "equation garbage", "Einsum", [grid(2, 3)], equation="->->,,..")
for _op in ("SequenceAt", "SequenceErase"):
    for _name, _index in [("past the end", 1), ("before the start", -2), ("int64 min", MIN), ("int64 max", MAX)]:
        _nodes = [node("SequenceConstruct", "x", "s"), node(_op, "s i", "t" if _op == "SequenceErase" else "y")]
        _nodes += [node("SequenceLength", "t")] if _op == "SequenceErase" else []
        case(
            5,
            f"{_op} {_name}",
            model(_nodes, ["x", value("i", I64, [])]),
            BAD,
            rf"'{_op.lower()}'",
            inputs={"x": f32(1), "i": np.int64(_index)},
        )

# 4: sizes as operands.
SIZES = {"two to the 60": 2**60, "int64 max": MAX, "two to the 62": 2**62}
for _name, _n in SIZES.items():
    both_ways(4, f"ConstantOfShape {_name}", "ConstantOfShape", [i64(_n)], (*BAD, *TOO_MUCH), r"'constantofshape'")
    both_ways(4, f"Expand {_name}", "Expand", [f32(1), i64(_n)], (*BAD, *TOO_MUCH), r"'expand'", [1])
    both_ways(4, f"Tile {_name}", "Tile", [f32(1, 2), i64(_n)], (*BAD, *TOO_MUCH), r"'tile'", [1])
    both_ways(4, f"Range {_name}", "Range", [np.int64(0), np.int64(_n), np.int64(1)], (*BAD, *TOO_MUCH), r"'range'")
    both_ways(4, f"Pad {_name}", "Pad", [f32(1), i64(_n, _n)], (*BAD, *TOO_MUCH), r"'pad'", [1])
    both_ways(4, f"OneHot {_name}", "OneHot", [i64(0), i64(_n), f32(0, 1)], (*BAD, *TOO_MUCH), r"'onehot'", [1])
    both_ways(
        4,
        f"Resize to {_name}",
        "Resize",
        [grid(1, 1, 2, 2), None, None, i64(1, 1, _n, 2)],
        (*BAD, *TOO_MUCH),
        r"'resize'",
        [3],
    )
    both_ways(
        4, f"CenterCropPad {_name}", "CenterCropPad", [f32(1), i64(_n)], (*BAD, *TOO_MUCH), r"'centercroppad'", [1]
    )
    both_ways(4, f"HannWindow {_name}", "HannWindow", [np.int64(_n)], (*BAD, *TOO_MUCH), r"'hannwindow'")
    both_ways(
        4, f"Col2Im {_name}", "Col2Im", [grid(1, 4, 1), i64(_n, 2), i64(2, 2)], (*BAD, *TOO_MUCH), r"'col2im'", [1]
    )
    both_ways(
        4, f"DFT length {_name}", "DFT", [grid(1, 4, 1), np.int64(_n)], (*BAD, *TOO_MUCH), r"'dft'", [1], opset=20
    )
    both_ways(
        4,
        f"MelWeightMatrix {_name}",
        "MelWeightMatrix",
        [np.int64(_n), np.int64(_n), np.int64(8000), np.float32(0), np.float32(4000)],
        (*BAD, *TOO_MUCH),
        r"'melweightmatrix'",
        [0, 1],
    )
    both_ways(4, f"TopK k {_name}", "TopK", [grid(3), i64(_n)], BAD, r"'topk'", [1], outputs="y z")
    both_ways(4, f"Split {_name}", "Split", [grid(4), i64(_n, 4 - _n)], BAD, r"'split'", [1], outputs="y z")
    both_ways(4, f"Reshape {_name}", "Reshape", [grid(4), i64(_n, 4)], BAD, r"'reshape'", [1])
both_ways(
    4, "ConstantOfShape product wraps", "ConstantOfShape", [i64(2**32, 2**32)], (*BAD, *TOO_MUCH), r"'constantofshape'"
)
both_ways(4, "Expand product wraps", "Expand", [f32(1), i64(2**32, 2**32)], (*BAD, *TOO_MUCH), r"'expand'", [1])
both_ways(4, "Tile product wraps", "Tile", [grid(2, 2), i64(2**63 - 1, 2)], (*BAD, *TOO_MUCH), r"'tile'", [1])
for _name, _n in [("minus 1", -1), ("int64 min", MIN)]:
    refused(4, f"to {_name}", "ConstantOfShape", [i64(_n)])
    refused(4, f"to {_name}", "Tile", [f32(1), i64(_n)], [1])
    refused(4, f"k {_name}", "TopK", [grid(3), i64(_n)], [1], outputs="y z")
    refused(4, f"depth {_name}", "OneHot", [i64(0), i64(_n), f32(0, 1)], [1])
    refused(4, f"window {_name}", "HannWindow", [np.int64(_n)])
    refused(4, f"sizes {_name}", "Resize", [grid(1, 1, 2, 2), None, None, i64(1, 1, _n, 2)], [3])
refused(4, "to minus 2", "Expand", [f32(1), i64(-2)], [1])
refused(4, "pads below minus extent", "Pad", [f32(1, 2), i64(-2, -1)], [1])
refused(4, "pads int64 min", "Pad", [f32(1, 2), i64(MIN, MIN)], [1])
refused(4, "k over dim", "TopK", [grid(3), i64(4)], [1], outputs="y z")
refused(4, "two minus ones", "Reshape", [grid(4), i64(-1, -1)], [1])
refused(4, "minus 2", "Reshape", [grid(4), i64(-2)], [1])
refused(4, "another count", "Reshape", [grid(4), i64(3)], [1])
refused(4, "copy an axis that is not there", "Reshape", [grid(4), i64(4, 0)], [1])
for _name, _scale in [("NaN", np.nan), ("zero", 0), ("negative", -1), ("infinite", np.inf), ("1e30", 1e30)]:
    _codes = (*BAD, *TOO_MUCH)
    both_ways(
        4, f"Resize scale {_name}", "Resize", [grid(1, 1, 2, 2), None, f32(1, 1, _scale, 1)], _codes, r"'resize'", [2]
    )
    refused(4, f"scale {_name}", "Upsample", [grid(1, 1, 2, 2), f32(1, 1, _scale, 1)], [1], codes=_codes, opset=9)
for _name, _delta in [("zero", 0.0), ("NaN", np.nan), ("denormal", 1e-320)]:
    both_ways(
        4,
        f"Range delta {_name}",
        "Range",
        [np.float64(0), np.float64(1), np.float64(_delta)],
        (*BAD, *TOO_MUCH),
        r"'range'",
    )
for _attribute, _value in [
    ("strides", [0, 0]),
    ("strides", [-1, 1]),
    ("strides", [MAX, MAX]),
    ("dilations", [0, 1]),
    ("dilations", [MAX, MAX]),
    ("dilations", [-1, -1]),
    ("pads", [MAX] * 4),
    ("pads", [-3] * 4),
    ("pads", [0, 0]),
    ("kernel_shape", [0, 0]),
    ("kernel_shape", [2]),
    ("kernel_shape", [MAX, MAX]),
    ("group", 0),
    ("group", -1),
    ("group", MAX),
    ("group", 3),
]:
    for _op in ("Conv", "ConvTranspose", "MaxPool", "AveragePool"):
        if _attribute == "group" and "Conv" not in _op:
            continue
        if _op == "ConvTranspose" and _attribute in ("pads", "strides") and abs(np.sum(np.array(_value, float))) > 1e18:
            continue  # below: it may also be too much
        _attributes = {"kernel_shape": [2, 2], _attribute: _value}
        _made, _feeds = one(_op, [grid(1, 2, 3, 3)] + ([grid(2, 2, 2, 2)] if "Conv" in _op else []), [0], **_attributes)
        # Negative pads of a transposed convolution only make its output larger.
        _codes = (OK, *BAD) if _op == "ConvTranspose" and _attribute == "pads" else (*BAD, *TOO_MUCH)
        case(4, f"{_op} {_attribute} {_value}", _made, _codes, rf"'{_op.lower()}'", inputs=_feeds)
for _attributes in [
    {"strides": [MAX, 1]},
    {"pads": [MAX] * 4},
    {"output_padding": [MAX, 0]},
    {"output_shape": [MAX, 3]},
    {"output_padding": [-1, -1]},
    {"strides": [2**31, 2**31]},
]:
    _made, _feeds = one("ConvTranspose", [grid(1, 2, 3, 3), grid(2, 2, 2, 2)], [0], **_attributes)
    case(4, f"ConvTranspose {_attributes}", _made, (*BAD, *TOO_MUCH, UNSUPPORTED), r"'convtranspose'", inputs=_feeds)
for _block in (0, -1, 3, MAX, 2**32):
    for _op in ("DepthToSpace", "SpaceToDepth"):
        refused(4, f"blocksize {_block}", _op, [grid(1, 4, 2, 2)], blocksize=_block)
for _size in (0, -1, MAX, 2**32):
    refused(4, f"size {_size}", "LRN", [grid(1, 4, 2, 2)], size=_size, codes=(*BAD, OK) if _size > 0 else BAD)
for _parts in (0, -1, MAX, 5):
    refused(4, f"num_outputs {_parts}", "Split", [grid(4)], num_outputs=_parts, outputs="y z")
for _groups in (0, -1, 3, MAX):
    refused(4, f"groups {_groups}", "GroupNormalization", [grid(1, 4, 2, 2), grid(4), grid(4)], num_groups=_groups)
for _n in (-1, 2**40):
    _made, _ = one("EyeLike", [np.zeros((2, 2), np.float32)], [0], k=_n)
    case(
        31,
        f"EyeLike k {_n}",
        _made,
        OK,
        inputs={"i0": np.zeros((2, 2), np.float32)},
        values=[np.eye(2, k=int(np.clip(_n, -2, 2)), dtype=np.float32)],
    )
case(
    31,
    "EyeLike k int64 min",
    one("EyeLike", [np.zeros((2, 2), np.float32)], [0], k=MIN)[0],
    OK,
    inputs={"i0": np.zeros((2, 2), np.float32)},
    values=[np.zeros((2, 2), np.float32)],
)
case(
    31,
    "Trilu k int64 min",
    one("Trilu", [np.ones((2, 2), np.float32), np.int64(MIN)], [0, 1])[0],
    OK,
    inputs={"i0": np.ones((2, 2), np.float32), "i1": np.int64(MIN)},
    values=[np.ones((2, 2), np.float32)],
)
case(
    31,
    "Trilu k int64 max",
    one("Trilu", [np.ones((2, 2), np.float32), np.int64(MAX)], [0, 1])[0],
    OK,
    inputs={"i0": np.ones((2, 2), np.float32), "i1": np.int64(MAX)},
    values=[np.zeros((2, 2), np.float32)],
)
for _name, _bounds, _answer in [
    ("int64 extremes", (MIN, MAX, 1), [1, 2, 3]),
    ("backwards", (MAX, MIN, -1), [3, 2, 1]),
    ("step int64 min", (MAX, MIN, MIN), [3]),
    ("step int64 max", (MIN, MAX, MAX), [1]),
]:
    both_ways(
        31,
        f"Slice {_name}",
        "Slice",
        [f32(1, 2, 3), *(i64(b) for b in (_bounds[0], _bounds[1])), i64(0), i64(_bounds[2])],
        OK,
        values=[f32(*_answer)],
    )
refused(7, "step 0", "Slice", [grid(3), i64(0), i64(3), i64(0), i64(0)])

# 7: division.
for _type in (np.int8, np.int16, np.int32, np.int64, np.uint8, np.uint16, np.uint32, np.uint64):
    _info = np.iinfo(_type)
    for _op in ("Div", "Mod"):
        both_ways(
            7,
            f"{_op} by zero {_type.__name__}",
            _op,
            [np.array([1, 7], _type), np.array([1, 0], _type)],
            INVALID_ARGUMENT,
            rf"'{_op.lower()}'.*zero",
        )
        if _info.min < 0:
            _answer = np.array([_info.min if _op == "Div" else 0, -7 if _op == "Div" else 0], _type)
            both_ways(
                7,
                f"{_op} min by minus 1 {_type.__name__}",
                _op,
                [np.array([_info.min, 7], _type), np.array([-1, -1], _type)],
                OK,
                values=[_answer],
            )
both_ways(7, "Mod by zero scalar", "Mod", [np.array([5], np.int64), np.int64(0)], INVALID_ARGUMENT, r"'mod'.*zero")
_made, _feeds = one("Mod", [f32(5, -5), f32(0, 0)], [0, 1], fmod=1)
case(7, "fmod by zero is NaN", _made, OK, inputs=_feeds)
both_ways(7, "Neg of min", "Neg", [np.array([-128], np.int8)], OK, values=[np.array([-128], np.int8)])
both_ways(7, "Abs of min", "Abs", [np.array([MIN], np.int64)], OK, values=[np.array([MIN], np.int64)])
both_ways(
    7, "Mul wraps", "Mul", [np.array([MAX], np.int64), np.array([2], np.int64)], OK, values=[np.array([-2], np.int64)]
)
both_ways(
    7, "ReduceMean of nothing", "ReduceMean", [np.zeros((0, 2), np.float32), i64(0)], (OK, *BAD), r"'reducemean'", [1]
)
both_ways(
    7, "ReduceMean of no integers", "ReduceMean", [np.zeros((0, 2), np.int32), i64(0)], (OK, *BAD), r"'reducemean'", [1]
)
both_ways(7, "ReduceMax of nothing", "ReduceMax", [np.zeros((0, 2), np.int32), i64(0)], (OK, *BAD), r"'reducemax'", [1])
both_ways(7, "ArgMax of nothing", "ArgMax", [np.zeros((0, 2), np.float32)], (OK, *BAD), r"'argmax'")
for _bits in (-1, 8, 255):
    _made, _feeds = one(
        "BitShift", [np.array([1, 255], np.uint8), np.array([1, _bits % 256], np.uint8)], [0, 1], direction="LEFT"
    )
    case(7, f"BitShift by {_bits}", _made, OK, inputs=_feeds, values=[np.array([2, 0], np.uint8)])
for _name, _scale in [("zero", 0.0), ("NaN", np.nan), ("denormal", 1e-45), ("negative", -1.0)]:
    _made, _feeds = one("QuantizeLinear", [f32(-1, 0, 300, np.nan), np.float32(_scale), np.uint8(3)], [0, 1])
    case(7, f"QuantizeLinear scale {_name}", _made, (OK, *BAD), r"'quantizelinear'", inputs=_feeds)
_made, _feeds = one("Cast", [f32(np.nan, 1e30, -1e30, 2.5)], [0], to=I64)
case(7, "Cast of what does not fit", _made, OK, inputs=_feeds)
_made, _feeds = one("Cast", [np.array([np.nan, np.inf, -np.inf, 1e300])], [0], to=TensorProto.INT8)
case(7, "Cast of infinity to int8", _made, OK, inputs=_feeds)

# 8: arity, and inputs that are not there. Every prefix of the inputs, and each of them empty.
ARITY = {
    "Conv": [grid(1, 1, 3, 3), grid(1, 1, 2, 2)],
    "Gemm": [grid(2, 2), grid(2, 2)],
    "Clip": [grid(2)],
    "BatchNormalization": [grid(1, 2, 2), grid(2), grid(2), grid(2), grid(2)],
    "Where": [np.array([True]), grid(1), grid(1)],
    "Gather": [grid(3), i64(0)],
    "LSTM": [grid(1, 1, 2), grid(1, 8, 2), grid(1, 8, 2)],
    "Slice": [grid(3), i64(0), i64(1)],
    "ScatterND": [grid(2, 2), i64(0).reshape(1, 1), grid(1, 2)],
    "Resize": [grid(1, 1, 2, 2)],
    "Pad": [grid(3), i64(1, 1)],
    "LayerNormalization": [grid(2, 2), grid(2)],
    "RoiAlign": [grid(1, 1, 2, 2), grid(1, 4), i64(0)],
    "QLinearMatMul": [np.zeros((1, 1), np.uint8), np.float32(1), np.uint8(0)] * 2 + [np.float32(1), np.uint8(0)],
    "Attention": [grid(1, 1, 2, 2), grid(1, 1, 2, 2), grid(1, 1, 2, 2)],
}
for _op, _inputs in ARITY.items():
    _opset = 23 if _op == "Attention" else 21
    _more = {"hidden_size": 2} if _op == "LSTM" else {}
    for _count in range(len(_inputs)):
        _made, _ = one(_op, _inputs[:_count], [], _opset, **_more)
        case(8, f"{_op} with {_count} inputs", _made, INVALID_MODEL, rf"'{_op.lower()}'")
    for _gone in range(len(_inputs)):
        _made, _feeds = one(_op, [None if i == _gone else a for i, a in enumerate(_inputs)], [], _opset, **_more)
        case(8, f"{_op} without input {_gone}", _made, INVALID_MODEL, rf"'{_op.lower()}'")
    _made, _ = one(_op, _inputs + [grid(1)] * 12, [], _opset, **_more)
    case(8, f"{_op} with too many inputs", _made, INVALID_MODEL, rf"'{_op.lower()}'.*inputs, expected")
    case(
        8,
        f"{_op} with 40 outputs",
        one(_op, _inputs, [], _opset, " ".join(f"y{i}" for i in range(40)), **_more)[0],
        INVALID_MODEL,
        rf"'{_op.lower()}'.*outputs",
    )
case(
    8,
    "Resize with scales and sizes",
    one("Resize", [grid(1, 1, 2, 2), None, f32(1, 1, 2, 2), i64(1, 1, 4, 4)])[0],
    BAD,
    r"'resize'",
)
case(
    8,
    "required output left out",
    model([node("TopK", "x k", ["", "y"])], ["x"], ["y"], [tensor("k", i64(1))]),
    (OK, INVALID_MODEL),
    r"'topk'",
    inputs={"x": f32(1, 2)},
)
case(
    8,
    "OptionalGetElement of nothing",
    model(
        [
            helper.make_node("Optional", [], ["o"], name="optional", type=helper.make_tensor_type_proto(F, [1])),
            node("OptionalGetElement", "o"),
        ],
        [],
    ),
    BAD,
    r"'optionalgetelement'",
)
case(
    8,
    "SequenceAt of an empty sequence",
    model(
        [helper.make_node("SequenceEmpty", [], ["s"], name="e"), node("SequenceAt", "s i")],
        [],
        ["y"],
        [tensor("i", np.int64(0))],
    ),
    BAD,
    r"'sequenceat'",
)
case(
    8,
    "ConcatFromSequence of nothing",
    model([helper.make_node("SequenceEmpty", [], ["s"], name="e"), node("ConcatFromSequence", "s", axis=0)], []),
    BAD,
    r"'concatfromsequence'",
)

# 6: attributes against tensors, looked at before anything is packed.
for _name, _w, _more in [
    ("channels", (4, 3, 1, 1), {}),
    ("group", (4, 2, 1, 1), {"group": 3}),
    ("rank", (4, 2, 1), {}),
    ("kernel_shape", (4, 2, 1, 1), {"kernel_shape": [3, 3]}),
    ("no output channels", (0, 2, 1, 1), {}),
    ("rank 2", (4, 2), {}),
    ("empty kernel", (4, 2, 0, 1), {}),
]:
    _codes = (OK, *BAD) if _name == "no output channels" else BAD
    both_ways(
        6,
        f"Conv weight {_name}",
        "Conv",
        [grid(1, 2, 4, 4), np.zeros(_w, np.float32)],
        _codes,
        r"'conv'",
        [1],
        attributes=_more,
    )
both_ways(6, "Conv bias too short", "Conv", [grid(1, 2, 4, 4), grid(4, 2, 1, 1), grid(3)], BAD, r"'conv'", [1, 2])
both_ways(
    6,
    "ConvTranspose bias too short",
    "ConvTranspose",
    [grid(1, 2, 4, 4), grid(2, 4, 1, 1), grid(3)],
    BAD,
    r"'convtranspose'",
    [1, 2],
)
both_ways(6, "Gemm inner", "Gemm", [grid(2, 3), grid(2, 3)], BAD, r"'gemm'", [1])
both_ways(6, "Gemm bias", "Gemm", [grid(2, 3), grid(3, 2), grid(3)], BAD, r"'gemm'", [1, 2])
both_ways(6, "MatMul inner", "MatMul", [grid(2, 3), grid(2, 3)], BAD, r"'matmul'", [1])
both_ways(6, "MatMul batch", "MatMul", [grid(2, 2, 3), grid(3, 3, 2)], BAD, r"'matmul'", [1])
both_ways(
    6,
    "BatchNormalization too few",
    "BatchNormalization",
    [grid(1, 4, 2), grid(3), grid(4), grid(4), grid(4)],
    BAD,
    r"'batchnormalization'",
    [1, 2, 3, 4],
)
for _i, _name in [(1, "weight"), (2, "recurrence"), (3, "bias"), (5, "state")]:
    _inputs = [grid(2, 1, 2), grid(1, 8, 2), grid(1, 8, 2), grid(1, 16), None, grid(1, 1, 2)]
    _inputs[_i] = grid(1, 7, 2) if _i < 3 else grid(1, 15) if _i == 3 else grid(1, 1, 3)
    both_ways(6, f"LSTM {_name}", "LSTM", _inputs, BAD, r"'lstm'", [_i], attributes={"hidden_size": 2})
for _size in (0, -1, MAX, 3):
    both_ways(
        6,
        f"LSTM hidden_size {_size}",
        "LSTM",
        [grid(2, 1, 2), grid(1, 8, 2), grid(1, 8, 2)],
        BAD,
        r"'lstm'",
        [1],
        attributes={"hidden_size": _size},
    )
for _scales, _blocks in [((3,), 0), ((2, 2), 2), ((4, 1), 0)]:
    both_ways(
        6,
        f"DequantizeLinear scale {_scales} block {_blocks}",
        "DequantizeLinear",
        [np.zeros((2, 6), np.int8), np.ones(_scales, np.float32)],
        BAD,
        r"'dequantizelinear'",
        [1],
        attributes={"axis": 1, "block_size": _blocks},
    )
both_ways(6, "PRelu slope", "PRelu", [grid(2, 3), grid(2)], BAD, r"'prelu'", [1])
both_ways(
    6,
    "Attention heads",
    "Attention",
    [grid(1, 2, 6), grid(1, 2, 6), grid(1, 2, 6)],
    BAD,
    r"'attention'",
    [1],
    opset=23,
    attributes={"q_num_heads": 4, "kv_num_heads": 4},
)
both_ways(
    6,
    "Attention mask",
    "Attention",
    [grid(1, 1, 2, 4), grid(1, 1, 2, 4), grid(1, 1, 2, 4), grid(3, 3)],
    BAD,
    r"'attention'",
    [3],
    opset=23,
)
both_ways(
    6,
    "RotaryEmbedding cache",
    "RotaryEmbedding",
    [grid(1, 1, 2, 4), grid(1, 3), grid(1, 3), i64(0, 5).reshape(1, 2)],
    BAD,
    r"'rotaryembedding'",
    [1, 2, 3],
    opset=23,
)
both_ways(
    5,
    "RotaryEmbedding position",
    "RotaryEmbedding",
    [grid(1, 1, 2, 4), grid(2, 2), grid(2, 2), i64(0, 5).reshape(1, 2)],
    BAD,
    r"'rotaryembedding'",
    [3],
    opset=23,
)
case(
    6,
    "If condition of two",
    model(
        [
            node(
                "If",
                "c",
                then_branch=graph([node("Identity", "x", "a")], [], [value("a")]),
                else_branch=graph([node("Identity", "x", "a")], [], [value("a")]),
            )
        ],
        ["x", value("c", BOOL, [None])],
    ),
    BAD,
    r"'if'",
    inputs={"x": f32(1), "c": np.array([True, False])},
)

# The driver gives the library no decoder, `onward run` gives it its own: nothing but a message may come of either.
_model, _feeds = one("ImageDecoder", [np.frombuffer(b"BM" + b"\xff" * 60, np.uint8)], fed=(0,))
case(17, "ImageDecoder without decoder", _model, UNSUPPORTED, r"'imagedecoder'.*set_image_decoder", inputs=_feeds)
both_ways(17, "ImageDecoder of nothing", "ImageDecoder", [np.zeros(0, np.uint8)], INVALID_ARGUMENT, r"'imagedecoder'")
_rows = np.zeros((2, 3), np.uint8)
both_ways(17, "ImageDecoder of rows", "ImageDecoder", [_rows], BAD, r"'imagedecoder'.*bytes of a file")
both_ways(
    17,
    "ImageDecoder in YUV",
    "ImageDecoder",
    [np.zeros(9, np.uint8)],
    INVALID_MODEL,
    r"pixel_format.*RGB, BGR or Grayscale",
    attributes={"pixel_format": "YUV"},
)
