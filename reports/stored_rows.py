"""Stores the rows of a run: compressed JSON Lines, identical for identical rows.

The first line names the columns, so that rows are read by name: a column added later is
empty, and shifts no other.
"""

from __future__ import annotations

import gzip
import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from django.core.files.base import File

from reports.cells import Cell
from reports.choices import Mode
from reports.layouts import kept_columns
from reports.rows import KeptRow

_CHUNK_BYTES = 256 * 1024
_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


class CompressedFile:
    """Writes a compressed file, with hash and size of the uncompressed content."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.size_bytes = 0
        self._digest = hashlib.sha256()
        self._raw = path.open("wb")
        # No name or time in the header: equal content gives equal bytes.
        self._file = gzip.GzipFile("", "wb", 1, self._raw, mtime=0)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            self._file.close()
        finally:
            self._raw.close()

    @property
    def sha256(self) -> str:
        """Return the hash of the content so far."""
        return self._digest.hexdigest()

    def write(self, piece: bytes) -> None:
        """Append a piece."""
        self._file.write(piece)
        self._digest.update(piece)
        self.size_bytes += len(piece)


class RowKeeper(CompressedFile):
    """Stores rows as they pass, and counts them by kind and state."""

    def __init__(self, path: Path, mode: Mode) -> None:
        super().__init__(path)
        self._segments = 0
        names, of_segments = kept_columns(mode)
        self._has_segments = bool(of_segments)
        self._write_line({"cells": names, "segments": of_segments})
        self._found = names.index("match_found")
        self._state = names.index("review_state") if "review_state" in names else None
        self._engine = names.index("engine")
        self._engine_version = names.index("engine_version")
        self._policy = names.index("policy_name") if "policy_name" in names else None
        self._counts: dict[str, Counter[str]] = {
            name: Counter() for name in ("match_found", "review_state")
        }
        self._engines: set[str] = set()
        self._policies: set[str] = set()

    def keep(self, rows: Iterable[KeptRow]) -> Iterator[KeptRow]:
        """Store and count each row, and pass it on."""
        for row in rows:
            self._write_line(row)
            cells, segments = row
            self._segments += max(1, len(segments))
            self._counts["match_found"][str(cells[self._found])] += 1
            if self._state is not None and cells[self._state]:
                self._counts["review_state"][str(cells[self._state])] += 1
            if cells[self._engine]:
                version = cells[self._engine_version] or ""
                self._engines.add(f"{cells[self._engine]} {version}".strip())
            if self._policy is not None and cells[self._policy]:
                self._policies.add(str(cells[self._policy]))
            yield row

    def _write_line(self, content: object) -> None:
        self.write(f"{_encode(content)}\n".encode())

    @property
    def counts(self) -> dict[str, Any]:  # Any: JSON
        """Return the number of rows by kind and by review state, and with one per segment."""
        of_segments = {"segments": self._segments} if self._has_segments else {}
        by_value = {name: dict(sorted(counts.items())) for name, counts in self._counts.items()}
        return by_value | of_segments

    @property
    def versions(self) -> dict[str, list[str]]:
        """Return the engines and policies in the rows."""
        return {"engines": sorted(self._engines), "policies": sorted(self._policies)}


def kept_rows(stored: File[bytes], mode: Mode) -> Iterator[KeptRow]:
    """Read the rows of a run, one at a time, in today's columns."""
    now = kept_columns(mode)
    # Files without a line of names are older; their cells are the first of today's
    # columns.
    # Compare names once per file, since mapping every row would be slow.
    names, as_now = now, False
    with stored.open("rb") as raw, gzip.open(raw, "rt", encoding="utf-8") as lines:
        for line in lines:
            record = json.loads(line)
            if isinstance(record, dict):
                names = record["cells"], record["segments"]
                as_now = names == now
                continue
            cells, segments = record
            if not as_now:
                cells = _by_name(cells, names[0], now[0])
                segments = [_by_name(segment, names[1], now[1]) for segment in segments]
            yield cells, segments


def _by_name(cells: list[Cell], names: list[str], now: list[str]) -> list[Cell]:
    by_name = dict(zip(names, cells, strict=False))
    return [by_name.get(name) for name in now]


def content_of(stored: File[bytes]) -> Iterator[bytes]:
    """Yield the uncompressed content in chunks."""
    with stored.open("rb") as raw, gzip.open(raw, "rb") as content:
        while chunk := content.read(_CHUNK_BYTES):
            yield bytes(chunk)
