"""The file of a finished report: its content, whether it is whole, copies of it."""

from __future__ import annotations

import hashlib
import json
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from common.uid import new_uid
from reports.choices import Format
from reports.keeping import content_of
from reports.manifest import csvw, manifest
from reports.models import ReportRun

CONTENT_TYPES = {
    Format.CSV: "text/csv; charset=utf-8",
    Format.JSON: "application/json",
    Format.JSON_LINES: "application/jsonl",
    Format.XLSX: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    Format.PARQUET: "application/vnd.apache.parquet",
}


def file_content(run: ReportRun) -> Iterator[bytes]:
    """Return the bytes of a run's file."""
    if run.format in (Format.XLSX, Format.PARQUET):
        return iter(run.file.chunks(256 * 1024))
    return content_of(run.file)


@dataclass(frozen=True, slots=True)
class Check:
    """What checking a kept run said of one of its files."""

    name: str
    fault: str

    @property
    def is_whole(self) -> bool:
        """Tell whether the file is as it was written."""
        return not self.fault


def check_run(*, run: ReportRun) -> list[Check]:
    """Read rows and file of a ready run again and compare them with their hashes."""
    return [
        _check(run.file_name, lambda: file_content(run), run.sha256),
        _check("rows", lambda: content_of(run.rows), run.rows_sha256),
    ]


def _check(name: str, content: Callable[[], Iterator[bytes]], wanted: str) -> Check:
    digest = hashlib.sha256()
    try:
        for piece in content():
            digest.update(piece)
    except FileNotFoundError:
        return Check(name, "The file is not there any more.")
    except (OSError, EOFError, zlib.error) as fault:
        return Check(name, f"The file cannot be read: {fault}.")
    found = digest.hexdigest()
    if found == wanted:
        return Check(name, "")
    return Check(name, f"Its SHA-256 is {found}; it was written with {wanted}.")


def save_report(*, run: ReportRun, target: Path) -> list[Path]:
    """Write the report to ``target`` and what describes it beside it.

    Each file appears under its name when all of it is there; ``OSError`` where the
    place cannot be written.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    beside = {f"{target.name}.manifest.json": manifest(run)}
    if run.format == Format.CSV:
        # The name under which readers of CSV on the Web look for it.
        beside[f"{target.name}-metadata.json"] = {**csvw(run), "url": target.name}
    saved = [_save(target, file_content(run))]
    for name, content in beside.items():
        saved.append(_save(target.with_name(name), iter([as_json(content)])))
    return saved


def as_json(content: dict[str, object]) -> bytes:
    """Return a manifest as people and programs read it."""
    return f"{json.dumps(content, ensure_ascii=False, indent=2)}\n".encode()


def _save(target: Path, pieces: Iterator[bytes]) -> Path:
    partial = target.with_name(f".{target.name[:200]}.{new_uid('p')}")
    try:
        with partial.open("wb") as file:
            file.writelines(pieces)
        partial.replace(target)
    finally:
        partial.unlink(missing_ok=True)
    return target
