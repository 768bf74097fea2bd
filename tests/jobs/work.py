"""Work that tests give to the runner, and its kinds."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

from base.jobs.choices import JobState
from base.jobs.context import JobContext
from base.jobs.kinds import Kind, register, unregister
from catalogue.models import Bucket, Recording, RecordingStatus

did: list[str] = []
"""What ran, by the name of its subject."""

_acts: list[Callable[[JobContext], None]] = []


def act(context: JobContext) -> None:
    """Note the run, then do what the test set with ``do``."""
    did.append(str(getattr(context.subject, "name", context.subject)))
    if _acts:
        _acts[-1](context)


def do(work: Callable[[JobContext], None]) -> None:
    _acts.append(work)


PLAIN = Kind("test_plain", Bucket, "tests.jobs.work.act", label="Plain")
MIRRORED = Kind(
    "test_mirrored",
    Recording,
    "tests.jobs.work.act",
    label="Mirrored",
    mirror={
        JobState.WAITING: RecordingStatus.WAITING,
        JobState.RUNNING: RecordingStatus.PROCESSING,
        JobState.DONE: RecordingStatus.READY,
        JobState.FAILED: RecordingStatus.ERROR,
    },
    cause_field="status_message",
)


@contextmanager
def registered(kind: Kind, **changes: object) -> Iterator[Kind]:
    """Register a kind with the test's changes, and unregister it afterwards."""
    changed = register(replace(kind, **changes))  # type: ignore[arg-type]
    did.clear()
    _acts.clear()
    try:
        yield changed
    finally:
        unregister(changed)
        _acts.clear()
