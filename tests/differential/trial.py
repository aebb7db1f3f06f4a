"""One case from its draw to its verdict; and a pool of processes that try cases, so that a crash is a verdict too."""

import collections
import faulthandler
import multiprocessing
import multiprocessing.connection
import os
import resource
import signal
import time
import traceback

import numpy as np

import judge
import known
import references
import registry
from case import EXACT, Impossible
from draw import Draw

MEMORY_BYTES = 12 << 30
SECONDS = 30  # for one case in one engine

# status: pass, known, refused (by all), unreferenced, skip, fail. kind of a failure: crash, hang, refused, accepted,
# differs, internal, generator.
Verdict = collections.namedtuple("Verdict", "status kind text case choices held")


def generate(operator, seed=None, choices=None):
    d = Draw(seed, choices)
    case = registry.GENERATORS[operator](d, operator[1]).present(d)
    return case, d.choices


def message(error):
    return " ".join(str(error).split())[:400]


def try_case(operator, seed, choices, skipped, stage):
    """`skipped`: engines that crashed or hung on this very case."""
    d = Draw(seed, choices)
    shown = ""
    try:
        case = registry.GENERATORS[operator](d, operator[1]).present(d)
        shown = case.describe()
        model = case.model()
    except Impossible as error:
        return Verdict("skip", None, str(error), shown, d.choices, ())
    except Exception:
        return Verdict("fail", "generator", traceback.format_exc(limit=-4), shown, d.choices, ())
    status, kind, text, held = judged(case, model, skipped, stage)
    if status == "fail" and (entry := known.find(case, kind, text)):
        status, text = "known", entry.reason
    return Verdict(status, kind, text, shown, d.choices, held)


def judged(case, model, skipped, stage):
    stage("onward")
    try:
        found = references.run_engine(model, case.feeds())
    except Exception as error:
        found = error
    if isinstance(found, Exception) and "internal error" in str(found).lower():
        return "fail", "internal", message(found), ()
    if case.refuse:
        if isinstance(found, Exception):
            return "pass", None, message(found), ("refusal",)
        return "fail", "accepted", f"gave {[judge.shape_text(f) for f in found]} and had to refuse", ()
    if case.check and not isinstance(found, Exception):
        wrong = case.check(case.inputs, found)
        return ("fail", "differs", wrong, ()) if wrong else ("pass", None, "", ("check",))
    answers, errors = {}, {}
    free = None if case.free is None else case.free(case.inputs)
    wrong = None
    for label, run in ways(case, model):
        if label in skipped:
            continue
        stage(label)
        try:
            made = run()
        except Exception as error:
            errors[label] = message(error)
            continue
        if made is None:
            continue
        if isinstance(found, Exception):
            if case.may_refuse:
                break
            return "fail", "refused", f"{message(found)} [{label} takes it]", (label,)
        answers[label] = made
        wrong = unlike(found, answers, case, free)
        if not wrong:
            return "pass", None, "", tuple(answers)
    if isinstance(found, Exception) and case.may_refuse:
        return "pass", None, message(found), ("refusal",)
    if not answers:
        text = f"{message(found) if isinstance(found, Exception) else 'gave a result'}; {errors}"
        return "refused" if isinstance(found, Exception) else "unreferenced", None, text, ()
    return "fail", "differs", f"{wrong} {errors or ''}", tuple(answers)


def unlike(found, answers, case, free):
    for i in range(len(found)):
        of = {k: v[i] for k, v in answers.items() if len(v) == len(found)}
        if not of:
            return f"{len(found)} outputs"
        text = judge.unlike(found[i], of, case, free if i == 0 else None)
        if text:
            return f"output {i}: {text}"
    return None


def ways(case, model):
    """Feeds are made anew each time: an engine that writes to its inputs harms nobody."""
    if case.truth:
        yield "text", case.answer
    if case.restated is not None:
        again = case.again()
        yield "restated", lambda: references.run_evaluator(again.model(), copied(case.feeds()))
        yield "restated for onnxruntime", lambda: references.run_onnxruntime(again.model(), copied(case.feeds()))
    if "evaluator" not in case.avoid:
        yield "evaluator", lambda: references.run_evaluator(model, copied(case.feeds()))
    if "onnxruntime" not in case.avoid:
        yield "onnxruntime", lambda: references.run_onnxruntime(model, copied(case.feeds()))
    if case.wide and case.close != EXACT:
        yield "wide", lambda: references.run_wide(case)


def copied(feeds):
    return {k: v.copy() if isinstance(v, np.ndarray) else v for k, v in feeds.items()}


def serve(connection):
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 2)  # what engines log
    faulthandler.disable()  # a crash is a verdict; pytest's tracebacks of it would read as one of its own
    parent = os.getppid()
    while True:
        try:
            while not connection.poll(5):
                if os.getppid() != parent:
                    return
            task = connection.recv()
        except (EOFError, ConnectionError):
            return
        connection.send(("done", try_case(*task, lambda name: connection.send(("stage", name)))))


class Worker:
    def __init__(self):
        context = multiprocessing.get_context("fork")
        self.connection, theirs = context.Pipe()
        self.process = context.Process(target=serve, args=(theirs,), daemon=True)
        self.process.start()
        theirs.close()
        self.task, self.stage, self.since, self.skipped = None, None, 0, ()

    def give(self, task, skipped=()):
        self.task, self.stage, self.skipped, self.since = task, "onward", skipped, time.monotonic()
        self.connection.send((*task, skipped))

    def end(self):
        self.process.kill()
        self.process.join()
        self.connection.close()


class Pool:
    """Tries cases in processes that are replaced when they end or take too long."""

    def __init__(self, count):
        self.workers = [Worker() for _ in range(count)]

    def run(self, tasks):
        """Yields (task, verdict) as they come; a task is (operator, seed, choices)."""
        tasks = iter(tasks)
        for worker in self.workers:
            self.next(worker, tasks)
        while any(w.task for w in self.workers):
            busy = {w.connection: w for w in self.workers if w.task}
            for connection in multiprocessing.connection.wait(list(busy), timeout=1):
                worker = busy[connection]
                try:
                    word, value = connection.recv()
                except (EOFError, ConnectionError):
                    yield from self.replace(worker, self.how_it_ended(worker), tasks)
                    continue
                worker.since = time.monotonic()
                if word == "stage":
                    worker.stage = value
                    continue
                task = worker.task
                self.next(worker, tasks)
                yield task, value
            for worker in [w for w in self.workers if w.task and time.monotonic() - w.since > SECONDS]:
                yield from self.replace(worker, ("hang", f"took more than {SECONDS} s"), tasks)

    def how_it_ended(self, worker):
        worker.process.join()
        code = worker.process.exitcode
        return "crash", f"ended by {signal.Signals(-code).name}" if code < 0 else f"ended with code {code}"

    def next(self, worker, tasks):
        worker.task = None
        task = next(tasks, None)
        if task:
            worker.give(task)

    def replace(self, worker, ended, tasks):
        task, stage, skipped = worker.task, worker.stage, worker.skipped
        worker.end()
        at = self.workers.index(worker)
        self.workers[at] = fresh = Worker()
        if stage == "onward":
            operator, seed, choices = task
            case, drawn = generate(operator, seed, choices)
            self.next(fresh, tasks)
            yield task, Verdict("fail", ended[0], ended[1], case.describe(), drawn, ())
        else:  # a reference ended, which decides nothing
            fresh.give(task, (*skipped, stage))

    def close(self):
        for worker in self.workers:
            worker.end()
