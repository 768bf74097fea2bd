"""What a portal or ACRCloud is sent: files, where they go, and how it may answer.

Apart from ``server``, whose network code only a command that sends needs.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any
from urllib.parse import quote

Answer = dict[str, Any]  # Any: JSON


class ServerRefused(Exception):
    """The server refused a request; the text is the server's.

    ``for_all`` says that any other file would be refused, too.
    """

    def __init__(self, status: int, code: str, message: str) -> None:
        self.code = code
        self.for_all = status in {401, 403, 404} or status < 400
        super().__init__(message)


class NoAnswer(Exception):
    """It is unknown whether the server took the request; it may be repeated later."""

    def __init__(self, reason: str, pause_s: float | None = None) -> None:
        self.pause_s = pause_s
        super().__init__(reason)


class TargetKind(StrEnum):
    """What files are sent to; the value is the option that names it."""

    CONTAINER = "container"
    BUCKET = "bucket"
    DEDUP = "dedup"


@dataclass(frozen=True, slots=True)
class Target:
    """A container, a bucket, or a bucket of dedup files, by its id."""

    kind: TargetKind
    number: str

    @property
    def path(self) -> str:
        """The path of its files."""
        number = quote(self.number, safe="")
        if self.kind is TargetKind.CONTAINER:
            return f"/api/fs-containers/{number}/files"
        files = "dedup-files" if self.kind is TargetKind.DEDUP else "files"
        return f"/api/buckets/{number}/{files}"


@dataclass(frozen=True, slots=True)
class Upload:
    """A file to send, with the name that it gets there.

    ``size`` bytes are sent; ``digest`` is the SHA-256 of the content.
    """

    path: Path
    name: str
    size: int
    digest: str
    is_fingerprint: bool

    def fields(self, target: Target) -> dict[str, str]:
        """Return the fields beside the file."""
        kind = "fingerprint" if self.is_fingerprint else "audio"
        if target.kind is TargetKind.DEDUP:
            return {"id": self.name}
        naming = "name" if target.kind is TargetKind.CONTAINER else "title"
        return {"data_type": kind, naming: self.name}
