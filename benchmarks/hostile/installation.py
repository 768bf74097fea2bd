"""A separate installation for each process that feeds the portal."""

from __future__ import annotations

import logging
from pathlib import Path

from benchmarks.installation import set_up


def set_up_work(work: Path) -> None:
    """Set this process up for a separate installation."""
    work.mkdir(exist_ok=True)
    set_up(
        work / "data",
        f"sqlite:///{work}/portal.sqlite3",
        ACRPORTAL_RATE_LIMITS="off",
        LOG_LEVEL="CRITICAL",
    )
    from django.core.management import call_command

    call_command("migrate", verbosity=0)
    # Each refusal would be a log line.
    logging.disable(logging.CRITICAL)
