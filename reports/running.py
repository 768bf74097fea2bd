"""Runs a report: reads a snapshot of the database, stores rows, writes the file.

A transaction with a consistent snapshot reads the rows. The lease and the progress are
written meanwhile in a thread with its own connection. Files get their final name only
when complete.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Self

from django.core.files.storage import default_storage
from django.db import OperationalError, connection, transaction
from django.db.models import F, QuerySet

import audit.services
from accounts.reach import sees_every_bucket, working_for
from common import draining, leases
from common.leases import NO_LEASE, LeaseLost, lease_end
from common.queue import worker_name
from common.snapshot import consistent_read
from common.storage import FileOnDisk, scratch_directory, sha256_of
from common.uid import new_uid
from reports import selectors
from reports.choices import Format, Mode, RunState
from reports.keeping import CompressedFile, RowKeeper, kept_rows
from reports.layouts import Layout
from reports.manifest import contents
from reports.models import ReportRun
from reports.rows import IN_REACH, KeptRow
from reports.schemas import SCHEMAS
from reports.selectors import Selection
from reports.tables import Sheet, write_parquet, write_xlsx
from scanning import turns
from scanning.tasks import give_way

logger = logging.getLogger(__name__)

KIND = "report"
_TELL_SECONDS = 1.0
# How long a stopping worker continues a report; ``serve`` waits for 30 s in total.
_END_SECONDS = 10.0
_TEXT = (Format.CSV, Format.JSON, Format.JSON_LINES)
READING_PERCENT = 50


class Cancelled(Exception):
    """A person cancelled the run."""


class HandedBack(Exception):
    """The worker is stopping, and the run would take too long."""


class ReportContext:
    """Renews a run's lease, writes its progress, and stops it on request.

    In a worker it also lets scans that people wait for run first, and hands the run
    back when the worker stops.
    """

    def __init__(
        self, run: ReportRun, *, expected: int, in_worker: bool = False
    ) -> None:
        self._run = run
        self._expected = max(1, expected)
        self._in_worker = in_worker
        self._somebody_waits = False
        self._share = (0, 100)
        self.rows = 0
        self._told_to_stop: Exception | None = None
        self._done = threading.Event()
        # Inside the caller's transaction, another connection would wait for it.
        self._thread = (
            None
            if connection.in_atomic_block
            else threading.Thread(target=self._tell_often, name="report", daemon=True)
        )

    def __enter__(self) -> Self:
        if self._thread is not None:
            self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        # Wait for the thread, so that its connection does not outlive the run.
        self._done.set()
        if self._thread is not None:
            self._thread.join()

    def over(
        self, rows: Iterable[KeptRow], *, begin: int, end: int
    ) -> Iterator[KeptRow]:
        """Pass rows on as a part of the work, from ``begin`` to ``end`` percent."""
        self._share, self.rows = (begin, end), 0
        for row in rows:
            if self._told_to_stop is not None:
                raise self._told_to_stop
            if self._somebody_waits:
                self._somebody_waits = False
                _do_scans_first()
            self.rows += 1
            yield row

    def _tell_often(self) -> None:
        try:
            while not self._done.wait(_TELL_SECONDS):
                try:
                    self.tell()
                except OperationalError:
                    logger.info("report %s: the database was busy", self._run.uid)
        finally:
            connection.close()

    def tell(self) -> None:
        """Renew the lease, write the progress, and check for reasons to stop."""
        begin, end = self._share
        # The count was taken before the snapshot, so there may be more rows.
        share = min(1.0, self.rows / self._expected)
        mine = ReportRun.objects.filter(
            pk=self._run.pk,
            state=RunState.RUNNING,
            lease_owner=self._run.lease_owner,
        )
        if not mine.update(
            progress=begin + int(share * (end - begin)), lease_until=lease_end()
        ):
            self._told_to_stop = LeaseLost()
        elif mine.filter(cancel_requested=True).exists():
            self._told_to_stop = Cancelled()
        # A report can restart, so it must not delay the end of its worker.
        elif self._in_worker and draining.seconds() > _END_SECONDS:
            self._told_to_stop = HandedBack()
        elif self._in_worker:
            scans = turns.queued_scans().filter(waited_for=True)
            self._somebody_waits = scans.exists()


def _do_scans_first() -> None:
    """Run waiting scans on another connection, because this one may hold a snapshot."""
    thread = threading.Thread(target=_scans, name="scans first", daemon=True)
    thread.start()
    thread.join()


def _scans() -> None:
    try:
        # ``Watch`` renews the run's own lease.
        give_way(ReportRun.objects.none())
    finally:
        connection.close()


@dataclass(frozen=True, slots=True)
class Written:
    """A finished file before it is stored; hash and size are of its content."""

    path: Path
    sha256: str
    size_bytes: int


def chosen_by(layout: Layout) -> Selection:
    """Return the selection of a layout's filters."""
    return selectors.selection(
        filters=layout.match_filter, files_without=layout.files_without
    )


