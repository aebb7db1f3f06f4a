"""A worker process of one engine and one model, as the coordinator sees it. onward_worker.cc has the protocol."""

import os
import selectors
import subprocess
import tempfile
import time
from pathlib import Path

BENCH = Path(__file__).resolve().parent.parent
ANSWER_SECONDS = 180  # of an engine that takes longer the row says so


class WorkerError(Exception):
    """The engine refused, failed or did not answer; the text says what it said."""


class Worker:
    """Lines to a process and its answers. Use as a context: leaving it ends the process."""

    def __init__(self, command: list):
        self.errors = tempfile.TemporaryFile()
        self.process = subprocess.Popen([str(word) for word in command], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, stderr=self.errors)
        self.waiting = selectors.DefaultSelector()
        self.waiting.register(self.process.stdout, selectors.EVENT_READ)
        self.rest = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        for stream in (self.process.stdin, self.process.stdout, self.errors, self.waiting):
            try:
                stream.close()
            except OSError:  # what was still to be written
                pass

    def line(self) -> str:
        stop = time.monotonic() + ANSWER_SECONDS
        while b"\n" not in self.rest:
            if not self.waiting.select(max(stop - time.monotonic(), 0)):
                self.process.kill()
                raise WorkerError(f"no answer within {ANSWER_SECONDS} s")
            read = os.read(self.process.stdout.fileno(), 1 << 16)
            if not read:
                self.errors.seek(0)
                said = self.errors.read().decode(errors="replace").strip().splitlines()
                raise WorkerError(f"ended with status {self.process.wait()}: {said[-1] if said else 'said nothing'}")
            self.rest += read
        line, self.rest = self.rest.split(b"\n", 1)
        return line.decode(errors="replace")

    def answer(self) -> list:
        kind, _, text = self.line().partition(" ")
        if kind not in ("ok", "ready"):
            raise WorkerError(text or kind)
        return text.split()

    def ask(self, command: str) -> list:
        """The words of the answer."""
        try:
            self.process.stdin.write((command + "\n").encode())
            self.process.stdin.flush()
        except OSError:  # it ended: the answer says why
            pass
        return self.answer()
