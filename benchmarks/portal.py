"""Measures how fast the portal's pages are with very many matches.

``python -m benchmarks.portal --matches 1000000 [--database URL] [--check]`` fills an
empty database, then opens pages as a signed-in person does. A database that it filled
before is measured again without changes.
"""

from __future__ import annotations

import argparse
import logging
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.installation import set_up
from benchmarks.report import Report, machine, workplace

if TYPE_CHECKING:
    from benchmarks.portal_filling import Filled

LIMIT_MS = 300
WALK_LIMIT_MS = 150
BULK = 10_000
_WARM = 2


def main(argv: Sequence[str] | None = None) -> int:
    """Fill the database, measure, and print."""
    args = _arguments(argv)
    report = Report()
    with workplace() as folder:
        _set_up(Path(folder), args.database)
        from django.core.management import call_command
        from django.db import connection

        from benchmarks.portal_filling import NotEmpty, fill

        call_command("migrate", verbosity=0)
        begun = time.monotonic()
        try:
            filled = fill(args.matches)
        except NotEmpty as error:
            print(error, file=sys.stderr)
            return 2
        report.title(f"Pages over {_count():,} matches, {connection.vendor}")
        report.line(f"{machine()}; filled in {time.monotonic() - begun:.0f} s")
        limited = connection.vendor == "postgresql"
        if args.calls:
            _pages(report, filled, args.calls, limited=limited)
        if args.walks:
            _walks(report, filled, args.walks)
        if args.browser:
            _first_sound(report, filled, args.browser)
        if args.bulk:
            _long_work(report, filled, args.bulk)
    return report.end(checked=args.check)


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    made = argparse.ArgumentParser(description=__doc__)
    made.add_argument("--matches", type=int, default=100_000)
    made.add_argument("--database", help="URL of an empty database (default: SQLite)")
    made.add_argument("--calls", type=int, default=40, help="measured calls per page, or 0")
    made.add_argument("--bulk", type=int, default=BULK, help="matches decided at once, or 0")
    made.add_argument(
        "--walks",
        type=int,
        default=0,
        metavar="PROGRAMMES",
        help="decide so many programmes of one hour with 20 matches, row by row, and "
        "as many rows of the queue",
    )
    made.add_argument(
        "--browser",
        type=int,
        default=0,
        metavar="DECISIONS",
        help="decide so many matches in Chromium, and time the next one's first sound",
    )
    made.add_argument("--check", action="store_true", help="exit 1 above a limit")
    return made.parse_args(argv)


def _set_up(folder: Path, database: str | None) -> None:
    set_up(folder, database, ACRPORTAL_RATE_LIMITS="off")
    logging.disable(logging.INFO)


def _count() -> int:
    from review.models import Match

    return Match.objects.count()


def _pages(report: Report, filled: Filled, calls: int, *, limited: bool) -> None:
    """Open each page several times as one person.

    On a busy machine the process's processor time is more reliable than wall time; the
    remainder is the database and waiting.
    """
    from django.test import Client
    from django.urls import reverse

    from review.models import Match
    from scanning.models import Container, ScannedFile

    client = Client(headers={"host": "localhost"})
    client.force_login(filled.reviewer)
    waiting = list(Match.objects.filter(state="pending").order_by("created_at")[: calls + _WARM])
    container = Container.objects.order_by("pk").first()
    file = ScannedFile.objects.order_by("pk").first()
    assert container is not None
    assert file is not None
    queue, files = reverse("portal:queue"), reverse("portal:file_list")
    palette = f"{reverse('portal:search')}?part=palette&q="
    matches = reverse("portal:match_list")
    pages: dict[str, Callable[[int], str]] = {
        "Dashboard": lambda _: reverse("portal:dashboard"),
        "Queue": lambda _: f"{queue}?view=waiting",
        "Queue, page 40": lambda _: f"{queue}?view=waiting&page=40",
        "Queue, most at stake": lambda _: f"{queue}?view=waiting&sort=value",
        "Queue by title": lambda _: f"{queue}?view=waiting&sort=title",
        "Queue of one container": lambda _: f"{queue}?container={container.pk}",
        "My queue": lambda _: f"{queue}?view=mine",
        "Preview beside the queue": lambda number: reverse(
            "portal:match_preview", args=[waiting[number].uid]
        ),
        "What changed in the queue": lambda number: (
            f"{reverse('portal:queue_changes')}?rows={waiting[number].uid}:1"
        ),
        "Next match": lambda number: waiting[number].review_url,
        "Matches": lambda _: matches,
        "Matches by score": lambda _: f"{matches}?sort=-score",
        "Files": lambda _: files,
        "Files of one container": lambda _: f"{files}?container={container.pk}",
        "One file": lambda _: reverse("portal:file_detail", args=[file.uid]),
        "Palette, nothing typed": lambda _: palette,
        "Palette, a word of many names": lambda _: f"{palette}programme",
        "Palette, a word of few names": lambda number: f"{palette}4{number}7",
        "Palette, what nothing is called": lambda number: f"{palette}zither {number}",
        "Palette, a whole file name": lambda number: f"{palette}programme-{1000 + number}.wav",
        "Palette, the id of a match": lambda number: f"{palette}{waiting[number].uid}",
        "Palette, an ISRC": lambda number: f"{palette}DE-A12-26-{10000 + number}",
    }
    rows = []
    for name, address in pages.items():
        taken, worked = [], []
        for number in range(calls + _WARM):
            url = address(number)
            begun, begun_work = time.perf_counter(), time.process_time()
            answer = client.get(url)
            taken.append(1000 * (time.perf_counter() - begun))
            worked.append(1000 * (time.process_time() - begun_work))
            if answer.status_code != 200:
                raise SystemExit(f"{url} answered {answer.status_code}")
        p50, p95 = np.percentile(taken[_WARM:], [50, 95])
        work = float(np.mean(worked[_WARM:]))
        limit = LIMIT_MS if limited else "–"
        rows.append((name, f"{p50:.0f}", f"{p95:.0f}", f"{work:.0f}", limit))
        if limited:
            report.check(f"{name}: p95 {p95:.0f} ms", reached=p95 <= LIMIT_MS)
    titles = ("Page", "p50, ms", "p95, ms", "processor time of the portal, ms", "Limit, ms")
    report.table(titles, rows)


