"""External data that leads out of the model's folder, is not what it says, or changes while it is used."""

import os

import numpy as np
from onnx import TensorProto

from case import F, INVALID_ARGUMENT, INVALID_MODEL, IO, OK, STR, case, model, node, tensor

SECRET = b"\x01\x02\x03\x04" * 4


def external(location="w.bin", offset=None, length=None, dims=(4,), dtype=F, extra=()):
    t = TensorProto(name="w", data_type=dtype, dims=dims)
    t.data_location = TensorProto.EXTERNAL
    entries = [("location", location), ("offset", offset), ("length", length), *extra]
    for key, text in entries:
        if text is not None:
            t.external_data.add(key=key, value=text)
    return model([node("Identity", "w")], [], ["y"], [t])


def refused(fault, name, m, message, codes=INVALID_MODEL, **more):
    case(fault, name, m, codes, r"'w'.*" + message, **more)


# 1: out of the folder.
LOCATIONS = {
    "parent": "../secret.bin",
    "parent inside": "a/../../secret.bin",
    "absolute": "/etc/passwd",
    "empty": None,
    "dot": ".",
    "dots": "..",
    "double slash": "a//w.bin",
    "trailing slash": "w.bin/",
    "back slash": "..\\secret.bin",
    "drive": "C:w.bin",
    "stream": "w.bin:stream",
    "long": "a" * 256,
    "NUL": "w.bin\0.png",
    "URL": "file:///etc/passwd",
    "dot part": "a/./w.bin",
    "self": "./../model.onnx",
}
for _name, _location in LOCATIONS.items():
    refused(1, f"location {_name}", external(_location or ""), r"location", files={"w.bin": SECRET, "a/w.bin": SECRET})
refused(1, "no location", external(None), r"no 'location'")
refused(1, "location that is a folder", external("sub"), r"sub", IO, prepare=lambda f: (f / "sub").mkdir())
refused(1, "missing file", external("none.bin"), r"none\.bin", IO)


def symbolic_link(folder):
    (folder.parent / "secret.bin").write_bytes(SECRET)
    (folder / "w.bin").symlink_to("../secret.bin")


def linked_folder(folder):
    (folder / "real").mkdir()
    (folder / "real/w.bin").write_bytes(SECRET)
    (folder / "sub").symlink_to("real")


def hard_link(folder):
    (folder / "other.bin").write_bytes(SECRET)
    os.link(folder / "other.bin", folder / "w.bin")


refused(1, "symbolic link out", external(), r"symbolic link", prepare=symbolic_link)
refused(
    1,
    "symbolic link to proc",
    external(),
    r"symbolic link",
    prepare=lambda f: (f / "w.bin").symlink_to("/proc/self/environ"),
)
refused(1, "symbolic link in the path", external("sub/w.bin"), r"symbolic link", prepare=linked_folder)
refused(1, "symbolic link loop", external(), r"symbolic link", prepare=lambda f: (f / "w.bin").symlink_to("w.bin"))
refused(1, "hard link", external(), r"hard link", prepare=hard_link)
refused(1, "pipe", external(), r"w\.bin", (IO, INVALID_MODEL), prepare=lambda f: os.mkfifo(f / "w.bin"))
refused(1, "unreadable folder part", external("w.bin/x"), r"w\.bin", IO, files={"w.bin": SECRET})
refused(1, "from memory", external(), r"from memory", INVALID_ARGUMENT, files={"w.bin": SECRET}, from_memory=True)
case(
    1,
    "as it should be",
    external("a/w.bin"),
    OK,
    files={"a/w.bin": np.arange(4, dtype=np.float32).tobytes()},
    values=[np.arange(4, dtype=np.float32)],
)

# 3: offset and length against the file.
SIZES = {
    "offset past the end": ("17", None),
    "length past the end": ("4", "16"),
    "length too short": (None, "12"),
    "length zero": (None, "0"),
    "negative offset": ("-1", None),
    "negative length": (None, "-16"),
    "offset overflows": ("18446744073709551600", None),
    "offset int64 max": ("9223372036854775807", "16"),
    "offset with text": ("0x10", None),
    "offset with space": (" 0", None),
    "length in words": (None, "sixteen"),
    "offset empty": ("", None),
    "length fraction": (None, "16.0"),
}
for _name, (_offset, _length) in SIZES.items():
    refused(3, f"external {_name}", external(offset=_offset, length=_length), r"external data", files={"w.bin": SECRET})
refused(3, "external file too small", external(dims=(5,)), r"has 16 bytes, expected 20", files={"w.bin": SECRET})
refused(3, "external empty file", external(), r"has 0 bytes", files={"w.bin": b""})
refused(3, "external key twice", external(extra=[("location", "v.bin")]), r"twice", files={"w.bin": SECRET})
refused(3, "external strings", external(dtype=STR), r"strings are external", files={"w.bin": SECRET})
refused(3, "external petabyte", external(dims=(2**48,)), r"expected \d+ at offset", files={"w.bin": SECRET})

# 28: a file that shrinks between load and run. Weights are 8 MiB, so that the end is on pages of its own.
_big = np.ones(2 << 20, np.float32)
_t = TensorProto(name="w", data_type=F, dims=_big.shape)
_t.data_location = TensorProto.EXTERNAL
_t.external_data.add(key="location", value="w.bin")
_sum = model([node("Add", "x w", "s"), node("ReduceSum", "s", keepdims=0)], ["x"], ["y"], [_t])
_answer = [np.float32(_big.size)]
for _bytes in (0, 4096, 4 << 20):
    case(
        28,
        f"weights cut to {_bytes}",
        _sum,
        OK,
        inputs={"x": np.zeros(1, np.float32)},
        values=_answer,
        files={"w.bin": _big.tobytes()},
        settings=[f"truncate w.bin {_bytes}"],
    )
# The first session finds the weights in memory; a later one may have to read them again.
_inside = model([node("Add", "x w", "s"), node("ReduceSum", "s", keepdims=0)], ["x"], ["y"], [tensor("w", _big)])
for _bytes in (0, 4096, 4 << 20):
    case(
        28,
        f"model cut to {_bytes}",
        _inside,
        (OK, IO),
        "changed since it was loaded",
        inputs={"x": np.zeros(1, np.float32)},
        values=_answer,
        settings=[f"truncate model.onnx {_bytes}"],
    )
