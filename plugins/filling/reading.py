"""Reads a source: checks its file, and has its kind build the index."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from django.db import transaction

import base.audit.services
from base.common.confined import ReadingLimits, Unreadable, stream_confined
from base.common.storage import local_path
from base.jobs.context import JobContext
from base.jobs.errors import Failed
from base.jobs.services import submit
from imports.errors import TableRefused
from imports.mapping import LEFT_OUT, guess, named_columns
from imports.recordings.targets import RECORDING_TARGETS
from imports.tables import open_table, rows_of
from plugins.filling.indexes import folder, index_path
from plugins.filling.jobs import MATCH
from plugins.filling.models import EnrichmentSource
from plugins.filling.open_data.errors import SourceRefused, from_text
from plugins.filling.open_data.kinds import Reading, SourceFacts, SourceKind, source_kinds

# The whole dump of MusicBrainz takes about an hour; its child keeps no rows.
_LIMITS: Final = ReadingLimits(memory_bytes=1024**3, cpu_s=6 * 3600, output_bytes=1024**2)
_BLOCK: Final = 8 * 1024**2
# How many rows a whole dump has about, for the progress.
_ROWS: Final = 200_000_000


def run(context: JobContext) -> None:
    """Read a source; the index replaces an earlier one when it is complete."""
    source: EnrichmentSource = context.subject
    kind = source_kinds().get(source.kind)
    if kind is None:
        raise Failed("unknown_kind", f"This version reads no {source.kind}.")
    try:
        with _file_of(source) as path:
            sha256 = _check_sum(path, kind, context)
            facts = _read(source, kind, path, sha256, context)
    except (SourceRefused, TableRefused) as refused:
        code = getattr(refused, "code", "dump_unreadable")
        raise Failed(code, str(refused)) from refused
    with transaction.atomic():
        base.audit.services.record(
            case=f"open-data:{source.uid}",
            action="enrichment.source_read",
            after={"name": source.name, "recordings": facts.rows, "sha256": sha256},
        )
        submit(MATCH, None)
        context.finish(
            sha256=sha256,
            data_date=facts.date,
            schema=facts.schema,
            rows=facts.rows,
            read_at=datetime.now(tz=UTC),
        )


@contextmanager
def _file_of(source: EnrichmentSource) -> Iterator[Path]:
    """Yield the file on this machine: a list that a page sent, or an operator's file."""
    if not source.upload:
        yield Path(source.path)
        return
    with local_path(source.upload) as path:
        yield path


def _check_sum(path: Path, kind: SourceKind, context: JobContext) -> str:
    """Return the file's SHA-256; refuse one that checksums beside it contradict."""
    if not path.is_file():
        raise SourceRefused(
            "dump_unreadable", f"There is no file {path} on this machine. Put it there."
        )
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            digest.update(block)
            context.report(0.0, "checking the file")
    for sums in sorted(path.parent.glob(kind.sums)):
        for line in sums.read_text("utf-8", "replace").splitlines():
            stated, _space, name = line.partition(" ")
            if name.strip().lstrip("*") == path.name and stated != digest.hexdigest():
                raise SourceRefused(
                    "dump_checksum",
                    f"{path.name} is not the file that {sums.name} beside it names. "
                    "Download both again.",
                )
    return digest.hexdigest()


def _read(
    source: EnrichmentSource, kind: SourceKind, path: Path, sha256: str, context: JobContext
) -> SourceFacts:
    def stream(
        jobs: str, request: Mapping[str, Any], on_rows: Callable[[Any], None]
    ) -> None:  # Any: JSON
        with path.open("rb") as file:
            try:
                stream_confined(file, jobs=jobs, request=request, limits=_LIMITS, on_rows=on_rows)
            except Unreadable as error:
                raise from_text(str(error)) from error

    return kind.read(
        Reading(
            path=path,
            index=index_path(source),
            # The name holds the file's hash, so a restart resumes only the same file.
            scratch=folder() / f"{source.uid}.{sha256[:16]}.tables",
            stream=stream,
            rows=lambda: _rows(path),
            report=lambda rows: context.report(min(0.99, rows / _ROWS), "reading"),
        )
    )


def _rows(path: Path) -> Iterator[dict[str, str]]:
    """Yield the rows of a table by our names of its columns."""
    with open_table(path, names=RECORDING_TARGETS.known_names) as table:
        columns = guess(named_columns(table.header, RECORDING_TARGETS))
        targets = [column.target for column in columns]
        for row in rows_of(table):
            yield {
                target: cell.strip()
                for target, cell in zip(targets, row.cells, strict=False)
                if target != LEFT_OUT and cell.strip()
            }