def _long_work(report: Report, filled: Filled, bulk: int) -> None:
    """Decide many matches at once, and start a report of everything."""
    work: dict[str, Callable[[], str]] = {
        f"Decide {bulk:,} at once": lambda: _decide(filled, bulk),
        "First bytes of a CSV of all matches": lambda: _begin_csv(filled),
    }
    rows = []
    for name, act in work.items():
        begun = time.perf_counter()
        result = act()
        rows.append((name, result, f"{time.perf_counter() - begun:.1f}"))
    report.table(("Work", "Done", "s"), rows)


def _walks(report: Report, filled: Filled, walks: int) -> None:
    from benchmarks.walking import measure

    rows = []
    for name, taken in measure(filled.reviewer, walks).items():
        p50, p95 = np.percentile([spent.processor for spent in taken], [50, 95])
        clock = np.percentile([spent.clock for spent in taken], [50, 95])
        times = (f"{ms:.0f}" for ms in (*clock, p50, p95))
        rows.append((name, len(taken), *times, WALK_LIMIT_MS))
        report.check(f"{name}: p95 {p95:.0f} ms", reached=bool(p95 <= WALK_LIMIT_MS))
    titles = ("p50, ms", "p95, ms", "processor p50, ms", "processor p95, ms")
    report.table(("Step of a decision", "times", *titles, "Limit, ms"), rows)


def _first_sound(report: Report, filled: Filled, decisions: int) -> None:
    from benchmarks.first_sound import measure

    rows = []
    for place, taken in measure(filled.manager, decisions).items():
        p50, p95 = np.percentile(taken, [50, 95])
        most = max(taken)
        rows.append((place, len(taken), f"{p50:.0f}", f"{p95:.0f}", f"{most:.0f}", LIMIT_MS))
        report.check(f"First sound, {place}: p95 {p95:.0f} ms", reached=bool(p95 <= LIMIT_MS))
    titles = ("First sound of the next match", "decisions", "p50, ms", "p95, ms")
    report.table((*titles, "most, ms", "Limit, ms"), rows)


def _decide(filled: Filled, bulk: int) -> str:
    """Reject matches one selection at a time, as the page does, and undo everything."""
    from django.db import transaction

    from review.choices import Verb
    from review.decisions.decide import MANAGER_LIMIT, decide
    from review.decisions.verbs import Decision
    from review.models import Match

    done = 0
    with transaction.atomic():
        rows = Match.objects.filter(state="pending").order_by("pk")
        chosen = list(rows.values_list("uid", "version")[:bulk])
        for first in range(0, len(chosen), MANAGER_LIMIT):
            outcome = decide(
                versions=dict(chosen[first : first + MANAGER_LIMIT]),
                user=filled.manager,
                decision=Decision(Verb.REJECT, code="noise"),
            )
            done += len(outcome.done)
        transaction.set_rollback(True)
    return f"{done:,} matches"


def _begin_csv(filled: Filled) -> str:
    """Request a report of everything and read until the first rows arrive."""
    from django.test import Client
    from django.urls import reverse

    client = Client(headers={"host": "localhost"})
    client.force_login(filled.manager)
    answer = client.post(reverse("portal:match_export"))
    begin: bytes = next(iter(answer.streaming_content))  # type: ignore[attr-defined]  # the export streams
    return f"{len(begin):,} bytes"


if __name__ == "__main__":
    sys.exit(main())
