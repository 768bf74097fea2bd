"""Names services that do slow work while they hold the database's write lock.

On SQLite one transaction writes at a time, so whatever waits in it stops every sign-in.
Inside an outermost ``transaction.atomic`` of the product nothing may open a file, talk to
a server, start a process, compute in a compiled function or read an upload. That is a
matter of structure, so it does not depend on how busy the machine is.
"""

from __future__ import annotations

import contextlib
import gc
import os
import sys
import tempfile
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter, thread_time
from types import FrameType
from typing import Any

from django.conf import settings
from django.core.files.base import File
from django.core.mail import EmailMessage
from django.db.transaction import Atomic

from recognition.jit import Compiled
from tests import product

_SLOW_EVENTS = {
    *("socket.connect", "socket.getaddrinfo", "socket.sendto", "subprocess.Popen"),
    *("os.fork", "os.posix_spawn", "fcntl.flock", "shutil.copyfile", "shutil.rmtree"),
    # Not of renaming, which takes no time and may have to go with a row. To delete may
    # be a request to the object storage.
    *("open", "os.remove", "tempfile.mkstemp"),
}
_OF_FILES = {"open", "os.remove"}
_SLOW_METHODS: tuple[tuple[type[Any], str, str], ...] = (
    (Compiled, "__call__", "compiled function"),
    (File, "chunks", "reading a file"),
    (EmailMessage, "send", "sending a mail"),
)
_NOT_NAMED = {"base/common/databases.py"}
# Nobody else works on an installation that is being restored.
_ALONE = {"operations/restoring.py"}
# Any in this module: the arguments of others' functions.


@dataclass(frozen=True, slots=True, order=True)
class SlowWork:
    """Slow work in a write transaction that ``service`` began."""

    service: str
    work: str
    where: str

    def __str__(self) -> str:
        return f"{self.service} holds the write lock during: {self.work} ({self.where})"


@dataclass
class Holds:
    """What was seen of write transactions, and how long each service held one."""

    slow_work: Counter[SlowWork] = field(default_factory=Counter)
    longest: dict[str, list[tuple[float, float]]] = field(default_factory=dict)
    """The two longest holds of each service in seconds: of the processor, and in all.

    The second one tells what repeats from what a first call loads once.
    """

    def take_found(self) -> list[str]:
        """Return what was found since the last call, most frequent first."""
        counts, self.slow_work = self.slow_work, Counter()
        return [str(work) for work, _count in counts.most_common()]


class _Here(threading.local):
    """The outermost write transaction of this thread."""

    service = ""
    depth = 0
    began = (0.0, 0.0)
    is_looking = is_tidying = False
    # Python's own tidying up falls on whoever runs.
    tidied = tidies_since = 0.0


_here = _Here()
_holds: Holds | None = None
_is_hooked = False


@contextlib.contextmanager
def watched() -> Iterator[Holds]:
    """Watch all write transactions of this process during the block.

    Inside another block, only this one sees them.
    """
    global _holds
    before, _holds = _holds, Holds()
    undo: list[Callable[[], None]] = []
    if before is None:
        undo = [_patch(*method) for method in _SLOW_METHODS]
        undo += [_wrap_enter(), _wrap_exit(), _count_tidying()]
        _hook()
    try:
        yield _holds
    finally:
        _holds = before
        for put_back in undo:
            put_back()


def _hook() -> None:
    global _is_hooked
    if not _is_hooked:
        # Nothing can take an audit hook away, so it asks whether it is wanted.
        _is_hooked = True
        sys.addaudithook(_hear)


def _hear(event: str, arguments: tuple[Any, ...]) -> None:
    if not _here.service or event not in _SLOW_EVENTS or _here.is_looking:
        return
    if _here.is_tidying:
        # The garbage of earlier work happens to be collected now.
        return
    label = event
    if event in _OF_FILES:
        if not isinstance(arguments[0], str | bytes | os.PathLike):
            return
        path = os.fsdecode(arguments[0])
        if not _is_stored(path) or path.endswith(".py") or ".pyc" in path:
            return
        label = f"{event} {Path(path).suffix}"
    _note(label)


