"""Parses untrusted files in a limited child process.

The child has no network, opens no files, and gets limited memory, time and output. A
file that breaks its parser cannot harm the parent.
"""

from __future__ import annotations

import dataclasses
import json
import re
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import IO, Any, Final

from django.conf import settings
from django.utils.translation import gettext as _

from recognition.errors import DecodeFailed, JobRefused, OutOfLimits
from recognition.isolation import client
from recognition.isolation.wire import MessageKind
from recognition.limits import DecodeLimits

# NUL as JSON escape after an even number of backslashes; PostgreSQL cannot store it.
_NUL: Final = re.compile(r"(?<!\\)((?:\\\\)*)\\u0000")


@dataclass(frozen=True, slots=True)
class ReadingLimits:
    """Limits for one file; memory is in addition to the child's own."""

    memory_bytes: int
    cpu_s: int
    output_bytes: int


def keep_texts_english() -> None:
    """Have ``gettext`` return the texts as they are; a child opens no catalogues.

    Called in the process that children are forked from, which has no settings.
    """
    if not settings.configured:
        settings.configure(USE_I18N=False)
    _("")


class Unreadable(Exception):
    """The file cannot be read; the message gives the cause and what to do."""


def read_confined(
    file: IO[bytes],
    *,
    jobs: str,
    request: Mapping[str, Any],  # Any: JSON
    limits: ReadingLimits,
    heartbeat: Callable[[], None] = lambda: None,
) -> IO[bytes]:
    """Return the output of a job from the module ``jobs`` about ``file``.

    The returned temporary file is deleted on close. ``heartbeat`` is called for each
    progress report of the child. Raises ``Unreadable``.
    """

    def on_message(kind: MessageKind, _body: bytes) -> None:
        if kind is MessageKind.PROGRESS:
            heartbeat()

    written = tempfile.NamedTemporaryFile(dir=settings.FILE_UPLOAD_TEMP_DIR)  # noqa: SIM115 - closed by the caller
    try:
        _run([file, written], jobs, request, limits, on_message)
    except Exception:
        written.close()
        raise
    written.seek(0)
    return written


def _run(
    files: Sequence[IO[bytes]],
    jobs: str,
    request: Mapping[str, Any],  # Any: JSON
    limits: ReadingLimits,
    on_message: Callable[[MessageKind, bytes], None],
) -> None:
    """Run a job in a child of its own. Raises ``Unreadable``, and as ``on_message``."""
    child_limits = DecodeLimits(max_memory_bytes=limits.memory_bytes, max_cpu_s=limits.cpu_s)
    try:
        client.run_once(
            {
                **request,
                "limits": dataclasses.asdict(child_limits),
                "output_bytes": limits.output_bytes,
            },
            [file.fileno() for file in files],
            jobs=jobs,
            wall_s=client.wall_s(child_limits),
            on_message=on_message,
        )
    except (JobRefused, OutOfLimits, DecodeFailed) as error:
        raise _translated(error) from error


def _translated(error: JobRefused | OutOfLimits | DecodeFailed) -> Unreadable:
    if isinstance(error, JobRefused):
        return Unreadable(str(error))
    if isinstance(error, OutOfLimits):
        return Unreadable(_("The file takes too much time or memory to read. Split it."))
    return Unreadable(
        _(
            "The file could not be read: the process that read it stopped. "
            "Save the file again, or as CSV, and try again."
        )
    )


def json_line(
    value: Any, *, default: Callable[[Any], object] | None = None
) -> bytes:  # Any: JSON, or what ``default`` turns into it
    """Return a value as a line for ``json_lines``, without what no database can store."""
    text = json.dumps(value, default=default, ensure_ascii=False)
    # JSON can contain lone surrogates, too.
    return _NUL.sub(r"\1", text).encode(errors="replace") + b"\n"


def json_lines(file: IO[bytes], *, max_bytes: int) -> Iterator[Any]:  # Any: JSON
    """Yield the child's output, one JSON value per line.

    Raises ``Unreadable`` for a line over ``max_bytes``, because a line is held in
    memory.
    """
    file.seek(0)
    while line := file.readline(max_bytes + 1):
        if len(line) > max_bytes:
            raise Unreadable(_("A row of the file is too large. Split the file."))
        yield _read(line)


def _read(text: bytes) -> Any:  # Any: JSON
    """Return what a child wrote; it has read a stranger's file, so it is not trusted."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise Unreadable(
            _(
                "The file could not be read: the process that read it stopped. "
                "Save the file again, or as CSV, and try again."
            )
        ) from error


def stream_confined(
    file: IO[bytes],
    *,
    jobs: str,
    request: Mapping[str, Any],  # Any: JSON
    limits: ReadingLimits,
    on_rows: Callable[[Any], None],  # Any: JSON
) -> None:
    """Pass what a job from the module ``jobs`` finds in ``file`` on, message by message.

    For output that is too large to keep: nothing is written to disk. An exception of
    ``on_rows`` ends the child. Raises ``Unreadable``.
    """

    def on_message(kind: MessageKind, body: bytes) -> None:
        if kind is MessageKind.ROWS:
            on_rows(_read(body))

    _run([file], jobs, request, limits, on_message)
