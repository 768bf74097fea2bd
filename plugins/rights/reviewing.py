"""Checks all rights once a day: agreements end, and recordings come and go."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, cast

from django.db import transaction

from base.jobs.context import JobContext
from base.jobs.services import submit
from catalogue.owners.models import Release, RightsRecording, Work
from catalogue.owners.records import Record
from plugins.rights import conflicts
from plugins.rights.filling import fill_recordings
from plugins.rights.jobs import REVIEW_RIGHTS

_AT_ONCE: Final = 200
_MODELS: Final = (Work, RightsRecording, Release)


def plan() -> None:
    """Ask for the check."""
    submit(REVIEW_RIGHTS, None)


def run(context: JobContext) -> None:
    """Update conflicts and our shares to today.

    Each step is a transaction of its own, and a check that was stopped begins again.
    """
    total = sum(model._default_manager.count() for model in _MODELS)
    done = 0
    for model in _MODELS:
        last = 0
        while True:
            rows = model._default_manager.filter(pk__gt=last).order_by("pk")
            batch = cast("list[Record]", list(rows[:_AT_ONCE]))
            if not batch:
                break
            _check(batch)
            last = batch[-1].pk
            done += len(batch)
            context.report(done / max(total, done))


@transaction.atomic
def _check(batch: Sequence[Record]) -> None:
    conflicts.refresh(batch)
    fill_recordings(record for record in batch if isinstance(record, RightsRecording))
