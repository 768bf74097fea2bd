"""Prints letters, in a worker."""

from __future__ import annotations

import base.jobs.clock
from base.jobs.context import JobContext


def run(context: JobContext) -> None:
    """Print a letter."""
    context.finish(printed_at=base.jobs.clock.now())
