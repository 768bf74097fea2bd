"""Measures the check and the import of a large CWR file, and mutated messages.

``python -m plugins.rights.tests.benchmark [--works N] [--mutated N] [--check]``

The works are generated while they are written; the portal imports them on SQLite, as a
worker does.
"""

from __future__ import annotations

import io
import random
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from benchmarks.installation import set_up
from benchmarks.report import Report, machine, own_mb, parser, workplace

MINUTES = 10.0
# Growth of the peak from a tenth of the works to all of them, in MB. It is that of the
# process's own memory: pages of the database file, which SQLite maps, are not counted.
GROWTH_MB = 100.0


def main(argv: Sequence[str] | None = None) -> int:
    """Run the measurement and print the results."""
    made = parser("Measure the import of rights.")
    made.add_argument("--works", type=int, default=100_000)
    made.add_argument("--mutated", type=int, default=10_000, help="broken messages")
    args = made.parse_args(argv)
    report = Report()
    report.title(f"Import of {args.works:,} works from CWR")
    report.line(machine())
    with workplace() as work:
        set_up(Path(work))
        _measure(report, Path(work), args.works)
    crashes = _mutated(args.mutated)
    report.line(f"{args.mutated:,} mutated messages: {dict(crashes)}")
    report.check("no mutated message breaks a reader", reached=not crashes["crash"])
    return report.end(checked=args.check)


def _measure(report: Report, work: Path, works: int) -> None:
    from django.core.management import call_command

    call_command("migrate", verbosity=0)
    rows = []
    few, peaks = max(1, works // 10), []
    for label, number, first, dry in (
        ("check of a tenth", few, 1, True),
        ("check", works, 1, True),
        ("import", works, 1, False),
        ("import again", works, 1, False),
    ):
        path = _write(work, number, first)
        before = time.monotonic()
        created, peak_mb = _run(path, dry=dry)
        seconds = time.monotonic() - before
        peaks.append(peak_mb)
        rows.append(
            (
                label,
                f"{number:,}",
                f"{path.stat().st_size / 1e6:.0f} MB",
                f"{seconds / 60:.1f} min",
                f"{1000 * seconds / number:.1f} ms",
                f"{peak_mb:.0f} MB",
                f"{created:,}",
            )
        )
        if label == "import":
            report.check(f"imported in {MINUTES:.0f} minutes", reached=seconds <= 60 * MINUTES)
    head = ("step", "works", "file", "time", "a work", "peak own memory", "new works")
    report.table(head, rows)
    growth = peaks[-1] - peaks[0]
    report.line(f"The peak grows by {growth:.0f} MB from a tenth to all works.")
    report.check(f"it grows by at most {GROWTH_MB:.0f} MB", reached=growth <= GROWTH_MB)


def _write(work: Path, works: int, first: int) -> Path:
    from plugins.rights.tests.importing.making import NAME, cwr

    path = work / NAME
    with path.open("wb") as file:
        file.writelines(cwr(works, first=first))
    return path


def _run(path: Path, *, dry: bool) -> tuple[int, float]:
    """Import a file as a job does; return how many works are new, and the peak in MB."""
    from plugins.rights.importing.importer import RightsImporter
    from plugins.rights.importing.reading import open_message

    peak_mb = 0.0

    def look() -> None:
        nonlocal peak_mb
        peak_mb = max(peak_mb, own_mb())

    task = RightsImporter("import", "", None, dry, look)
    with open_message(path, name=path.name) as reads:
        summary = task.run(reads)
    if summary.fault_count:
        raise RuntimeError(f"The generated file has faults: {summary.faults[:3]}")
    look()
    return summary.created.get("work", 0), peak_mb


def _mutated(number: int) -> Counter[str]:
    """Read broken messages of each format; return how many ended how."""
    from plugins.rights.importing.cwr import read_cwr
    from plugins.rights.importing.ern import read_ern
    from plugins.rights.importing.faults import MessageRefused
    from plugins.rights.tests.importing.making import NAME, cwr
    from plugins.rights.tests.importing.test_cwr import mutated
    from plugins.rights.tests.importing.test_ern import ERN_43, ERN_382

    def read(kind: int, content: bytes) -> Iterator[object]:
        file = io.BytesIO(content)
        return read_cwr(file, name=NAME) if kind == 0 else read_ern(file)

    messages = [b"".join(cwr(3)), ERN_382.encode(), ERN_43.encode()]
    ends: Counter[str] = Counter()
    for seed in range(number):
        kind = seed % len(messages)
        bad = mutated(random.Random(seed), messages[kind])  # noqa: S311 - reproducible
        try:
            for _read in read(kind, bad):
                pass
            ends["read"] += 1
        except MessageRefused:
            ends["refused"] += 1
        except Exception:  # noqa: BLE001 - what the measurement looks for
            ends["crash"] += 1
    return ends


if __name__ == "__main__":
    sys.exit(main())
