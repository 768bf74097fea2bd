"""Measures the import of a large report of claims, and the comparison after it.

``python -m plugins.claims.tests.benchmark [--rows N] [--database URL] [--check]``

The report is generated while it is written; the portal imports it as a worker does, then
the same one again, and compares all claims.
"""

from __future__ import annotations

import csv
import gzip
import io
import sys
import time
from collections.abc import Callable, Sequence
from datetime import date
from pathlib import Path

from benchmarks.installation import set_up
from benchmarks.report import Report, machine, own_mb, parser, workplace

IMPORT_MINUTES = 5.0
WHOLE_MINUTES = 10.0
GROWTH_MB = 150.0
_CLAIMS_OF_ASSET = 40


def main(argv: Sequence[str] | None = None) -> int:
    """Run the measurement and print the results."""
    made = parser("Measure the import of a report of claims.")
    made.add_argument("--rows", type=int, default=1_000_000)
    made.add_argument("--database", help="URL of an empty database (default: SQLite)")
    args = made.parse_args(argv)
    report = Report()
    report.title(f"Import of {args.rows:,} claims")
    report.line(machine())
    with workplace() as work:
        set_up(Path(work), args.database)
        _measure(report, Path(work), args.rows)
    return report.end(checked=args.check)


def _measure(report: Report, work: Path, number: int) -> None:
    from django.core.management import call_command

    from plugins.claims.models import PlatformAccount

    call_command("migrate", verbosity=0)
    path = _write(work, number)
    account = PlatformAccount.objects.create(name="Example Music")
    base_mb = own_mb()
    rows, spent, peaks = [], [], []
    steps: tuple[tuple[str, Callable[[Callable[[], None]], str]], ...] = (
        ("check", lambda look: _import(path, account.pk, look, dry=True)),
        ("import", lambda look: _import(path, account.pk, look, dry=False)),
        ("import again", lambda look: _import(path, account.pk, look, dry=False)),
        ("comparison", lambda look: _compare(account.pk, look)),
    )
    for label, step in steps:
        peak = base_mb

        def look() -> None:
            nonlocal peak
            peak = max(peak, own_mb())

        begun, busy = time.monotonic(), time.process_time()
        message = step(look)
        look()
        spent.append(time.monotonic() - begun)
        peaks.append(peak)
        rows.append(
            (
                label,
                f"{spent[-1]:.1f} s",
                f"{time.process_time() - busy:.1f} s",
                f"{1000 * spent[-1] / number:.2f} ms",
                f"{peak - base_mb:.0f} MB",
                message,
            )
        )
    head = ("step", "time", "processor", "a row", "memory above rest", "rows")
    report.table(head, rows)
    report.check(
        f"imported in {IMPORT_MINUTES:.0f} minutes", reached=spent[1] <= 60 * IMPORT_MINUTES
    )
    report.check(
        f"compared too in {WHOLE_MINUTES:.0f} minutes",
        reached=spent[1] + spent[3] <= 60 * WHOLE_MINUTES,
    )
    report.check(
        f"at most {GROWTH_MB:.0f} MB above rest", reached=max(peaks) - base_mb <= GROWTH_MB
    )


def _write(work: Path, number: int) -> Path:
    from plugins.claims.tests.making import CLAIM

    path = work / "claims.csv.gz"
    with gzip.open(path, "wb", compresslevel=1) as packed:
        text = io.TextIOWrapper(packed, "utf-8", newline="")
        writer = csv.DictWriter(text, list(CLAIM))
        writer.writeheader()
        for row in range(number):
            asset = row // _CLAIMS_OF_ASSET
            writer.writerow(
                {
                    **CLAIM,
                    "claim_id": f"claim{row:011}",
                    "asset_id": f"A{asset:015}",
                    "video_id": f"v{row:010}",
                    "views": str(row % 100_000),
                    "asset_title": f"Song {asset}",
                    "isrc": f"GBAYE{asset:07}",
                }
            )
        text.flush()
        text.detach()
    return path


def _import(path: Path, account: int, look: Callable[[], None], *, dry: bool) -> str:
    """Import the report as a job does; return what was counted."""
    from django.core.files.base import File

    from base.accounts.models import User
    from plugins.claims.importing.importer import run
    from plugins.claims.models import ClaimsImport

    user, _made = User.objects.get_or_create(username="measure", is_superuser=True)
    import_ = ClaimsImport(
        account_id=account, report_day=date(2026, 11, 3), made_by=user, file_name="c"
    )
    with path.open("rb") as file:
        import_.file.save("measured.csv.gz", File(file), save=True)
    summary = run(import_, look, dry=dry)["summary"]
    return (
        f"{summary['added']:,} new, {summary['updated']:,} changed, "
        f"{summary['unchanged']:,} unchanged"
    )


def _compare(key: int, look: Callable[[], None]) -> str:
    """Compare all claims; return how many differences there are."""
    from plugins.claims.comparing import compare_account
    from plugins.claims.models import Discrepancy, PlatformAccount

    compare_account(PlatformAccount.objects.get(pk=key), look)
    return f"{Discrepancy.objects.count():,} differences"


if __name__ == "__main__":
    sys.exit(main())
