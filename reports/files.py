"""The file of a finished report: content, integrity check, copies."""

from __future__ import annotations

import hashlib
import json
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from django.utils.translation import gettext as _

from base.common.uid import new_uid
from reports.choices import Format
from reports.manifest import csvw, manifest
from reports.models import ReportRun
from reports.stored_rows import content_of

CONTENT_TYPES = {
    Format.CSV: "text/csv; charset=utf-8",
    Format.JSON: "application/json",
    Format.JSON_LINES: "application/jsonl",
    Format.XLSX: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    Format.PARQUET: "application/vnd.apache.parquet",
}


def file_content(run: ReportRun) -> Iterator[bytes]:
    """Yield the content of a run's file."""
    if run.format in (Format.XLSX, Format.PARQUET):
        return iter(run.file.chunks(256 * 1024))
    return content_of(run.file)


@dataclass(frozen=True, slots=True)
class Check:
    """The result of checking one file of a run."""

    name: str
    fault: str

    @property
    def is_whole(self) -> bool:
        """Tell whether the file is unchanged."""
        return not self.fault


def check_run(*, run: ReportRun) -> list[Check]:
    """Compare rows and file of a finished run with their hashes."""
    return [
        check_content(run.file_name, lambda: file_content(run), run.sha256),
        check_content("rows", lambda: content_of(run.rows), run.rows_sha256),
    ]


def check_content(name: str, content: Callable[[], Iterator[bytes]], expected: str) -> Check:
    """Compare content with the hash that it was written with."""
    digest = hashlib.sha256()
    try:
        for piece in content():
            digest.update(piece)
    except FileNotFoundError:
        return Check(name, _("The file is missing."))
    except (OSError, EOFError, zlib.error) as fault:
        return Check(name, _("The file cannot be read: %(fault)s.") % {"fault": fault})
    actual = digest.hexdigest()
    if actual == expected:
        return Check(name, "")
    return Check(
        name,
        _("Its SHA-256 is %(actual)s; it was written as %(expected)s.")
        % {"actual": actual, "expected": expected},
    )


def save_report(*, run: ReportRun, target: Path) -> list[Path]:
    """Write the report to ``target``, with its manifest beside it.

    Each file appears only when complete. Raises ``OSError`` if the folder is not
    writable.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    beside = {f"{target.name}.manifest.json": manifest(run)}
    if run.format == Format.CSV:
        # Readers of CSV on the Web look for this name.
        beside[f"{target.name}-metadata.json"] = {**csvw(run), "url": target.name}
    saved = [_save(target, file_content(run))]
    for name, content in beside.items():
        saved.append(_save(target.with_name(name), iter([as_json(content)])))
    return saved


def as_json(content: dict[str, object]) -> bytes:
    """Return a manifest as formatted JSON."""
    return f"{json.dumps(content, ensure_ascii=False, indent=2)}\n".encode()


def _save(target: Path, pieces: Iterator[bytes]) -> Path:
    # In the same folder, because a rename must not cross file systems.
    partial = target.with_name(f".{target.name[:200]}.{new_uid('p')}")
    try:
        with partial.open("wb") as file:
            file.writelines(pieces)
        partial.replace(target)
    finally:
        partial.unlink(missing_ok=True)
    return target
