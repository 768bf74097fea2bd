"""What becomes of an account's streams; a package above has streams and registers here."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from base.accounts.models import User
from base.common.registry import Registry
from plugins.moving.importing.records import Became
from plugins.moving.importing.remote import RemoteStream
from plugins.moving.models import MovedKind, MoveParts
from scanning.models import Container, ScannedFile


class StreamsHere(Protocol):
    """Keeps streams and the days of their plays."""

    def add(self, user: User, there: RemoteStream, container: Container) -> Became:
        """Add a stream that does not listen."""

    def container_of(self, case: str) -> Container | None:
        """Return the container of a stream; None if the stream was deleted."""

    def note_day(
        self, case: str, file: ScannedFile, begin: datetime, length_ms: int, user: User
    ) -> str:
        """Note that a file is a day of a stream; return why that was refused."""


streams_here: Registry[StreamsHere] = Registry()


def has_streams() -> bool:
    """Return whether streams can move in."""
    return any(True for _ in streams_here)


def parts_here() -> list[MoveParts]:
    """Return the parts of an account that can move in."""
    return [part for part in MoveParts if has_streams() or part != MoveParts.STREAMS]


def kinds_here() -> list[MovedKind]:
    """Return the kinds of objects of an account that can move in."""
    of_streams = {MovedKind.STREAM, MovedKind.DAY}
    return [kind for kind in MovedKind if has_streams() or kind not in of_streams]
