"""Runs a report: reads a snapshot of the database, stores rows, writes the file.

A transaction with a consistent snapshot reads the rows. Files get their final name only
when complete.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from django.core.files.storage import default_storage
from django.db import transaction
from django.utils.translation import gettext as _

import base.audit.services
from base.accounts.reach import limits_at_work, sees_every_bucket, working_for
from base.common.databases import snapshot
from base.common.outages import NO_ROOM, outage_of
from base.common.storage import FileOnDisk, kept_only_if_done, scratch_directory, sha256_of
from base.jobs.context import JobContext
from base.jobs.errors import Failed
from base.jobs.models import Job
from base.jobs.runner import here
from reports import selectors
from reports.choices import Format, Mode
from reports.jobs import ask_for_deliveries
from reports.layouts import Layout, schema_of
from reports.manifest import contents
from reports.models import ReportRun
from reports.rows import IN_REACH, KeptRow
from reports.selectors import Selection
from reports.stored_rows import CompressedFile, RowKeeper, kept_rows
from reports.tables import Sheet, write_parquet, write_xlsx

logger = logging.getLogger(__name__)

_TEXT = (Format.CSV, Format.JSON, Format.JSON_LINES)
# Shares of the work: rows are read until the first, and written until the second.
_READ, _WRITTEN = 0.5, 0.99


@dataclass(frozen=True, slots=True)
class Written:
    """A finished file before it is stored; hash and size are of its content."""

    path: Path
    sha256: str
    size_bytes: int


def chosen_by(layout: Layout) -> Selection:
    """Return the selection of a layout's filters."""
    return selectors.selection(filters=layout.match_filter, files_without=layout.files_without)


def run(context: JobContext) -> None:
    """Run a report in a worker."""
    report: ReportRun = context.subject
    if report.is_by_hand and not report.rows:
        # The selection is not stored: a worker cannot do the rest of a download.
        raise Failed(
            "interrupted",
            _("The download was interrupted. Select the matches and export them again."),
        )
    # The report is limited to the requester's access, not the worker's.
    with working_for(report.run_by):
        work(context, chosen_by(Layout.of(report)))


def stream(job: Job, chosen: Selection) -> Iterator[bytes]:
    """Yield a text file while its rows are read, and store both.

    The run is ready once the last piece has been taken, and cancelled if the caller
    stops earlier. Whatever else stops it is raised: the client got only a part, and
    ending normally would make it look complete.
    """
    with here(job) as context, failing_without_files(), scratch_directory() as folder:
        run: ReportRun = context.subject
        layout = Layout.of(run)
        keeper = RowKeeper(folder / "rows", layout.mode)
        copy = CompressedFile(folder / "file")
        expected = selectors.count_rows(chosen=chosen, mode=run.mode).rows
        with keeper, copy, snapshot():
            rows = watched(context, _read(run, chosen, keeper), expected)
            for piece in layout.pieces(rows, {}):
                copy.write(piece)
                yield piece
        _take_counts(run, keeper)
        _finish(context, keeper, Written(copy.path, copy.sha256, copy.size_bytes))


@contextmanager
def failing_without_files() -> Iterator[None]:
    """Fail a run at once if its files cannot be written, as a person waits for it.

    In a worker, a run waits for room or is tried again, as all jobs are.
    """
    try:
        yield
    except OSError as error:
        logger.exception("a report could not be written")
        cause = _("The file could not be written: %(strerror)s.") % {"strerror": error.strerror}
        if outage_of(error) is NO_ROOM:
            cause += _(" The disk is full: free some space, then try again.")
        raise Failed("not_written", cause) from error


def work(context: JobContext, chosen: Selection) -> None:
    """Run a report to its end; stored rows are not read again."""
    run: ReportRun = context.subject
    with scratch_directory() as folder:
        expected = run.stored_count or selectors.count_rows(chosen=chosen, mode=run.mode).rows
        keeper, begin = None, 0.0
        if not run.rows:
            keeper, begin = RowKeeper(folder / "rows", Mode(run.mode)), _READ
            with keeper, snapshot():
                rows = _read(run, chosen, keeper)
                for _ in watched(context, rows, expected, end=_READ):
                    pass
            _take_counts(run, keeper)
        rows = watched(context, _rows_of(run, keeper), expected, begin=begin)
        _finish(context, keeper, _write(run, rows, folder, keeper))


