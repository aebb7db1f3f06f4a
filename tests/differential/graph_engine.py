"""The engine in a process of its own, so that a crash or a hang of it is an answer: Engine(library).ask(request).

A request is a dict: `model` (bytes), `options` (texts by key, as onward.h's config_keys), `runs` (a list of {input name:
array}), and, where wanted, `optimize`: the model as the optimiser writes it is returned, too; `into`: runs after the
first write to tensors like the first's outputs, full of other bits; `together`: all runs once more, at one time. The
answer is a dict:

  error    what the session said instead of being made, or "crashed: ..." or "no answer within ..."
  runs     of each run the outputs, a list of arrays, or a text with what went wrong
  together of each run the same, made beside the others
  nodes    [(domain.operator, calls)] of what ran, with `profile` among the options
  passes   {name: changes}
  written  the optimised model's bytes, or a text with why there are none

Run as a program it is the process, which speaks pickles over its pipes. It knows the C interface by the header alone.
"""

import concurrent.futures
import ctypes
import json
import pathlib
import pickle
import re
import select
import signal
import struct
import subprocess
import sys
import tempfile

import numpy as np

ROOT = pathlib.Path(__file__).resolve().parents[2]
LIBRARY = ROOT / "build/lib/libonward.so"
ANSWER_SECONDS = 60
TYPES = {1: np.float32, 2: np.uint8, 3: np.int8, 4: np.uint16, 5: np.int16, 6: np.int32, 7: np.int64, 9: np.bool_,
         10: np.float16, 11: np.float64, 12: np.uint32, 13: np.uint64}  # fmt: skip
CODES = {np.dtype(t): code for code, t in TYPES.items()}
POINTERS, SIZES, TEXTS = ctypes.c_void_p, ctypes.c_size_t, ctypes.c_char_p
RESULTS = {"status_message": TEXTS, "session_profile_json": TEXTS, "model_output_count": SIZES,
           "tensor_rank": SIZES, "tensor_bytes": SIZES, "tensor_dims": ctypes.POINTER(ctypes.c_int64),
           "tensor_dtype": ctypes.c_int, "value_kind": ctypes.c_int, "status_code": ctypes.c_int,
           "code_name": TEXTS}  # fmt: skip


class SessionOptions(ctypes.Structure):
    """Its size says which fields there are; those before the config keys stay zero."""

    _fields_ = [("size", SIZES), ("rest", ctypes.c_char * 168), ("config_keys", POINTERS), ("config_values", POINTERS),
                ("config_count", SIZES)]  # fmt: skip


class SaveOptions(ctypes.Structure):
    _fields_ = [("size", SIZES), ("rest", ctypes.c_char * 40)]


class EngineError(Exception):
    pass


