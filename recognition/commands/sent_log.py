"""The log of what was sent: one JSON line before each file is sent and one after.

A file is known by its content and its target, so a renamed copy is not sent again. A
kill between both lines leaves the first; then the server is asked whether the file
arrived.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import IO, Any

Key = tuple[str, str]
Line = dict[str, Any]  # Any: JSON


class SentLog:
    """A log in one file, which several processes may share: one sends at a time."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        self._read_to = 0
        self._lines: dict[Key, Line] = {}

    @contextlib.contextmanager
    def turn(self, target: str, digest: str) -> Iterator[SentTurn]:
        """Wait until no other process sends; yield what is known about a file."""
        with self.path.open("a+b") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            self._catch_up(file)
            yield SentTurn(file, (target, digest), self._lines)

    def _catch_up(self, file: IO[bytes]) -> None:
        file.seek(self._read_to)
        data = file.read()
        sound = data.rfind(b"\n") + 1
        if sound < len(data):
            # Half a line of a killed process.
            file.truncate(self._read_to + sound)
        self._read_to += sound
        for text in data[:sound].splitlines():
            with contextlib.suppress(ValueError, KeyError, TypeError):
                line = json.loads(text)
                self._lines[line["target"], line["sha256"]] = line


class SentTurn:
    """The right to send one file, and what the log says of it."""

    def __init__(self, file: IO[bytes], key: Key, lines: dict[Key, Line]) -> None:
        self._file = file
        self._key = key
        self._line = lines.get(key)
        self._lines = lines

    @property
    def sent_as(self) -> Line | None:
        """What the server called the file, or None if it was not sent."""
        if self._line is None or "as" not in self._line:
            return None
        return dict(self._line["as"])

    @property
    def begun(self) -> tuple[str, datetime] | None:
        """Name and time of a try whose end nobody noted."""
        if self._line is None or "since" not in self._line:
            return None
        return self._line["name"], datetime.fromisoformat(self._line["since"])

    @property
    def others(self) -> set[str]:
        """The server's ids of other contents that were sent to the same target."""
        return {
            str(line["as"].get("id"))
            for (target, _), line in self._lines.items()
            if target == self._key[0] and "as" in line
        }

    def begin(self, name: str, since: datetime) -> None:
        """Note that a file is about to be sent."""
        self._write({"name": name, "since": since.isoformat()})

    def end(self, name: str, known_as: Line) -> None:
        """Note that the server has the file."""
        self._write({"name": name, "as": known_as})

    def refuse(self, name: str, message: str) -> None:
        """Note that the server does not want the file."""
        self._write({"name": name, "refused": message})

    def _write(self, more: Line) -> None:
        target, digest = self._key
        line = {"target": target, "sha256": digest, **more}
        self._file.write(json.dumps(line).encode() + b"\n")
        self._file.flush()
        os.fsync(self._file.fileno())
