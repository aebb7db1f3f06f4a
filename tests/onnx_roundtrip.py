"""Holds the ONNX reader and writer against the official onnx package, over all of that package's test models.

    onnx_roundtrip.py PATH_TO_onnx_roundtrip [folder with .onnx files]

For each model: load and save with onnx_roundtrip, then
  messages   onnx.load of both files is equal
  bytes      what we write is what the package's own serializer writes for that message
and the same with unknown fields put into messages at every level. Further
  external   initializers moved out, read by onnx; moved in again, read by onnx
  payloads   the bytes of each tensor type, raw and typed, and of the test data, against onnx.numpy_helper
  text       the textual form against onnx.printer, numbers by value
Prints the counts; exits with 1 after any difference.
"""

import glob
import os
import random
import re
import subprocess
import sys
import tempfile

import numpy as np
import onnx
from google.protobuf.message import Message


def run(program, pairs, *flags):
    for i in range(0, len(pairs), 200):
        arguments = [path for pair in pairs[i : i + 200] for path in pair]
        done = subprocess.run([program, *flags, *arguments], capture_output=True, text=True)
        if done.returncode:
            sys.exit("onnx_roundtrip failed:\n" + done.stderr)


def read(path):
    with open(path, "rb") as f:
        return f.read()


def varint(value):
    out = b""
    while value >= 0x80:
        out += bytes([value & 0x7F | 0x80])
        value >>= 7
    return out + bytes([value])


def unknown_field(rng):
    """One field that ONNX does not define, of a random wire type."""
    number = rng.randrange(1000, 100000)
    kind = rng.choice([0, 1, 2, 3, 5])
    body = {
        0: lambda: varint(rng.getrandbits(64)),
        1: lambda: rng.randbytes(8),
        2: lambda: (lambda b: varint(len(b)) + b)(rng.randbytes(rng.randrange(300))),
        3: lambda: varint(7 << 3) + varint(rng.getrandbits(30)) + varint(number << 3 | 4),
        5: lambda: rng.randbytes(4),
    }[kind]()
    return varint(number << 3 | kind) + body


def add_unknown_fields(message, rng):
    """Returns how many fields were put into `message` and the messages below it."""
    added = 0
    for field, value in message.ListFields():
        if field.message_type is None:
            continue
        for child in [value] if isinstance(value, Message) else value:
            added += add_unknown_fields(child, rng)
    if rng.random() < 0.3:
        message.MergeFromString(unknown_field(rng))
        added += 1
    return added


def compare(originals, results, what):
    equal_messages = equal_bytes = 0
    for original, result in zip(originals, results):
        a, b = onnx.ModelProto(), onnx.ModelProto()
        a.ParseFromString(read(original))
        b.ParseFromString(read(result))
        if a == b:
            equal_messages += 1
        else:
            print("differs:", original)
        if read(result) == a.SerializeToString(deterministic=True):
            equal_bytes += 1
        else:
            print("bytes differ from the package's serializer:", original)
    print(f"{what}: {len(originals)} models, {equal_messages} equal as messages, {equal_bytes} equal as bytes")
    return equal_messages == equal_bytes == len(originals)


def check_external(program, models, folder):
    """Out into a data file, read by onnx; then back into one file, read by onnx."""
    count = moved = 0
    outs = [os.path.join(folder, f"{i}.external.onnx") for i in range(len(models))]
    backs = [os.path.join(folder, f"{i}.inline.onnx") for i in range(len(models))]
    run(program, list(zip(models, outs)), "--external")
    run(program, list(zip(outs, backs)), "--inline")
    for original, out, back in zip(models, outs, backs):
        wanted = onnx.load(original)
        moved += os.path.exists(out + ".data")
        for found in onnx.load(out), onnx.load(back):
            if same_tensors(wanted.graph, found.graph):
                count += 1
            else:
                print("external data differs:", original)
    print(f"external data: {len(models)} models, {moved} with a data file, {count} of {2 * len(models)} reads equal")
    return moved > 0 and count == 2 * len(models)


def same_tensors(wanted, found):
    if len(wanted.initializer) != len(found.initializer):
        return False
    for a, b in zip(wanted.initializer, found.initializer):
        if (a.name, a.data_type, list(a.dims)) != (b.name, b.data_type, list(b.dims)):
            return False
        x, y = onnx.numpy_helper.to_array(a), onnx.numpy_helper.to_array(b)
        if x.dtype != y.dtype or x.tobytes() != y.tobytes():
            return False
    return True


def every_type(rng):
    """(TensorProto, bytes of its payload) for each type: in its typed field and in raw_data, odd and even counts."""
    for name, code in onnx.TensorProto.DataType.items():
        if name in ("UNDEFINED", "STRING"):
            continue
        dtype = onnx.helper.tensor_dtype_to_np_dtype(code)
        for count in (1, 2, 3, 7, 8, 9, 40):
            values = np.array([rng.choice([0, 1]) for _ in range(count)])
            if name.startswith("COMPLEX"):
                values = values * (1.5 - 2j)
            array = values.astype(dtype)
            raw = onnx.numpy_helper.from_array(array)
            yield raw, raw.raw_data
            yield onnx.helper.make_tensor("t", code, [count], array), raw.raw_data