class Api:
    """The functions of onward.h's table, by name, and what a request needs of them."""

    def __init__(self, path):
        table = re.search(r"typedef struct onward_api \{(.*?)\} onward_api;",
                          (ROOT / "include/onward/onward.h").read_text(), re.S).group(1)  # fmt: skip
        names = re.findall(r"\(\*(\w+)\)\(", table)
        library = ctypes.CDLL(str(path))
        library.onward_get_api.restype = POINTERS
        first = library.onward_get_api(4) + 16  # behind size and version
        for i, name in enumerate(names):
            address = POINTERS.from_address(first + 8 * i).value
            setattr(self, name, ctypes.CFUNCTYPE(RESULTS.get(name, POINTERS))(address))

    def check(self, status):
        if status:
            pointer = POINTERS(status)
            name = self.code_name(self.status_code(pointer)).decode()
            text = f"{name}: {self.status_message(pointer).decode(errors='replace')}"
            self.status_free(pointer)
            raise EngineError(text)

    def load(self, data):
        model = POINTERS()
        self.check(self.model_load_bytes(data, SIZES(len(data)), None, ctypes.byref(model)))
        return model

    def options(self, texts):
        n = len(texts)
        keys = (TEXTS * n)(*(k.encode() for k in texts))
        values = (TEXTS * n)(*(str(v).encode() for v in texts.values()))
        made = SessionOptions(size=ctypes.sizeof(SessionOptions), config_count=n)
        made.config_keys, made.config_values = ctypes.cast(keys, POINTERS), ctypes.cast(values, POINTERS)
        made.kept = keys, values
        return made

    def session(self, model, options):
        session = POINTERS()
        self.check(self.session_create(model, ctypes.byref(options), ctypes.byref(session)))
        return session

    def wrap(self, array):
        value = POINTERS()
        dims = (ctypes.c_int64 * array.ndim)(*array.shape)
        self.check(self.tensor_wrap(ctypes.c_int(CODES[array.dtype]), dims, SIZES(array.ndim), POINTERS(array.ctypes.data),
                                    SIZES(array.nbytes), None, None, ctypes.byref(value)))  # fmt: skip
        return value

    def array(self, value):
        if self.value_kind(value) != 1:
            raise EngineError("an output is no tensor")
        dims = self.tensor_dims(value)
        shape = [dims[i] for i in range(self.tensor_rank(value))]
        data = ctypes.string_at(self.tensor_data(value), self.tensor_bytes(value)) if self.tensor_bytes(value) else b""
        return np.frombuffer(data, TYPES[self.tensor_dtype(value)]).reshape(shape)

    def run(self, session, count, feeds, into=None):
        feeds = {name: np.ascontiguousarray(a).reshape(np.shape(a)) for name, a in feeds.items()}
        values = [self.wrap(a) for a in feeds.values()]
        names = (TEXTS * len(feeds))(*(n.encode() for n in feeds))
        outputs = (POINTERS * count)()
        places = [np.frombuffer(bytearray(b"\x5a" * a.nbytes), a.dtype).reshape(a.shape) for a in into or []]
        for i, place in enumerate(places):
            outputs[i] = self.wrap(place).value
        function = self.session_run_into if into else self.session_run
        try:
            self.check(function(session, None, names, (POINTERS * len(values))(*(v.value for v in values)),
                                        SIZES(len(values)), None, SIZES(0), outputs))  # fmt: skip
            return [self.array(POINTERS(o)) for o in outputs]
        finally:
            for value in [*values, *(POINTERS(o) for o in outputs)]:
                self.value_free(value)

    def text(self, text):
        size = SIZES()
        pointer = self.text_data(text, ctypes.byref(size))
        data = ctypes.string_at(pointer, size.value)
        self.text_free(text)
        return data

    def passes(self, session):
        text = POINTERS()
        self.check(self.session_report_json(session, ctypes.byref(text)))
        return {p["name"]: p["changes"] for p in json.loads(self.text(text))["passes"]}

    def written(self, model, options):
        text, save = POINTERS(), SaveOptions(size=ctypes.sizeof(SaveOptions))
        try:
            self.check(self.model_optimize(model, ctypes.byref(options), ctypes.byref(save), ctypes.byref(text)))
        except EngineError as error:
            return str(error)
        return self.text(text)

    def together(self, session, count, runs):
        def one(feeds):
            try:
                return self.run(session, count, feeds)
            except EngineError as error:
                return str(error)

        with concurrent.futures.ThreadPoolExecutor(4) as pool:  # a call leaves the interpreter to the others
            return list(pool.map(one, runs))

    def answer(self, request):
        options = self.options(request["options"])
        answer = {"runs": [], "nodes": [], "passes": {}}
        try:
            model = self.load(request["model"])
        except EngineError as error:
            return {**answer, "error": str(error)}
        try:
            session = self.session(model, options)
        except EngineError as error:
            self.model_free(model)
            return {**answer, "error": str(error)}
        for feeds in request["runs"]:
            into = answer["runs"][0] if request.get("into") and answer["runs"] else None
            try:
                answer["runs"].append(self.run(session, self.model_output_count(model), feeds, into))
            except EngineError as error:
                answer["runs"].append(str(error))
        if request.get("together"):
            answer["together"] = self.together(session, self.model_output_count(model), request["runs"])
        if "profile" in request["options"]:
            listed = json.loads(self.session_profile_json(session) or b"[]")
            answer["nodes"] = [(row["op"], row["calls"]) for row in listed]
        answer["passes"] = self.passes(session)
        if request.get("optimize"):
            answer["written"] = self.written(model, options)
        self.session_free(session)
        self.model_free(model)
        return answer


class Engine:
    """Asks a child process, and starts another one after a crash."""

    def __init__(self, library=LIBRARY, command=()):
        self.command = [*command, sys.executable, __file__, str(library)]
        self.process = None

    def start(self):
        self.errors = tempfile.TemporaryFile()
        self.process = subprocess.Popen(self.command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.errors)

    def ask(self, request):
        if not self.process:
            self.start()
        data = pickle.dumps(request)
        try:
            self.process.stdin.write(struct.pack("q", len(data)) + data)
            self.process.stdin.flush()
            if not select.select([self.process.stdout], [], [], ANSWER_SECONDS)[0]:
                self.close()
                return {"error": f"no answer within {ANSWER_SECONDS} s", "runs": [], "nodes": [], "passes": {}}
            (size,) = struct.unpack("q", self.process.stdout.read(8))
            return pickle.loads(self.process.stdout.read(size))
        except (OSError, struct.error, EOFError, pickle.UnpicklingError):
            return {"error": f"crashed: {self.ended()}", "runs": [], "nodes": [], "passes": {}}

    def ended(self):
        code = self.process.wait()
        self.errors.seek(0)
        said = self.errors.read().decode(errors="replace").strip()[-1500:]
        self.close()
        return f"{signal.Signals(-code).name if code < 0 else f'status {code}'} {said}".strip()

    def close(self):
        if self.process:
            self.process.kill()
            self.process.wait()
            self.process.stdin.close()
            self.process.stdout.close()
            self.errors.close()
        self.process = None


def sanitized():
    """What a command begins with whose library is built with the address sanitizer."""
    found = subprocess.run(["g++", "-print-file-name=libasan.so"], check=True, text=True, stdout=subprocess.PIPE)
    return ["env", f"LD_PRELOAD={found.stdout.strip()}", "ASAN_OPTIONS=detect_leaks=0",
            "UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1"]  # fmt: skip


def serve(library):
    source, sink = sys.stdin.buffer, sys.stdout.buffer
    api = Api(library)
    api.set_log_level(ctypes.c_int32(3))
    while head := source.read(8):
        data = pickle.dumps(api.answer(pickle.loads(source.read(struct.unpack("q", head)[0]))))
        sink.write(struct.pack("q", len(data)) + data)
        sink.flush()


if __name__ == "__main__":
    serve(sys.argv[1])
