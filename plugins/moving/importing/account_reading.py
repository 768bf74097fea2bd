"""Walks through an account, list by list and page by page.

Rows and the place where the walk goes on (``MoveIn.cursor``) are written together, in
short transactions, so a killed worker repeats next to nothing and nobody waits long to
write. A list that may shift while it is read is read until a whole pass brings nothing
new.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import asdict
from datetime import UTC, date, datetime, timedelta
from functools import partial
from time import sleep, thread_time
from typing import Any, Final

from django.db import transaction
from django.utils.translation import gettext as _

from base.accounts.reach import refuse_limited
from base.common.reading import read_number
from catalogue.models import BucketType
from imports.errors import ImportRefused
from imports.kinds import Columns
from plugins.moving.importing.buckets import BucketMover
from plugins.moving.importing.files import FileMover
from plugins.moving.importing.listing import Lister
from plugins.moving.importing.reader import SECONDS_BETWEEN, Reader
from plugins.moving.importing.records import PROJECT, Records
from plugins.moving.importing.remote import RemoteSettings, UnknownForm, digest, read_settings
from plugins.moving.importing.streams import parts_here
from plugins.moving.importing.summary import MoveSummary
from plugins.moving.models import Moved, MovedKind, MoveIn, MoveParts
from scanning.engines.acrcloud import Cloud
from scanning.engines.cloud_faults import CloudFault, FaultKind
from scanning.services.cloud import explain_fault

RECORDINGS_PER_PAGE: Final = 100
# Results of hundreds of files can exceed the limit of an answer.
FILES_PER_PAGE: Final = 20
_LISTS_PER_PAGE: Final = 100
_MOST_PASSES: Final = 10
_MOST_PAGES: Final = 100_000
_MOST_LISTED: Final = 10_000
# What a transaction writes, in rows and in seconds of the processor.
_ROWS_AT_ONCE: Final = 50
_SECONDS_AT_ONCE: Final = 0.4
# Whoever waits for SQLite's lock looks ten times a second.
_GAP_SECONDS: Final = 0.12
_MOST_ID_CHARACTERS: Final = 100

# Unknown content that was deleted, or that came with its bucket.
_SETTLED: Final = ("-1", "10", "14")
# Lists that need permissions of their own.
_NEED_MORE: Final = ("stream", "fingerprints", "base-projects", "ucf-projects")

Json = dict[str, Any]  # Any: JSON of another service
Lists = Iterator[tuple[str, Callable[[], None]]]


def run(move_in: MoveIn, heartbeat: Callable[[], None], *, dry: bool) -> Columns:
    """Move the account, or only count what is there; return the columns to write."""
    user = move_in.made_by
    if user is None:
        raise ImportRefused(_("The account of the person who asked was deleted."))
    refuse_limited(user)
    account = move_in.account
    if not account._state.adding:
        # Another job may have paused or changed the account since.
        account.refresh_from_db()
    try:
        reader = Reader(move_in, account, Cloud(account), heartbeat)
        if dry:
            return {"summary": _look(reader).as_json()}
        records = Records(move_in, user, MoveSummary.of(move_in.summary))
        return {"summary": Walk(move_in, reader, records).run().as_json(), "cursor": {}}
    except CloudFault as fault:
        raise ImportRefused(explain_fault(fault, account)) from fault


# --- The check ------------------------------------------------------------------------


def _look(reader: Reader) -> MoveSummary:
    """Count what is in the account, and the calls that a move needs."""
    move_in, summary = reader.move_in, MoveSummary()
    there = summary.there
    lists = 0
    if MoveParts.RECORDINGS in move_in.parts:
        buckets = _all(reader, "buckets")
        there |= {"bucket": len(buckets), "recording": 0}
        for row in buckets:
            for kind, path in _lists_of(row):
                count = _count_in(row, path, reader, summary)
                there[kind.value] = there.get(kind.value, 0) + count
                summary.calls += -(-count // RECORDINGS_PER_PAGE)
                lists += 1
        with suppress(CloudFault):
            there["project"] = _count(reader, "base-projects")
    if MoveParts.FILES in move_in.parts:
        containers = _all(reader, "fs-containers")
        there["container"] = len(containers)
        files = [
            _count(reader, f"fs-containers/{row.get('id')}/files", of_files=True)
            for row in containers
        ]
        there["file"] = sum(files)
        lists += len(containers)
        # Their order may change, so each list is read twice.
        summary.calls += sum(2 * -(-count // FILES_PER_PAGE) for count in files)
    if MoveParts.STREAMS in move_in.parts and MoveParts.STREAMS in parts_here():
        try:
            projects = _all(reader, "bm-cs-projects")
            there["stream"] = sum(
                _count(reader, f"bm-cs-projects/{row.get('id')}/streams") for row in projects
            )
        except CloudFault as fault:
            # Not every account has this list.
            summary.fault(_("Streams"), str(fault))
            there["stream"], projects = 0, []
        there["day"] = there["stream"] * len(list(_days(move_in.since)))
        lists += len(projects)
        summary.calls += there["day"]
    if MoveParts.UNKNOWN in move_in.parts and MoveParts.STREAMS in parts_here():
        with suppress(CloudFault):
            counts = [
                _count(reader, f"ucf-projects/{row.get('id')}/results")
                for row in _all(reader, "ucf-projects")
            ]
            there["unknown"] = sum(counts)
            lists += len(counts)
            summary.calls += sum(-(-count // _LISTS_PER_PAGE) for count in counts)
    summary.calls += lists + 5
    return summary


def seconds_of(calls: int) -> int:
    """Return how long so many calls take at the usual pace."""
    return round(calls * SECONDS_BETWEEN)


def _all(reader: Reader, path: str) -> list[Json]:
    rows: list[Json] = []
    for page in range(1, _MOST_PAGES):
        answer = reader.page(path, page, _LISTS_PER_PAGE)
        if not answer.rows or answer.rows[-1] in rows:
            break
        rows += answer.rows
        if len(rows) > _MOST_LISTED:
            raise CloudFault(
                FaultKind.REFUSED,
                _("(the list %(path)s has more than %(most)s entries)")
                % {"path": path, "most": read_number(_MOST_LISTED)},
            )
        if answer.last is None or page >= answer.last:
            break
    return rows


def _count(reader: Reader, path: str, **query: Any) -> int:  # Any: as Reader.page takes
    answer = reader.page(path, 1, 1, **query)
    return len(answer.rows) if answer.total is None else answer.total


def _count_in(row: Json, path: str, reader: Reader, summary: MoveSummary) -> int:
    """Count a list of a bucket; nobody documents the files of those for dedup."""
    try:
        return _count(reader, path)
    except CloudFault as fault:
        if not _is_dedup(row):
            raise
        if fault.kind is not FaultKind.CONTAINER:
            summary.fault(str(row.get("name")), str(fault))
    return 0


def _is_dedup(row: Json) -> bool:
    return bool(row.get("type") == BucketType.DEDUP_FILE)


def _lists_of(row: Json) -> list[tuple[MovedKind, str]]:
    """Return what a bucket holds that can move, and the paths of the lists."""
    path = f"buckets/{row.get('id')}"
    if row.get("type", BucketType.FILE) not in BucketType:
        return []
    lists = [(MovedKind.RECORDING, f"{path}/files")]
    if _is_dedup(row):
        lists.append((MovedKind.TRACK, f"{path}/dedup-files"))
    return lists


@contextmanager
def _if_any() -> Iterator[None]:
    """Read a list that other portals, or accounts without the product, do not have."""
    try:
        yield
    except CloudFault as fault:
        if fault.kind is not FaultKind.CONTAINER:
            raise


def _days(since: date) -> Iterator[date]:
    """Yield the days before today (UTC), the last one first."""
    day = datetime.now(tz=UTC).date() - timedelta(days=1)
    while day >= since:
        yield day
        day -= timedelta(days=1)


# --- The move -------------------------------------------------------------------------


class Walk:
    """One move: ``cursor`` holds the lists that are done and the place in the next."""

    def __init__(self, move_in: MoveIn, reader: Reader, records: Records) -> None:
        self._move_in, self._reader, self._records = move_in, reader, records
        self._bucket_mover, self._file_mover = BucketMover(records), FileMover(records)
        self._lister = Lister(records)
        self._cursor: Json = move_in.cursor
        if "done" not in self._cursor:
            # The time of the check does not count.
            self._cursor.pop("began", None)
        for key in ("done", "live", "dedup", "unknown"):
            self._cursor.setdefault(key, [])

    def run(self) -> MoveSummary:
        """Read every list to its end; one that cannot be read is noted."""
        for key, read in self._lists():
            if key in self._cursor["done"]:
                continue
            if self._cursor.get("at") != key:
                self._cursor |= {"at": key, "page": 1, "pass": 1, "new": 0}
            try:
                read()
            except CloudFault as fault:
                # Without a valid token nothing can be read.
                is_special = key.startswith(_NEED_MORE)
                if fault.kind is FaultKind.TOKEN and not is_special:
                    raise
                self._records.summary.fault(key, _explain(key, fault))
            with transaction.atomic():
                self._cursor["done"].append(key)
                self._keep()
        return self._records.summary

    def _lists(self) -> Lists:
        """Yield each list with what reads it; later ones depend on what came before."""
        parts = self._move_in.parts
        if MoveParts.RECORDINGS in parts:
            yield from self._lists_of_buckets()
        if MoveParts.FILES in parts:
            yield ("containers", partial(self._read, "fs-containers", self._file_mover.container))
            for key in self._came(MovedKind.CONTAINER):
                yield f"container:{key}", partial(self._files, key)
        if MoveParts.STREAMS in parts and MoveParts.STREAMS in parts_here():
            yield "streams", self._projects
            for number, project in enumerate(self._cursor.get("projects", [])):
                yield f"stream list:{number}", partial(self._streams, project)
            for key in self._came(MovedKind.STREAM):
                yield f"stream:{key}", partial(self._plays, key)
        if MoveParts.UNKNOWN in parts:
            yield "ucf-projects", self._unknown_projects
            for key in self._cursor["unknown"]:
                yield f"unknown:{key}", partial(self._unknown, key)

    def _lists_of_buckets(self) -> Lists:
        yield "buckets", partial(self._read, "buckets", self._bucket)
        for key in self._cursor["live"]:
            yield f"channels:{key}", partial(self._channels, key)
        for key in self._came(MovedKind.BUCKET):
            yield f"bucket:{key}", partial(self._recordings, key)
            if key in self._cursor["dedup"]:
                yield f"dedup:{key}", partial(self._tracks, key)
        yield "fingerprints", self._fingerprints
        yield "base-projects", self._identifications

    def _came(self, kind: MovedKind) -> list[str]:
        """Return the remote ids of what is here now and holds lists of its own."""
        rows = Moved.objects.filter(account=self._move_in.account, kind=kind)
        rows = rows.exclude(case="").exclude(remote_id__startswith=PROJECT)
        if kind == MovedKind.BUCKET:
            rows = rows.exclude(remote_id="23")
        return list(rows.order_by("pk").values_list("remote_id", flat=True))

    # --- Lists ------------------------------------------------------------------------

    def _bucket(self, row: Json) -> bool:
        """Move a bucket, and remember those that hold channels or dedup files."""
        key, bucket_type = str(row.get("id")), str(row.get("type"))
        for kind, begin in (("live", "Live"), ("dedup", BucketType.DEDUP_FILE)):
            if bucket_type.startswith(begin) and key not in self._cursor[kind]:
                self._cursor[kind].append(key)
        return self._bucket_mover.bucket(row)

    def _channels(self, bucket: str) -> None:
        self._read(f"buckets/{bucket}/channels", lambda row: self._lister.channel(row, bucket))

    def _recordings(self, bucket: str) -> None:
        """Move the files of a bucket.

        ACRCloud documents none of dedup buckets; another portal has their metadata.
        """
        is_dedup = bucket in self._cursor["dedup"]
        with _if_any() if is_dedup else nullcontext():
            self._read(
                f"buckets/{bucket}/files",
                lambda row: self._bucket_mover.recording(row, bucket),
                per_page=RECORDINGS_PER_PAGE,
                sort="id",
                order="asc",
            )

    def _tracks(self, bucket: str) -> None:
        self._read(
            f"buckets/{bucket}/dedup-files",
            lambda row: self._bucket_mover.track(row, bucket),
            per_page=RECORDINGS_PER_PAGE,
        )

    def _fingerprints(self) -> None:
        """Fetch what another portal has instead of audio; ACRCloud gives nothing."""
        for moved, recording in self._bucket_mover.waiting(after=self._cursor.get("after", 0)):
            try:
                content = self._reader.fingerprint(recording.acr_id)
            except CloudFault as fault:
                if fault.kind is FaultKind.GONE:
                    break
                raise
            if content is not None:
                self._bucket_mover.fingerprint(moved, recording, content)
            with transaction.atomic():
                self._cursor["after"] = moved.pk
                self._keep()

    def _identifications(self) -> None:
        with _if_any():
            self._read("base-projects", self._lister.identification)

    def _unknown_projects(self) -> None:
        """Remember the projects of unknown content, whose results follow."""
        with _if_any():
            for row in _all(self._reader, "ucf-projects"):
                if MoveParts.STREAMS in parts_here():
                    self._cursor["unknown"].append(str(row.get("id")))
                else:
                    self._lister.unknown_project(row)

    def _unknown(self, project: str) -> None:
        def note(row: Json) -> bool:
            is_settled = str(row.get("status")) in _SETTLED
            return not is_settled and self._lister.unknown(row, project)

        self._read(f"ucf-projects/{project}/results", note, sortby="id", order="asc")

    def _files(self, container: str) -> None:
        self._read(
            f"fs-containers/{container}/files",
            lambda row: self._file_mover.file(row, container),
            per_page=FILES_PER_PAGE,
            of_files=True,
            with_result="1",
        )

    def _projects(self) -> None:
        """Remember the projects; each becomes a container once it has a stream."""
        projects = []
        for row in _all(self._reader, "bm-cs-projects"):
            try:
                projects.append(asdict(read_settings(row)))
            except UnknownForm as fault:
                self._records.summary.fault("bm-cs-projects", str(fault))
        self._cursor["projects"] = projects

    def _streams(self, project: Json) -> None:
        there = RemoteSettings(
            **project | {"buckets": [(key, name) for key, name in project["buckets"]]}
        )
        self._read(
            f"bm-cs-projects/{there.id}/streams", lambda row: self._file_mover.stream(row, there)
        )

    def _plays(self, remote: str) -> None:
        """Move the plays of the days before today, the last one first."""
        self._records.reads_again = False
        stream = Moved.objects.get(
            account=self._move_in.account, kind=MovedKind.STREAM, remote_id=remote
        )
        before = self._cursor.get("day")
        for day in _days(self._move_in.since):
            if before is not None and day.isoformat() >= before:
                continue
            plays = self._reader.plays(stream.parent, remote, f"{day:%Y%m%d}")
            with transaction.atomic():
                goes_on = self._file_mover.day(stream, day, plays)
                self._cursor["day"] = day.isoformat()
                self._keep()
            if not goes_on:
                break
        self._cursor.pop("day", None)

    def _read(
        self,
        path: str,
        move: Callable[[Json], bool | None],
        *,
        per_page: int = _LISTS_PER_PAGE,
        **query: Any,
    ) -> None:  # Any: as Reader.page takes
        """Move the rows of a list, page by page, in as many passes as it takes."""
        cursor = self._cursor
        while True:
            answer = self._reader.page(path, cursor["page"], per_page, **query)
            ids = [_id_in(row) for row in answer.rows]
            # A server that ignores the page would return the same one for ever.
            is_last = (
                not ids
                or ids == cursor.get("ids")
                or (answer.last is not None and cursor["page"] >= answer.last)
                or cursor["page"] >= _MOST_PAGES
            )
            self._records.reads_again = cursor["pass"] > 1
            if ids != cursor.get("ids"):
                self._move_rows(answer.rows, ids, move)
            with transaction.atomic():
                cursor["ids"] = ids
                cursor.pop("rows", None)
                totals = cursor.setdefault("totals", [])
                if answer.total not in totals:
                    totals.append(answer.total)
                shifted = self._may_have_shifted(sorted_by_id="sort" in query)
                cursor["page"] += 1
                if is_last:
                    cursor |= {"page": 1, "new": 0, "pass": cursor["pass"] + 1}
                    del cursor["ids"], cursor["totals"]
                self._keep()
            if is_last and not shifted:
                return

    def _move_rows(
        self, rows: list[Json], ids: list[str], move: Callable[[Json], bool | None]
    ) -> None:
        """Move the rows of a page, from where a killed worker stopped on it."""
        cursor, page = self._cursor, digest(ids)
        if cursor.get("rows", {}).get("of") != page:
            cursor["rows"] = {"of": page, "done": 0}
        place = cursor["rows"]
        while place["done"] < len(rows):
            with transaction.atomic():
                until = thread_time() + _SECONDS_AT_ONCE
                for row in rows[place["done"] :][:_ROWS_AT_ONCE]:
                    cursor["new"] += bool(move(row))
                    place["done"] += 1
                    if thread_time() > until:
                        break
                self._keep()
            if place["done"] < len(rows):
                sleep(_GAP_SECONDS)

    def _may_have_shifted(self, *, sorted_by_id: bool) -> bool:
        """Tell whether another pass may bring what moved to a page that was read."""
        cursor = self._cursor
        if not cursor["new"] or cursor["pass"] >= _MOST_PASSES:
            return False
        is_one_page = cursor["page"] == 1
        is_steady = sorted_by_id and cursor["totals"] != [None]
        return not is_one_page and not (is_steady and len(cursor["totals"]) == 1)

    def _keep(self) -> None:
        """Write where the walk is and what it counted, with the rows of the page."""
        move_in = self._move_in
        move_in.summary = self._records.summary.as_json()
        MoveIn.objects.filter(pk=move_in.pk).update(cursor=self._cursor, summary=move_in.summary)


def _id_in(row: Json) -> str:
    """Return what tells the rows of a page apart."""
    key = row.get("id") or row.get("stream_id") or row.get("acr_id")
    return str(key)[:_MOST_ID_CHARACTERS]


def _explain(key: str, fault: CloudFault) -> str:
    """Return why a list could not be read; only other portals have fingerprints."""
    if key == "fingerprints" and fault.kind is FaultKind.TOKEN:
        return _(
            "The other portal says: %(said)s. Fingerprints need a token with the scopes "
            "read and catalogue; without them, the recordings wait for their audio."
        ) % {"said": fault.message}
    return str(fault)