def check_payloads(program, data, folder):
    rng = random.Random(3)
    cases = list(every_type(rng))
    for path in sorted(glob.glob(os.path.join(data, "**", "*put_*.pb"), recursive=True)):
        tensor = onnx.TensorProto()
        try:
            tensor.ParseFromString(read(path))
            array = onnx.numpy_helper.to_array(tensor)
        except Exception:
            continue  # a sequence or an optional
        if tensor.data_type == onnx.TensorProto.STRING:
            cases.append((tensor, b"".join(s + b"\0" for s in tensor.string_data)))
        elif tensor.data_type and array.size:
            cases.append((tensor, onnx.numpy_helper.from_array(array).raw_data))
    ins = [os.path.join(folder, f"{i}.pb") for i in range(len(cases))]
    outs = [os.path.join(folder, f"{i}.bin") for i in range(len(cases))]
    for path, (tensor, _) in zip(ins, cases):
        with open(path, "wb") as f:
            f.write(tensor.SerializeToString())
    run(program, list(zip(ins, outs)), "--payload")
    wrong = [tensor for (tensor, wanted), out in zip(cases, outs) if read(out) != wanted]
    for tensor in wrong[:5]:
        print("payload differs:", str(tensor)[:300])
    print(f"payloads: {len(cases)} tensors, {len(cases) - len(wrong)} equal")
    return not wrong


TOKEN = re.compile(rb'"(?:\\.|[^"\\])*"|[-+]?(?:\d[\d.]*(?:e[-+]?\d+)?|inf|nan)\b|\w+|\S')


def same_text(a, b):
    a, b = TOKEN.findall(a), TOKEN.findall(b)
    return len(a) == len(b) and all(x == y or same_number(x, y) for x, y in zip(a, b))


def same_number(x, y):
    try:
        return np.isclose(float(x), float(y), rtol=2e-5, atol=0) or np.float32(x) == np.float32(y)
    except ValueError:
        return False


PRINTED = (1, 2, 3, 4, 5, 6, 7, 8, 11, 12, 13)  # types that onnx.printer shows from typed fields; 9 with a caveat


def tensors(message):
    for field, value in message.ListFields():
        if field.message_type is not None:
            for child in [value] if isinstance(value, Message) else value:
                if isinstance(child, onnx.TensorProto):
                    yield child
                yield from tensors(child)


def printable_by_onnx(model):
    """onnx.printer leaves out some payloads, sparse tensors and function defaults; such models are not compared."""
    if any(f.attribute_proto for f in model.functions) or model.graph.sparse_initializer:
        return False
    for t in tensors(model):
        if t.HasField("raw_data") and t.data_type not in (1, 6, 7, 11):
            return False
        if not t.HasField("raw_data") and t.data_type not in PRINTED + (9,):
            return False
        if not t.HasField("raw_data") and t.data_type == 8 and not t.string_data:
            return False
    return True


def check_text(program, models, folder):
    chosen = [(m, p) for m in models if printable_by_onnx(p := onnx.load(m, load_external_data=False))]
    outs = [os.path.join(folder, f"{i}.txt") for i in range(len(chosen))]
    run(program, list(zip([m for m, _ in chosen], outs)), "--text")
    wrong = [m for (m, p), out in zip(chosen, outs) if not same_text(read(out), onnx.printer.to_text(p).encode())]
    for m in wrong[:10]:
        print("text differs:", m)
    print(f"text: {len(chosen)} of {len(models)} models compared, {len(chosen) - len(wrong)} equal")
    return not wrong and len(chosen) > len(models) // 2


def main():
    program = sys.argv[1]
    data = sys.argv[2] if len(sys.argv) > 2 else os.path.join(os.path.dirname(onnx.__file__), "backend/test/data")
    models = sorted(glob.glob(os.path.join(data, "**", "*.onnx"), recursive=True))
    if not models:
        sys.exit(f"no .onnx file under {data}")
    with tempfile.TemporaryDirectory() as folder:
        copies = [os.path.join(folder, f"{i}.onnx") for i in range(len(models))]
        run(program, list(zip(models, copies)))
        ok = compare(models, copies, "plain")
        same = sum(read(a) == read(b) for a, b in zip(models, copies))
        print(f"plain: {same} of {len(models)} files come back byte for byte")

        rng = random.Random(7)
        added = 0
        strange = [os.path.join(folder, f"{i}.strange.onnx") for i in range(len(models))]
        for source, target in zip(models, strange):
            model = onnx.ModelProto()
            model.ParseFromString(read(source))
            added += add_unknown_fields(model, rng)
            with open(target, "wb") as f:
                f.write(model.SerializeToString(deterministic=True))
        run(program, list(zip(strange, copies)))
        ok &= compare(strange, copies, f"with {added} unknown fields")

        with_weights = [m for m in models if onnx.load(m).graph.initializer]
        ok &= check_external(program, with_weights, folder)
        ok &= check_payloads(program, data, folder)
        ok &= check_text(program, models, folder)
    return 0 if ok else 1


if __name__ == "__main__":
    sys.exit(main())
