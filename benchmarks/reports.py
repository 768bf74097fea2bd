"""Measures how fast reports are written, and their memory.

``python -m benchmarks.reports --rows 1000000 --check [--database URL]`` fills a
separate installation and writes reports of 10,000 rows, 100,000 and all, each in its
own process. It prints rows per second of processor time, and the peak memory above that
of the idle process. ``--check`` fails at 200 MB.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from django.db.models import Field, UUIDField

from benchmarks.installation import set_up
from benchmarks.report import Report, machine, workplace

LIMIT_MB = 200
STEPS = (10_000, 100_000, 1_000_000)
# Made through the models; the other rows are copies.
_BATCH = 5_000
_PER_FILE = 10
_RECORDINGS = 2_000
_FIRST_DAY = datetime(2026, 1, 1, 12, tzinfo=UTC)
# The worker writes these next to the stored rows: measured up to this size, unless more
# is requested.
_WHOLE_FILES = 100_000


def main(argv: Sequence[str] | None = None) -> int:
    """Fill, write reports, and print."""
    args = _arguments(argv)
    if args.child:
        return _child(args.child, args.until, args.format)
    report = Report()
    with workplace() as folder:
        env = _environment(Path(folder), args.database)
        begun = time.monotonic()
        fill(args.rows)
        report.title(f"Reports of up to {args.rows:,} rows, {env['DATABASE_URL'][:8]}")
        report.line(f"{machine()}; filled in {time.monotonic() - begun:.0f} s")
        report.table(
            (
                "Format",
                "Rows",
                "Rows per second of processor time",
                "First byte",
                "Peak memory above idle",
                "File",
            ),
            _measured(report, env, args),
        )
    return report.end(checked=args.check)


def _measured(
    report: Report, env: dict[str, str], args: argparse.Namespace
) -> Iterator[tuple[object, ...]]:
    sizes = sorted({min(step, args.rows) for step in STEPS})
    for name in args.formats.split(","):
        whole = name in {"xlsx", "parquet", "json"}
        for day, size in enumerate(sizes):
            if whole and size > args.whole:
                continue
            seconds = _in_child(env, name, day)
            report.check(
                f"{name}, {size:,} rows: {seconds['peak_mb']:.0f} MB above idle",
                reached=seconds["peak_mb"] < LIMIT_MB,
            )
            report.check(f"{name}: {seconds['rows']} rows", reached=seconds["rows"] == size)
            yield (
                name,
                f"{seconds['rows']:,}",
                f"{seconds['rows'] / seconds['cpu_s']:,.0f}",
                f"{seconds['first_s']:.1f} s",
                f"{seconds['peak_mb']:.0f} MB (limit {LIMIT_MB})",
                f"{seconds['size_bytes'] / 1e6:,.1f} MB",
            )


def _in_child(env: dict[str, str], name: str, day: int) -> dict[str, float]:
    until = (_FIRST_DAY + timedelta(days=day)).date().isoformat()
    run = subprocess.run(
        [
            sys.executable,
            "-m",
            "benchmarks.reports",
            "--child",
            "yes",
            "--until",
            until,
            "--format",
            name,
        ],
        env=env,
        check=True,
        capture_output=True,
        text=True,
    )
    figures: dict[str, float] = json.loads(run.stdout.splitlines()[-1])
    return figures


def _child(_child: str, until: str, name: str) -> int:
    """Write one report and print its figures."""
    import django

    django.setup()
    from base.accounts.models import User
    from reports import services
    from reports.choices import STREAMED, FilesWithout, Format
    from reports.layouts import Layout
    from reports.models import ReportRun

    layout = Layout(
        format=Format(name), filters={"found_until": until}, files_without=FilesWithout.NONE
    )
    user = User.objects.get()
    rest_kb = _status_kb("VmRSS")
    begun, cpu = time.monotonic(), _processor_s()
    first = 0.0
    if layout.format in STREAMED:
        for _ in services.stream_report(layout=layout, user=user):
            first = first or time.monotonic() - begun
    else:
        services.build_report(layout=layout, user=user)
        first = time.monotonic() - begun
    run = ReportRun.objects.latest("pk")
    print(
        json.dumps(
            {
                "rows": run.row_count,
                "size_bytes": run.size_bytes,
                "cpu_s": _processor_s() - cpu,
                "first_s": first,
                "peak_mb": (_status_kb("VmHWM") - rest_kb) / 1024,
            }
        )
    )
    return 0


def _processor_s() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def _status_kb(name: str) -> int:
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(f"{name}:"))


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    made = argparse.ArgumentParser(description=__doc__)
    made.add_argument("--rows", type=int, default=100_000)
    made.add_argument("--formats", default="csv,jsonl,parquet,xlsx")
    made.add_argument("--whole", type=int, default=_WHOLE_FILES, help="rows of XLSX and Parquet")
    made.add_argument("--database", help="URL of an empty database (default: SQLite)")
    made.add_argument("--check", action="store_true", help="exit 1 above the limit")
    made.add_argument("--child", default="", help=argparse.SUPPRESS)
    made.add_argument("--until", default="", help=argparse.SUPPRESS)
    made.add_argument("--format", default="csv", help=argparse.SUPPRESS)
    return made.parse_args(argv)


def _environment(folder: Path, database: str | None) -> dict[str, str]:
    """Set this process up for a separate installation; return its environment."""
    set_up(folder, database)
    from django.core.management import call_command

    from base.accounts.roles import Role
    from base.accounts.services import create_user

    call_command("migrate", verbosity=0)
    create_user(username="benchmark", password=None, role=Role.ADMIN)
    return dict(os.environ)


def fill(count: int) -> None:
    """Insert matches, ten per file, found on the first days of a year."""
    from django.db import connection

    from catalogue.models import Bucket, Recording, RecordingStatus
    from scanning.models import Container

    bucket = Bucket.objects.create(name="benchmark")
    recordings = Recording.objects.bulk_create(
        Recording(
            bucket=bucket,
            title=f"Reference {number:05d} – “quoted, with commas”",
            artists=[f"Artist {number % 300}", "A second | artist"],
            album="An album",
            label=f"Label {number % 40}",
            isrc=f"ZZX{number:09d}",
            isrc_normalised=f"ZZX{number:09d}",
            isrc_status="valid",
            writers=["A Writer", "Another Writer"],
            publishers=["A Publisher"],
            custom_id=f"LIB-{number}",
            duration_ms=200_000,
            status=RecordingStatus.READY,
        )
        for number in range(_RECORDINGS)
    )
    container = Container.objects.create(name="benchmark")
    first = min(count, _BATCH)
    _fill_batch(container.pk, [recording.pk for recording in recordings], list(range(first)))
    _multiply(count // first)
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE" if connection.vendor == "postgresql" else "ANALYZE")


def _multiply(times: int) -> None:
    """Copy the rows repeatedly in the database, under their own keys."""
    from django.db import connection, transaction
    from django.db.models import Max, Model

    from review.models import Match
    from scanning.models import Detection, Scan, ScannedFile, Segment

    models: list[type[Model]] = [
        *(ScannedFile, Scan, Detection, Segment, Match),
        Match.detections.through,
    ]
    highest = {model: model._default_manager.aggregate(top=Max("pk"))["top"] for model in models}
    numbers = " UNION ALL ".join(f"SELECT {n} AS n" for n in range(1, times))
    if not numbers:
        return
    for model in models:
        columns = {
            str(field.column): _copied(field, highest, connection.vendor)
            for field in model._meta.concrete_fields
        }
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(
                f"INSERT INTO {model._meta.db_table} ({', '.join(columns)}) "  # noqa: S608 - names of our models
                f"SELECT {', '.join(columns.values())} "
                f"FROM {model._meta.db_table} AS t CROSS JOIN ({numbers}) AS copies"
            )


def _copied(field: Field[Any, Any], highest: dict[Any, int], vendor: str) -> str:
    """Return the SQL of a column in a row's n-th copy. Any: values of every field."""
    if field.primary_key:
        return f"t.{field.column} + n * {highest[field.model]}"
    if field.related_model in highest:
        return f"t.{field.column} + n * {highest[field.related_model]}"
    number = f"CAST(100000000000 + t.id + n * {highest[field.model]} AS TEXT)"
    if field.column == "uid" and isinstance(field, UUIDField):
        uuid = f"'00000000000040008000' || {number}"
        return f"CAST({uuid} AS uuid)" if vendor == "postgresql" else uuid
    if field.column == "uid":
        return f"'x_' || {number}"
    if field.column == "name":
        # Real values do not follow the order of insertion either.
        place = f"((t.id + n * {highest[field.model]}) * 7919) % 10000019"
        return f"'programme-' || CAST({place} AS TEXT) || '.wav'"
    if field.column == "created_at" and field.model.__name__ == "Match":
        begins = " ".join(
            f"WHEN n < {step // _BATCH} THEN CAST('{_FIRST_DAY + timedelta(days=day):%Y-%m-%d %H:%M:%S}' AS {'timestamptz' if vendor == 'postgresql' else 'TEXT'})"
            for day, step in enumerate(STEPS)
        )
        return f"CASE {begins} ELSE t.created_at END"
    return f't."{field.column}"'


