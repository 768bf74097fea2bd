"""Copies a finished report to a folder: the file, its manifest, and its columns."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from common.uid import new_uid
from reports.choices import Format
from reports.manifest import csvw, manifest
from reports.models import ReportRun
from reports.services import file_content


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
