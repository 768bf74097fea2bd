"""What people wait for: jobs, and until scans are jobs, scans.

Long work lets it go first.
"""

from __future__ import annotations

from collections.abc import Callable

from jobs import selectors
from jobs.choices import Pool

Waits = Callable[[], bool]
Run = Callable[[], None]

_elsewhere: list[tuple[Waits, Run]] = []


def register(waits: Waits, run: Run) -> None:
    """Make work known that people wait for and that is no job yet."""
    _elsewhere.append((waits, run))


def wait(pool: Pool) -> bool:
    """Return whether somebody waits for work that could be done now."""
    jobs = selectors.due(pool, for_people=True)
    return jobs.exists() or any(waits() for waits, _run in _elsewhere)


def run_elsewhere() -> None:
    """Do the work that is no job yet."""
    for waits, run in _elsewhere:
        if waits():
            run()
