"""What concerns the whole process: threads, the interpreter's lock, fork, pickling, leaks, the command-line program."""

import gc
import os
import pathlib
import pickle
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import nets
import numpy as np
import onward as ort
import pytest

X, Y = np.ones((2, 3), np.float32), np.arange(3, dtype=np.float32)


def image(i=0):
    return np.random.default_rng(i).normal(0, 1, (1, 3, 32, 32)).astype(np.float32)


def test_one_session_in_many_threads(folder):
    session = ort.InferenceSession(folder / "classifier.onnx")
    expected = [session.run(None, {"image": image(i)})[0] for i in range(8)]
    with ThreadPoolExecutor(8) as pool:
        pool.submit(lambda: [session.trim() for _ in range(50)])
        found = list(pool.map(lambda i: session.run(None, {"image": image(i % 8)})[0], range(200)))
    for i, array in enumerate(found):
        np.testing.assert_array_equal(array, expected[i % 8])


def test_other_threads_go_on_during_a_run():
    """A thread that counts must get further than it could if a run of a second held the interpreter's lock."""
    from test_session import slow_model

    session, options = ort.InferenceSession(slow_model()), ort.RunOptions()
    options.timeout_ms = 600
    longest, running, last = 0.0, True, time.monotonic()

    def watch():
        nonlocal longest, last
        while running:
            time.sleep(0.001)
            now = time.monotonic()
            longest, last = max(longest, now - last), now

    thread = threading.Thread(target=watch)
    thread.start()
    with pytest.raises(TimeoutError):
        session.run(None, {"x": np.ones((256, 256), np.float32)}, options)
    running = False
    thread.join()
    assert longest < 0.4, f"another thread stood still for {longest:.2f} s of a run of 0.6 s"


def test_run_async(add):
    done, got = threading.Event(), []

    def callback(outputs, user_data, error):
        got.append((outputs, user_data, error, threading.current_thread() is threading.main_thread()))
        done.set()

    add.run_async(None, {"x": X, "y": Y}, callback, "mine")
    assert done.wait(10)
    outputs, user_data, error, in_main = got.pop()
    np.testing.assert_array_equal(outputs[0], X + Y)
    assert (user_data, error, in_main) == ("mine", "", False)
    done.clear()
    add.run_async(None, {"x": X, "y": Y[:2]}, callback, None)
    assert done.wait(10)
    assert got[0][0] == [] and "y" in got[0][2]


def in_child(work):
    """Runs `work` in a forked child; fails if it does not return within 30 seconds or raises."""
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            work()
            code = 0
        finally:
            os._exit(code)
    for _ in range(3000):
        found, status = os.waitpid(pid, os.WNOHANG)
        if found:
            assert os.waitstatus_to_exitcode(status) == 0, "the child failed; its message is above"
            return
        time.sleep(0.01)
    os.kill(pid, 9)
    os.waitpid(pid, 0)
    pytest.fail("the child hangs: a thread or lock of the parent is waited for")


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_forked_child_runs_the_parents_session(folder):
    options = ort.SessionOptions()
    options.intra_op_num_threads = 2
    session = ort.InferenceSession(folder / "classifier.onnx", options)
    x = np.concatenate([image(i) for i in range(4)])
    expected = session.run(None, {"image": x})[0]  # the parent's threads exist now

    def work():
        np.testing.assert_array_equal(session.run(None, {"image": x})[0], expected)
        again = ort.InferenceSession(folder / "classifier.onnx", options)
        np.testing.assert_array_equal(again.run(None, {"image": x})[0], expected)
        done = threading.Event()
        session.run_async(None, {"image": x}, lambda *_: done.set(), None)
        assert done.wait(10)

    for _ in range(3):
        in_child(work)
    np.testing.assert_array_equal(session.run(None, {"image": x})[0], expected)


