"""Fills a database with very many matches by copying one row of each table.

The product makes one row of each table. The database then copies it under new numbers
and computes the differing columns from the number. This makes a million matches with
files, scans, detections, segments and events within minutes, on PostgreSQL and SQLite,
and adapts to new columns.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass

from django.core.management.color import no_style
from django.db import connection, models, transaction

from base.accounts.models import User
from base.accounts.roles import Role
from base.accounts.services import create_user
from base.audit.models import Event
from catalogue.models import Bucket, CodeStatus, Recording, RecordingStatus
from review.models import Match
from review.services.folding import fold_scan
from scanning.choices import FileStatus, ScanStatus
from scanning.engines.embedded import SCORE_SCALE
from scanning.models import Container, Detection, Scan, ScannedFile, Segment

BUCKETS = 20
MATCHES_A_FILE = 5
MATCHES_A_RECORDING = 50
UNMATCHED_EVERY = 5  # one in this many files has no match
MARK = "Benchmark"

# Cumulative percentage of matches up to each state.
_STATES = (
    (28, "pending"),
    (30, "escalated"),
    (70, "confirmed"),
    (85, "cleared"),
    (96, "rejected"),
    (100, "suppressed"),
)
_REASONS = ("default", "short", "low_score", "under_speech", "found_late")
_SECONDS_APART = 31


class NotEmpty(Exception):
    """The database holds rows that this benchmark did not make."""


@dataclass(frozen=True, slots=True)
class Filled:
    """The accounts that look at the filled database."""

    reviewer: User
    manager: User


def fill(matches: int) -> Filled:
    """Fill an empty database; use a database that this benchmark filled unchanged."""
    if not Match.objects.exists():
        if ScannedFile.objects.exists() or Recording.objects.exists():
            raise NotEmpty("Name a database that is empty.")
        _fill(matches)
    elif not Container.objects.filter(name=f"{MARK} 1").exists():
        raise NotEmpty("Name a database that is empty, or one filled by this command.")
    return Filled(
        reviewer=User.objects.get(username="benchmark-reviewer"),
        manager=User.objects.get(username="benchmark-manager"),
    )


def _fill(matches: int) -> None:
    reviewer = create_user(username="benchmark-reviewer", password=None, role=Role.REVIEWER)
    create_user(username="benchmark-manager", password=secrets.token_hex(), role=Role.MANAGER)
    with transaction.atomic():
        first = _first_match()
        _copy_all(first, matches, reviewer)
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("VACUUM ANALYZE")
        else:
            cursor.execute("ANALYZE")


def _first_match() -> Match:
    """Make one match as a scan does, and the many buckets and containers."""
    buckets = [Bucket.objects.create(name=f"{MARK} {number + 1}") for number in range(BUCKETS)]
    containers = []
    for number, bucket in enumerate(buckets):
        container = Container.objects.create(name=f"{MARK} {number + 1}")
        container.buckets.add(bucket)
        containers.append(container)
    recording = Recording.objects.create(
        bucket=buckets[0],
        title="Reference",
        artists=["A. Example"],
        status=RecordingStatus.READY,
        isrc_status=CodeStatus.MISSING,
        duration_ms=180_000,
    )
    file = ScannedFile.objects.create(
        container=containers[0], name="programme.wav", length_ms=1_800_000, status=FileStatus.READY
    )
    scan = Scan.objects.create(
        scanned_file=file,
        engine="embedded",
        engine_version="embedded/1",
        status=ScanStatus.SUCCEEDED,
    )
    detection = Detection.objects.create(
        scan=scan, recording=recording, score=90, score_scale=SCORE_SCALE
    )
    Segment.objects.create(
        detection=detection,
        position=1,
        start_ms=1_000,
        end_ms=21_000,
        reference_start_ms=0,
        reference_end_ms=20_000,
    )
    fold_scan(scan=scan)
    return Match.objects.get()


def _copy_all(first: Match, matches: int, reviewer: User) -> None:
    recordings = max(10, matches // MATCHES_A_RECORDING)
    files = -(-matches // MATCHES_A_FILE)
    recording, file, scan = first.recording_id, first.scanned_file_id, first.scan_id
    detection = Detection.objects.get().pk
    containers = Container.objects.order_by("pk").first()
    assert containers is not None
    place = f"({first.recording.bucket_id} + i % {BUCKETS})"
    _copy(
        first.recording,
        recordings,
        {
            "bucket_id": place,
            "title": "'Recording ' || i",
            "custom_id": "'LIB-' || i",
            "acr_id": _hex(),
            "isrc_normalised": "'DEA12' || (2600000 + i)",
            "label": "'Label ' || (i % 40)",
        },
    )
    unmatched = files // UNMATCHED_EVERY
    _copy(
        first.scanned_file,
        files + unmatched,
        {
            "uid": _hex(kind="uuid"),
            "name": "'programme-' || i || '.wav'",
            "container_id": f"({containers.pk} + i % {BUCKETS})",
            "status": f"CASE WHEN i < {files} THEN 'ready' ELSE 'no_match' END",
            "platform": "CASE WHEN i % 2 = 0 THEN 'youtube' ELSE '' END",
            "account": "'Account ' || (i % 300)",
            "created_at": _ago(f"i * {_SECONDS_APART * MATCHES_A_FILE}"),
        },
    )
    _copy(first.scan, files + unmatched, {"scanned_file_id": f"{file} + i"})
    of_file = f"(i / {MATCHES_A_FILE})"
    numbered = {
        "scan_id": f"{scan} + {of_file}",
        "recording_id": f"{recording} + (CAST(i AS BIGINT) * 7919) % {recordings}",
    }
    _copy(Detection.objects.get(), matches, numbered | {"score": "50 + i * 13 % 500 / 10.0"})
    _copy(Segment.objects.get(), matches, {"detection_id": f"{detection} + i"})
    _copy(
        first,
        matches,
        {
            **numbered,
            **_decided(reviewer),
            "scanned_file_id": f"{file} + {of_file}",
            "score": "50 + i * 13 % 500 / 10.0",
            "source_views": f"{of_file} * 7919 % 1000000",
            "matched_ms": "20000 + i % 60 * 1000",
            "queue_reason": _case("i % 5", enumerate(_REASONS)),
            "found_late": _truth("i % 50 = 0"),
            "priority": "CASE WHEN i % 9 = 0 THEN 2 ELSE 0 END",
            "due_at": f"CASE WHEN i % 7 = 0 THEN {_ago('i % 1000000 - 900000')} END",
            "created_at": _ago(f"i * {_SECONDS_APART}"),
            "note": "''",
        },
    )
    _copy(
        Match.detections.through.objects.get(),
        matches,
        {"match_id": f"{first.pk} + i", "detection_id": f"{detection} + i"},
    )
    event = Event.objects.get(case=first.case)
    _copy(
        event,
        matches,
        {"case": f"'match:{_stem(first.uid)}' || i", "hash": _hex(), "at": _ago("i")},
    )


def _decided(reviewer: User) -> dict[str, str]:
    """Return the columns that depend on the state."""
    lot = "(i * 37 % 100)"
    state = "CASE " + " ".join(f"WHEN {lot} < {share} THEN '{name}'" for share, name in _STATES)
    decided = f"{lot} >= 30 AND {lot} < 96"
    return {
        "state": f"{state} END",
        "decision_reason": f"CASE WHEN {lot} >= 85 AND {lot} < 96 THEN 'noise' "
        f"WHEN {lot} >= 70 AND {lot} < 85 THEN 'stated_reason' ELSE '' END",
        "decided_by_id": f"CASE WHEN {decided} THEN {reviewer.pk} END",
        "decided_by_name": f"CASE WHEN {decided} THEN '{reviewer.username}' ELSE '' END",
        "decided_at": f"CASE WHEN {decided} THEN {_ago(f'i * {_SECONDS_APART} - 3600')} END",
    }


def _copy(row: models.Model, count: int, differs: Mapping[str, str]) -> None:
    """Copy a row ``count`` times under the numbers that follow its own.

    ``differs`` are SQL expressions of ``i``, which is 1 for the first copy.
    """
    meta = row._meta
    columns = [field.column for field in meta.concrete_fields if not field.primary_key]
    expressions = dict(differs)
    if "uid" in columns and "uid" not in expressions:
        expressions["uid"] = f"'{_stem(row.uid)}' || i"  # type: ignore[attr-defined]  # it has the column
    values = ", ".join(expressions.get(str(name), f't."{name}"') for name in columns)
    names = ", ".join(f'"{name}"' for name in columns)
    with connection.cursor() as cursor:
        cursor.execute(
            f"WITH RECURSIVE numbers(i) AS (SELECT 1 UNION ALL "  # noqa: S608 - names and numbers of our own
            f"SELECT i + 1 FROM numbers WHERE i < {count - 1}) "
            f'INSERT INTO "{meta.db_table}" ("{meta.pk.column}", {names}) '
            f'SELECT {row.pk} + i, {values} FROM "{meta.db_table}" t, numbers '
            f"WHERE t.id = {row.pk}"
        )
        for statement in connection.ops.sequence_reset_sql(no_style(), [type(row)]):
            cursor.execute(statement)


def _stem(uid: str) -> str:
    """Return the first part of an id, without the digits of a number."""
    return uid[:8]


def _case(value: str, texts: enumerate[str]) -> str:
    cases = " ".join(f"WHEN {number} THEN '{text}'" for number, text in texts)
    return f"CASE {value} {cases} END"


def _truth(condition: str) -> str:
    if connection.vendor == "postgresql":
        return f"({condition})"
    return f"CASE WHEN {condition} THEN 1 ELSE 0 END"


def _hex(*, kind: str = "text") -> str:
    """Return the SQL for 32 hex digits of the number."""
    if connection.vendor == "postgresql":
        digits = "lpad(to_hex(i), 32, '0')"
        return f"{digits}::uuid" if kind == "uuid" else digits
    return "printf('%032x', i)"


def _ago(seconds: str) -> str:
    """Return the SQL for a moment that many seconds ago."""
    if connection.vendor == "postgresql":
        return f"now() - ({seconds}) * interval '1 second'"
    moment = f"'now', (-1 * ({seconds})) || ' seconds'"
    return f"strftime('%Y-%m-%d %H:%M:%f000', {moment})"
