"""Prints letters, in a worker."""

from __future__ import annotations

import jobs.clock
from jobs.context import JobContext


def run(context: JobContext) -> None:
    """Print a letter."""
    context.finish(printed_at=jobs.clock.now())