def _is_stored(path: str) -> bool:
    """Return whether data lies there; the product's own files are read once."""
    if path.startswith(str(settings.ACRPORTAL_DATA_DIR)):
        return True
    # A checkout may lie among the temporary files.
    is_own = path.startswith(str(product.ROOT))
    return path.startswith(tempfile.gettempdir()) and not is_own


def _note(label: str) -> None:
    if _holds is None or not _here.service or _here.is_looking:
        return
    _here.is_looking = True
    try:
        frame = sys._getframe(2)
        _holds.slow_work[SlowWork(_here.service, label, _place(frame))] += 1
    finally:
        _here.is_looking = False


def _patch(owner: type[Any], name: str, label: str) -> Callable[[], None]:
    original = getattr(owner, name)

    def noting(self: Any, *arguments: Any, **named: Any) -> Any:
        if _here.service:
            _note(label)
        return original(self, *arguments, **named)

    setattr(owner, name, noting)
    return lambda: setattr(owner, name, original)


def _wrap_enter() -> Callable[[], None]:
    original = Atomic.__enter__

    def enter(self: Atomic) -> None:
        original(self)
        if self._from_testcase or self.using not in (None, "default"):  # type: ignore[attr-defined]
            return
        if not _here.depth:
            _here.service = _service(sys._getframe(1))
            _here.began, _here.tidied = (thread_time(), perf_counter()), 0.0
        _here.depth += 1

    Atomic.__enter__ = enter  # type: ignore[method-assign]
    return lambda: setattr(Atomic, "__enter__", original)


def _wrap_exit() -> Callable[[], None]:
    original = Atomic.__exit__

    def leave(self: Atomic, *raised: Any) -> None:
        is_ours = not self._from_testcase and self.using in (None, "default")  # type: ignore[attr-defined]
        ends = is_ours and _here.depth == 1
        if is_ours and _here.depth:
            _here.depth -= 1
        service = _here.service
        if ends:
            # What waits for the commit runs after it.
            _here.service = ""
        try:
            original(self, *raised)
        finally:
            if ends and _holds is not None and service:
                cpu, wall = _here.began
                tidied = _here.tidied
                held = thread_time() - cpu - tidied, perf_counter() - wall - tidied
                longest = _holds.longest.get(service, [])
                _holds.longest[service] = sorted([*longest, held], reverse=True)[:2]

    Atomic.__exit__ = leave  # type: ignore[method-assign]
    return lambda: setattr(Atomic, "__exit__", original)


def _count_tidying() -> Callable[[], None]:
    def count(phase: str, _info: dict[str, int]) -> None:
        _here.is_tidying = phase == "start"
        if _here.is_tidying:
            _here.tidies_since = thread_time()
        else:
            _here.tidied += thread_time() - _here.tidies_since

    gc.callbacks.append(count)
    return lambda: gc.callbacks.remove(count)


def _service(frame: FrameType | None) -> str:
    """Return the function of the product that began the transaction; "" for a test."""
    while frame is not None:
        place = _of_product(frame)
        name = frame.f_code.co_name
        if place == "base/common/databases.py" and name == "consistent_read":
            return ""
        if name == "inner" and frame.f_code.co_filename == contextlib.__file__:
            # A function under ``@transaction.atomic``.
            func = frame.f_locals["func"]
            return f"{func.__module__}.{func.__qualname__}"
        if product.is_test(place) or "/migrations/" in place or place in _ALONE:
            return ""
        if name == "changeform_view":
            # A screen of the admin, which reads and writes in one transaction.
            return f"{type(frame.f_locals['self']).__qualname__}.{name}"
        if place and place not in _NOT_NAMED:
            module = place.removesuffix(".py").replace("/", ".")
            return f"{module}.{frame.f_code.co_qualname}"
        frame = frame.f_back
    return ""


def _place(frame: FrameType | None) -> str:
    """Return the innermost lines of the product, inner first."""
    places: list[str] = []
    while frame is not None and len(places) < 4:
        place = _of_product(frame)
        if place and not product.is_test(place):
            places.append(f"{place}:{frame.f_lineno} {frame.f_code.co_name}")
        frame = frame.f_back
    return " < ".join(places)


def _of_product(frame: FrameType) -> str:
    name = frame.f_code.co_filename
    if not name.startswith(f"{product.ROOT}/") or "/.venv/" in name or "/site-packages/" in name:
        return ""
    return name[len(str(product.ROOT)) + 1 :]