def _fill_batch(container: int, recordings: list[int], numbers: list[int]) -> None:
    from django.db import transaction

    from review.models import Match
    from scanning.choices import FileStatus, ScanStatus
    from scanning.models import Detection, Scan, ScannedFile, Segment

    with transaction.atomic():
        files = ScannedFile.objects.bulk_create(
            ScannedFile(
                container_id=container,
                # Real values do not follow the order of insertion either.
                name=f"programme-{(number * 7919) % 10_000_019:08d}.wav",
                sha256=f"{number:064x}",
                size_bytes=1_000_000,
                length_ms=3_600_000,
                platform="YouTube",
                account=f"Channel {number % 500}",
                status=FileStatus.READY,
            )
            for number in numbers[::_PER_FILE]
        )
        scans = Scan.objects.bulk_create(
            Scan(
                scanned_file=file,
                engine="embedded",
                engine_version="1.4.0+idx7",
                status=ScanStatus.SUCCEEDED,
                started_at=_FIRST_DAY,
            )
            for file in files
        )
        begin = numbers[0]
        detections = Detection.objects.bulk_create(
            Detection(
                scan=scans[(number - begin) // _PER_FILE],
                recording_id=recordings[number % _RECORDINGS],
                score=Decimal("87.5"),
                score_scale="0-100:embedded/1",
            )
            for number in numbers
        )
        Segment.objects.bulk_create(
            Segment(
                detection=detection,
                position=part,
                start_ms=60_000 * (number % _PER_FILE) + 25_000 * part,
                end_ms=60_000 * (number % _PER_FILE) + 25_000 * part + 20_000,
                reference_start_ms=5_000 + 25_000 * part,
                reference_end_ms=25_000 + 25_000 * part,
                tempo_ratio=Decimal(1),
                pitch_cents=Decimal(0),
                score=Decimal("87.5"),
            )
            for detection, number in zip(detections, numbers, strict=True)
            for part in range(1 + number % 2)
        )
        made = Match.objects.bulk_create(
            Match(
                scanned_file=files[(number - begin) // _PER_FILE],
                scan=scans[(number - begin) // _PER_FILE],
                recording_id=recordings[number % _RECORDINGS],
                state="pending",
                relation="excerpt",
                score=Decimal("87.5"),
                score_scale="0-100:embedded/1",
                segment_count=1 + number % 2,
                matched_ms=20_000 * (1 + number % 2),
                longest_ms=20_000,
                source_coverage_pct=Decimal("0.56"),
                reference_coverage_pct=Decimal("10.00"),
                first_start_ms=60_000 * (number % _PER_FILE),
                last_end_ms=60_000 * (number % _PER_FILE) + 45_000,
                speed_pct=Decimal("0.00"),
                pitch_cents=0,
            )
            for number in numbers
        )
        evidence = Match.detections.through
        evidence.objects.bulk_create(
            evidence(match=match, detection=detection)
            for match, detection in zip(made, detections, strict=True)
        )
        Match.objects.filter(pk__in=[match.pk for match in made]).update(created_at=_FIRST_DAY)


if __name__ == "__main__":
    sys.exit(main())