def watched(
    context: JobContext,
    rows: Iterable[KeptRow],
    expected: int,
    *,
    begin: float = 0.0,
    end: float = _WRITTEN,
) -> Iterator[KeptRow]:
    """Pass rows on as a part of the work, from ``begin`` to ``end``."""
    for number, row in enumerate(rows, start=1):
        # The count was taken before the snapshot, so there may be more rows.
        context.report(begin + (end - begin) * min(1.0, number / max(1, expected)))
        yield row


def _read(run: ReportRun, chosen: Selection, keeper: RowKeeper) -> Iterator[KeptRow]:
    """Return the rows of this snapshot, stored as they pass."""
    newest = selectors.newest_event()
    run.as_of_event = newest.pk if newest else 0
    run.as_of_at = newest.at if newest else None
    return keeper.keep(selectors.rows(chosen=chosen, mode=run.mode, as_of=newest))


def _take_counts(run: ReportRun, keeper: RowKeeper) -> None:
    run.counts = keeper.counts
    run.row_count = run.rows_in(Mode(run.mode))
    run.limits = limits_at_work()
    # Receivers cannot know the limits of the person who ran the report.
    if not sees_every_bucket():
        run.counts["within"] = IN_REACH
    run.versions = keeper.versions
    run.rows_sha256 = keeper.sha256


def _rows_of(run: ReportRun, keeper: RowKeeper | None) -> Iterator[KeptRow]:
    if keeper is None:
        return kept_rows(run.rows, Mode(run.mode))
    return kept_rows(FileOnDisk(keeper.path, "rows"), Mode(run.mode))


def _write(
    run: ReportRun, rows: Iterable[KeptRow], folder: Path, keeper: RowKeeper | None
) -> Written:
    layout = Layout.of(run)
    target = folder / "file"
    if layout.format in _TEXT:
        with CompressedFile(target) as copy:
            for piece in layout.pieces(rows, contents(run)):
                copy.write(piece)
        return Written(target, copy.sha256, copy.size_bytes)
    if layout.format == Format.PARQUET:
        write_parquet(target, layout.shaped(rows), layout.fields, layout.schema.name)
    else:
        write_xlsx(target, _sheets(run, layout, rows, keeper), contents(run))
    with FileOnDisk(target, "file") as file:
        return Written(target, sha256_of(file), file.size)


def _sheets(
    run: ReportRun, layout: Layout, rows: Iterable[KeptRow], keeper: RowKeeper | None
) -> Iterator[Sheet]:
    """Yield the sheets; a sheet of matches is followed by their segments."""
    names = {Mode.MATCH: "matches", Mode.SEGMENT: "segments", Mode.FILE: "files"}
    yield Sheet(names[layout.mode], layout.fields, layout.shaped(rows))
    if layout.mode == Mode.MATCH:
        # The stored rows contain the segments, so they are read twice, not kept.
        beside = Layout(mode=Mode.SEGMENT)
        yield Sheet(
            "segments", schema_of(Mode.SEGMENT).fields, beside.shaped(_rows_of(run, keeper))
        )


_FOUND = (
    *("as_of_event", "as_of_at", "row_count", "counts", "limits", "versions"),
    *("rows", "rows_sha256", "file", "sha256", "size_bytes"),
)


def _finish(context: JobContext, keeper: RowKeeper | None, written: Written) -> None:
    """Store the files and end the job, or store nothing."""
    run: ReportRun = context.subject
    with kept_only_if_done() as stored:
        if keeper is not None:
            stored.append(_store(keeper.path, f"reports/{run.uid}/rows.jsonl.gz"))
            run.rows.name = stored[0]
        stored.append(_store(written.path, f"reports/{run.uid}/{run.file_name}"))
        run.file.name = stored[-1]
        run.sha256, run.size_bytes = written.sha256, written.size_bytes
        with transaction.atomic():
            statistics = {name: getattr(run, name) for name in _FOUND}
            context.finish(**statistics, finished_at=datetime.now(tz=UTC))
            base.audit.services.record(
                case=run.case,
                action="written",
                actor=run.run_by or run.run_by_name,
                after={
                    "schema": Layout.of(run).schema.name,
                    "filter": run.filters,
                    "as_of_event": run.as_of_event,
                    "rows": run.counts["match_found"],
                    "sha256": run.sha256,
                },
            )
            ask_for_deliveries(run)


def _store(path: Path, name: str) -> str:
    with FileOnDisk(path, name) as file:
        return default_storage.save(name, file)