def test_sessions_and_options_are_pickled(folder, tmp_path):
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    options.add_session_config_entry("session.disable_prepacking", "1")
    options.add_free_dimension_override_by_name("N", 2)
    for source in (folder / "add.onnx", (folder / "add.onnx").read_bytes()):
        session = pickle.loads(pickle.dumps(ort.InferenceSession(source, options)))
        np.testing.assert_array_equal(session.run(None, {"x": X, "y": Y})[0], X + Y)
        kept = session.get_session_options()
        assert kept.intra_op_num_threads == 1 and kept.get_session_config_entry("session.disable_prepacking") == "1"
        assert session.get_inputs()[0].shape == [2, 3]


def resident_bytes():
    gc.collect()
    return int(pathlib.Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def leak_of(work, times):
    """Growth of the resident memory over `times` calls, after as many again to warm up."""
    for _ in range(times // 2):
        work()
    before = resident_bytes()
    for _ in range(times):
        work()
    return resident_bytes() - before


def test_runs_do_not_leak(folder):
    session = ort.InferenceSession(folder / "classifier.onnx")
    x = image()
    big = ort.InferenceSession(nets.add().SerializeToString())
    a, b = np.ones((20000, 3), np.float32), np.ones(3, np.float32)
    texts = ort.InferenceSession(folder / "text_classifier.onnx")
    words = np.array(["good"] * 50, object)
    trees = ort.InferenceSession(folder / "sklearn_pipeline.onnx")

    def work():
        session.run(None, {"image": x})
        big.run(None, {"x": a, "y": b})  # 240 kB out: 1,000 forgotten ones are 240 MB
        big.run_with_ort_values(
            None, {"x": ort.OrtValue.ortvalue_from_numpy(a), "y": ort.OrtValue.ortvalue_from_numpy(b)}
        )
        texts.run(None, {"words": words})
        trees.run(None, {"X": np.zeros((20, 4), np.float32)})
        np.from_dlpack(ort.OrtValue.from_dlpack(a))
        with pytest.raises(ort.Error):
            big.run(None, {"x": a[0], "y": b})

    grown = leak_of(work, 1000)
    assert grown < 8 << 20, f"{grown / 2**20:.1f} MB more after 1,000 runs"


def test_sessions_do_not_leak(folder):
    data = (folder / "classifier.onnx").read_bytes()

    def work():
        session = ort.InferenceSession(data)
        binding = session.io_binding()
        binding.bind_cpu_input("image", image())
        binding.bind_output("logits")
        session.run_with_iobinding(binding)

    grown = leak_of(work, 100)
    assert grown < 8 << 20, f"{grown / 2**20:.1f} MB more after 100 sessions"


def command(*arguments):
    return subprocess.run(arguments, capture_output=True, text=True, timeout=60)


def test_the_program_is_in_the_package(folder):
    script = str(pathlib.Path(sys.executable).parent / "onward")
    for start in ([sys.executable, "-m", "onward"], [script]):
        done = command(*start, "inspect", "--json", str(folder / "classifier.onnx"))
        assert done.returncode == 0 and '"Conv"' in done.stdout, done.stderr
        assert command(*start, "run", "missing.onnx").returncode == 1
        assert command(*start, "no-such-command").returncode == 2


def test_packages_that_import_onnxruntime_get_onward(folder):
    program = (pathlib.Path(__file__).parent / "programs/vad.py").read_text()
    code = f"""
import pathlib, onward
onward.use_as_onnxruntime()
{program}
from onnxruntime.capi.onnxruntime_pybind11_state import Fail
from onnxruntime.capi import _pybind_state
assert onnxruntime is onward and Fail is onward.Fail and _pybind_state.OrtValue is onward.OrtValue
assert len(main(pathlib.Path({str(folder)!r}))) == 4
"""
    done = command(sys.executable, "-c", code)
    assert done.returncode == 0, done.stderr
    code = "import types, sys; sys.modules['onnxruntime'] = types; import onward; onward.use_as_onnxruntime()"
    assert "imported already" in command(sys.executable, "-c", code).stderr


def test_import_needs_numpy_only():
    code = ("import sys; sys.modules['onnx'] = sys.modules['ml_dtypes'] = None; import onward; "
            "onward.InferenceSession; print(onward.__version__)")  # fmt: skip
    done = command(sys.executable, "-W", "error", "-c", code)
    assert done.returncode == 0, done.stderr
