"""Clocks in tests."""

from __future__ import annotations

from datetime import UTC, datetime

import base.jobs.clock


def follow_this_machine() -> None:
    """Let jobs follow the clock that a test sets, not that of the database's server."""
    base.jobs.clock._of_server = _machine_time


def _machine_time() -> datetime:
    return datetime.now(tz=UTC)