def claim(run: ReportRun, *, kind: str = "") -> bool:
    """Claim a queued run for this call only.

    With a ``kind``, the limit on concurrent runs of that kind applies.
    """
    # Unique per call: one process may run a report again after it lost the lease.
    owner = f"{worker_name()[:43]}:{new_uid('o')[2:]}"
    waiting = ReportRun.objects.filter(pk=run.pk, state=RunState.QUEUED)
    claimed = leases.claim(waiting, kind=kind, owner=owner, state=RunState.RUNNING)
    run.state, run.lease_owner = RunState.RUNNING, owner
    return claimed


def run_queued(*, run_id: int) -> bool:
    """Run a queued report, unless it is taken or done.

    Returns True if the run was handed back because this worker is stopping.
    """
    run = ReportRun.objects.select_related("run_by").get(pk=run_id)
    if not claim(run, kind=KIND):
        return False
    # The report contains what its requester may see, not what the worker sees.
    with working_for(run.run_by):
        try:
            work(run, chosen_by(Layout.of(run)), in_worker=True)
        except HandedBack:
            return True
    return False


def stream(run: ReportRun, chosen: Selection) -> Iterator[bytes]:
    """Yield a text file while its rows are read, and store both.

    The run must be claimed. It is ready once the last piece has been taken. If the
    caller stops earlier, the run is cancelled; if it was stopped, ``Cancelled`` is
    raised.
    """
    layout = Layout.of(run)
    with _outcome(run), scratch_directory() as folder:
        keeper = RowKeeper(folder / "rows", layout.mode)
        copy = CompressedFile(folder / "file")
        expected = selectors.count_rows(chosen=chosen, mode=run.mode).rows
        with (
            keeper,
            copy,
            ReportContext(run, expected=expected) as watch,
            _one_moment(),
        ):
            rows = watch.over(_read(run, chosen, keeper), begin=0, end=99)
            for piece in layout.pieces(rows, {}):
                copy.write(piece)
                yield piece
        _take_counts(run, keeper)
        _finish(run, keeper, Written(copy.path, copy.sha256, copy.size_bytes))
    if run.state != RunState.READY:
        # The client got only a part; ending normally would make it look complete.
        raise Cancelled


def work(run: ReportRun, chosen: Selection, *, in_worker: bool = False) -> None:
    """Run a claimed report to its end; stored rows are not read again.

    In a worker that is stopping it raises ``HandedBack``.
    """
    with _outcome(run), scratch_directory() as folder:
        counted = selectors.count_rows(chosen=chosen, mode=run.mode)
        expected = run.row_count or counted.rows
        with ReportContext(run, expected=expected, in_worker=in_worker) as watch:
            keeper = None
            if not run.rows:
                keeper = _keep_rows(run, chosen, folder, watch)
            begin = READING_PERCENT if keeper is not None else 0
            rows = _rows_of(run, keeper)
            written = _write(run, watch.over(rows, begin=begin, end=99), folder, keeper)
        _finish(run, keeper, written)


def _keep_rows(
    run: ReportRun, chosen: Selection, folder: Path, watch: ReportContext
) -> RowKeeper:
    keeper = RowKeeper(folder / "rows", Mode(run.mode))
    with keeper, _one_moment():
        for _ in watch.over(_read(run, chosen, keeper), begin=0, end=READING_PERCENT):
            pass
    _take_counts(run, keeper)
    return keeper


