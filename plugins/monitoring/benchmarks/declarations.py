"""Measures how declarations of many plays are gathered and written.

``python -m plugins.monitoring.benchmarks.declarations --plays 100000 --check`` fills a separate
installation with confirmed matches in broadcasts of one month, and declares a tenth of
the days and all of them, each in its own process. It prints time, queries and the peak of
the process's own memory (pages of the database file, which SQLite maps, do not count) while
plays are gathered and while the whole declaration is written. ``--check`` fails if the
peak grows by more than 40 MB from a tenth of the plays to all, or if gathering asks more
than 15 queries for each station and each 200 of its broadcasts.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from benchmarks.installation import set_up
from benchmarks.report import Report, machine, own_mb, parser, workplace
from benchmarks.reports import fill

GROWTH_MB = 40.0
QUERIES = 15
"""The most queries for each station, and for each chunk of its broadcasts."""
_FIRST = date(2026, 11, 1)
_DAYS = 30
_HOURS = 24 * _DAYS
_STEPS = ("gather", "declare")
_COLUMNS = (
    "Station = station !\nTitle = title !\nDate = play_date !\nTime = play_time\n"
    "ISRC = isrc\nPlayed = played_seconds"
)


def main(argv: Sequence[str] | None = None) -> int:
    """Fill, declare, and print."""
    made = parser("Measure declarations.")
    made.add_argument("--plays", type=int, default=100_000)
    made.add_argument("--database", help="URL of an empty database (default: SQLite)")
    made.add_argument("--child", choices=_STEPS, help=argparse.SUPPRESS)
    made.add_argument("--days", type=int, default=_DAYS, help=argparse.SUPPRESS)
    args = made.parse_args(argv)
    if args.child:
        return _child(args.child, args.days)
    report = Report()
    with workplace() as folder:
        set_up(Path(folder), args.database)
        begun = time.monotonic()
        _fill(args.plays)
        report.title(f"Declarations of up to {args.plays:,} plays")
        report.line(f"{machine()}; filled in {time.monotonic() - begun:.0f} s")
        _measure(report)
    return report.end(checked=args.check)


def _measure(report: Report) -> None:
    rows = []
    for step in _STEPS:
        few, whole = (_in_child(step, days) for days in (_DAYS // 10, _DAYS))
        for fields in (few, whole):
            rows.append(
                (
                    step,
                    f"{fields['plays']:,.0f}",
                    f"{fields['seconds']:.0f} s",
                    f"{1000 * fields['seconds'] / fields['plays']:.2f} ms",
                    f"{fields['queries']:,.0f}",
                    f"{fields['peak_mb']:.0f} MB",
                )
            )
            most = QUERIES * fields["chunks"]
            report.check(
                f"{step}: {fields['queries']:.0f} queries, at most {most:.0f}",
                reached=step != "gather" or fields["queries"] <= most,
            )
        growth = whole["peak_mb"] - few["peak_mb"]
        report.check(
            f"{step}: the peak grows by {growth:.0f} MB, at most {GROWTH_MB:.0f}",
            reached=growth <= GROWTH_MB,
        )
    head = ("Step", "Plays", "Time", "A play", "Queries", "Peak above idle")
    report.table(head, rows)


def _in_child(step: str, days: int) -> dict[str, float]:
    command = [sys.executable, "-m", "plugins.monitoring.benchmarks.declarations"]
    run = subprocess.run(
        [*command, "--child", step, "--days", str(days)],
        env=dict(os.environ),
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    seconds: dict[str, float] = json.loads(run.stdout.splitlines()[-1])
    return seconds


def _child(step: str, days: int) -> int:
    """Gather or write one declaration and print its figures."""
    import django

    django.setup()
    from django.db import connection

    from plugins.monitoring.declarations import services
    from plugins.monitoring.declarations.chunks import CHUNK
    from plugins.monitoring.declarations.gathering import gather
    from plugins.monitoring.declarations.models import DeclarationProfile

    profile = DeclarationProfile.objects.get(name=f"{step} {days}")
    period = (_FIRST, _FIRST + timedelta(days=days - 1))
    queries, peak_mb = 0, 0.0

    def count(execute: Any, *arguments: Any) -> Any:  # Any: Django's own
        nonlocal queries, peak_mb
        queries += 1
        peak_mb = max(peak_mb, own_mb())
        return execute(*arguments)

    draft = services.draft(profile=profile, begins=period[0], ends=period[1], user="benchmark")
    rest_mb = own_mb()
    begun = time.monotonic()
    with connection.execute_wrapper(count):
        if step == "gather":
            gathered = gather(draft, left_out=lambda _row: None)
            plays, airings = len(gathered.facts.plays), gathered.airings.values()
        else:
            made = services.declare_now(draft)
            plays, airings = made.play_count, made.counts["stations"].values()
    fields = {
        "plays": plays,
        "chunks": sum(1 + -(-number // CHUNK) for number in airings),
        "seconds": time.monotonic() - begun,
        "queries": queries,
        "peak_mb": max(peak_mb, own_mb()) - rest_mb,
    }
    print(json.dumps(fields))
    return 0


def _fill(plays: int) -> None:
    """Insert confirmed matches in files, and broadcast each file once in the month."""
    from django.core.management import call_command

    from base.accounts.roles import Role
    from base.accounts.services import create_user
    from plugins.monitoring.broadcasts.models import Broadcast
    from plugins.monitoring.declarations.models import DeclarationProfile
    from plugins.monitoring.declarations.services import save_profile
    from plugins.monitoring.streams.models import Station
    from review.models import Match
    from scanning.models import ScannedFile

    call_command("migrate", verbosity=0)
    user = create_user(username="benchmark", password=None, role=Role.ADMIN)
    fill(plays)
    Match.objects.update(state="confirmed")
    files = list(ScannedFile.objects.order_by("pk").values_list("pk", flat=True))
    begin = datetime(_FIRST.year, _FIRST.month, _FIRST.day, tzinfo=UTC)
    stations = Station.objects.bulk_create(
        Station(name=f"Station {number:02d}", time_zone="UTC", territory="CH")
        for number in range(-(-len(files) // _HOURS))
    )
    Broadcast.objects.bulk_create(
        (
            Broadcast(
                scanned_file_id=file,
                station=stations[number % len(stations)],
                starts_at=begin + timedelta(hours=number // len(stations)),
                time_zone="UTC",
            )
            for number, file in enumerate(files)
        ),
        batch_size=1_000,
    )
    # A profile declares a day once.
    for step in _STEPS:
        for days in (_DAYS // 10, _DAYS):
            profile = DeclarationProfile(
                name=f"{step} {days}",
                format="template",
                service="FM",
                options={"columns": _COLUMNS},
            )
            save_profile(profile=profile, stations=stations, user=user)


if __name__ == "__main__":
    sys.exit(main())
