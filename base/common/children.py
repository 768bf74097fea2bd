"""Child processes of our own commands, which never outlive the command.

A command may be signalled several times for one wish to end it: by its terminal, its
process group and its parent (``make``). Handlers therefore only set a flag, and the
kernel ends the children of a command that was killed.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial

from recognition.isolation import confine

_ENDS = (signal.SIGTERM, signal.SIGINT)
_ENDING_SECONDS = 30.0

Child = subprocess.Popen[bytes]


class Stop:
    """Whether a signal has asked this process to end."""

    def __init__(self) -> None:
        self.requested = False


@contextmanager
def stop_on_signals() -> Iterator[Stop]:
    """Note SIGTERM and SIGINT within the block, however many arrive.

    Enter it before starting children: otherwise a signal between two of them ends this
    process at once. Only the main thread may.
    """
    stop = Stop()

    def request(*_signal: object) -> None:
        stop.requested = True

    before = {number: signal.signal(number, request) for number in _ENDS}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def start_child(*arguments: str) -> Child:
    """Run Python with these arguments; the kernel kills it when this process ends.

    It gets its own process group, so Ctrl+C reaches this process only, and stays in the
    session, because Linux compares niceness only within a session.
    """
    return subprocess.Popen(  # noqa: S603 - our own programs
        [sys.executable, *arguments],
        process_group=0,
        # Safe because commands call this before they start threads.
        preexec_fn=partial(confine.die_with_parent, os.getpid()),
    )


def end_children(children: Sequence[Child]) -> None:
    """Terminate the children; kill those that still run after 30 seconds."""
    for child in children:
        child.terminate()
    deadline = time.monotonic() + _ENDING_SECONDS
    for child in children:
        try:
            child.wait(timeout=max(0.1, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()