def _read(run: ReportRun, chosen: Selection, keeper: RowKeeper) -> Iterator[KeptRow]:
    """Return the rows of this snapshot, stored as they pass."""
    newest = selectors.newest_event()
    run.as_of_event = newest.pk if newest else 0
    run.as_of_at = newest.at if newest else None
    return keeper.keep(selectors.rows(chosen=chosen, mode=run.mode, as_of=newest))


def _take_counts(run: ReportRun, keeper: RowKeeper) -> None:
    run.row_count = keeper.count
    run.counts = keeper.counts
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
    run: ReportRun,
    rows: Iterable[KeptRow],
    folder: Path,
    keeper: RowKeeper | None,
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
    run: ReportRun,
    layout: Layout,
    rows: Iterable[KeptRow],
    keeper: RowKeeper | None,
) -> Iterator[Sheet]:
    """Yield the sheets; a sheet of matches is followed by their segments."""
    names = {Mode.MATCH: "matches", Mode.SEGMENT: "segments", Mode.FILE: "files"}
    yield Sheet(names[layout.mode], layout.fields, layout.shaped(rows))
    if layout.mode == Mode.MATCH:
        # The stored rows contain the segments, so they are read twice, not kept.
        beside = Layout(mode=Mode.SEGMENT)
        yield Sheet(
            "segments",
            SCHEMAS[Mode.SEGMENT].fields,
            beside.shaped(_rows_of(run, keeper)),
        )


@contextmanager
def _outcome(run: ReportRun) -> Iterator[None]:
    """Record the state of a run and its cause, whatever ends the run."""
    try:
        yield
    except (Cancelled, GeneratorExit) as stop:
        _stop(run, RunState.CANCELLED, "")
        if isinstance(stop, GeneratorExit):
            raise
    except LeaseLost:
        logger.info("report %s was handed to another worker", run.uid)
    except HandedBack:
        # Not the run's fault, so the attempt does not count.
        _mine(run).update(
            state=RunState.QUEUED, progress=0, attempts=F("attempts") - 1, **NO_LEASE
        )
        raise
    except OSError as fault:
        _stop(run, RunState.FAILED, f"The file could not be written: {fault.strerror}.")
        raise
    except Exception:
        _stop(run, RunState.FAILED, "An error stopped the report; see the log.")
        raise


def _stop(run: ReportRun, state: RunState, why: str) -> None:
    _mine(run).update(
        state=state, message=why[:500], finished_at=datetime.now(tz=UTC), **NO_LEASE
    )


def _finish(run: ReportRun, keeper: RowKeeper | None, written: Written) -> None:
    """Store the files and mark the run as ready, or store nothing."""
    stored = []
    try:
        if keeper is not None:
            stored.append(_store(keeper.path, f"reports/{run.uid}/rows.jsonl.gz"))
            run.rows.name = stored[0]
        stored.append(_store(written.path, f"reports/{run.uid}/{run.file_name}"))
        run.file.name = stored[-1]
        run.sha256, run.size_bytes = written.sha256, written.size_bytes
        run.state, run.progress = RunState.READY, 100
        run.finished_at = datetime.now(tz=UTC)
        _record_ready(run)
    except BaseException:
        # No row names these files yet, so nothing else would delete them.
        for name in stored:
            default_storage.delete(name)
        raise


def _store(path: Path, name: str) -> str:
    with FileOnDisk(path, name) as file:
        return default_storage.save(name, file)


def _record_ready(run: ReportRun) -> None:
    with transaction.atomic():
        columns = {
            name: getattr(run, name)
            for name in (
                "as_of_event",
                "as_of_at",
                "row_count",
                "counts",
                "versions",
                "rows",
                "rows_sha256",
                "file",
                "sha256",
                "size_bytes",
                "state",
                "progress",
                "finished_at",
            )
        }
        # Compare-and-set: a worker that lost its lease must not publish its file.
        if not _mine(run).update(**columns, **NO_LEASE):
            raise LeaseLost
        audit.services.record(
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


def _mine(run: ReportRun) -> QuerySet[ReportRun]:
    return ReportRun.objects.filter(
        pk=run.pk, state=RunState.RUNNING, lease_owner=run.lease_owner
    )


def _one_moment() -> AbstractContextManager[None]:
    """Read from one snapshot; inside a transaction, that transaction's view."""
    return nullcontext() if connection.in_atomic_block else consistent_read()
