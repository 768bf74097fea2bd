"""The log of sent files: one JSON line before each file is sent and one after.

A file is known by its content and its target, so a renamed copy is not sent again. A
kill between both lines leaves the first; then the server is asked whether the file
arrived.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
from collections import defaultdict
from collections.abc import Collection, Iterator
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
        # The server's ids by target: of contents that are known to have arrived.
        self._ids: defaultdict[str, set[str]] = defaultdict(set)

    @contextlib.contextmanager
    def turn(self, target: str, digest: str) -> Iterator[SentTurn]:
        """Wait until no other process sends; yield the known facts about a file."""
        with self.path.open("a+b") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            self._catch_up(file)
            line = self._lines.get((target, digest))
            yield SentTurn(file, (target, digest), line, self._ids[target])

    def _catch_up(self, file: IO[bytes]) -> None:
        file.seek(self._read_to)
        data = file.read()
        sound = data.rfind(b"\n") + 1
        if sound < len(data):
            # Half a line of a killed process.
            file.truncate(self._read_to + sound)
        self._read_to += sound
        for text in data[:sound].splitlines():
            with contextlib.suppress(
                ValueError, KeyError, TypeError, AttributeError, RecursionError
            ):
                self._note(json.loads(text))

    def _note(self, line: Line) -> None:
        """Keep a line; an exception says that it is none of ours."""
        target, digest = str(line["target"]), str(line["sha256"])
        if "as" in line:
            self._ids[target].add(str(line["as"].get("id")))
        if "since" in line:
            datetime.fromisoformat(line["since"])
        self._lines[target, digest] = {"name": str(line["name"]), **line}


class SentTurn:
    """The right to send one file, and its entries in the log.

    ``other_ids`` are the server's ids of all that was sent to the same target.
    """

    def __init__(
        self, file: IO[bytes], key: Key, line: Line | None, other_ids: Collection[str]
    ) -> None:
        self._file = file
        self._key = key
        self._line = line
        self.other_ids = other_ids

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

    def begin(self, name: str, since: datetime) -> None:
        """Note that a file is about to be sent."""
        self._write({"name": name, "since": since.isoformat()})

    def end(self, name: str, known_as: Line) -> None:
        """Note that the server has the file."""
        self._write({"name": name, "as": known_as})

    def refuse(self, name: str, message: str) -> None:
        """Note that the server does not want the file."""
        self._write({"name": name, "refused": message})

    def _write(self, fields: Line) -> None:
        target, digest = self._key
        line = {"target": target, "sha256": digest, **fields}
        self._file.write(json.dumps(line).encode() + b"\n")
        self._file.flush()
        os.fsync(self._file.fileno())
