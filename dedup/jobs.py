"""The jobs that look for duplicates."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Protocol

from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from base.jobs import resources
from base.jobs.choices import JobState, Priority
from base.jobs.kinds import Kind, register
from catalogue import partitions
from catalogue.models import Bucket, IntakeRule
from dedup.models import CatalogueCheck, RunStatus

_MAX_ATTEMPTS = 5


def _end(check: CatalogueCheck, state: JobState, code: str, cause: str) -> None:
    CatalogueCheck._base_manager.filter(pk=check.pk).update(finished_at=datetime.now(tz=UTC))


class _Bringing(Protocol):
    """An import of recordings or of their audio."""

    bucket: Bucket


def duty_of_intake(brought: _Bringing) -> str:
    """Return the duty of work that brings recordings into a bucket, by its rule."""
    compares = brought.bucket.intake_rule != IntakeRule.IGNORE
    return partitions.duty_of_all() if compares else ""


CHECK = register(
    Kind(
        "catalogue_check",
        CatalogueCheck,
        "dedup.checks.run",
        label=_("Search for duplicates"),
        page=lambda _check: reverse("portal:duplicates"),
        priority=Priority.EVERYTHING,
        # Checks cover all buckets, so a second one would only repeat the first.
        key=lambda _check: "all",
        needs=frozenset({resources.INDEX}),
        duty=lambda _check: partitions.duty_of_all(),
        max_attempts=lambda: _MAX_ATTEMPTS,
        gives_way=True,
        # Comparisons are kept, so a check goes on where it stopped.
        hand_back_after=0.0,
        mirror={
            JobState.WAITING: RunStatus.WAITING,
            JobState.RUNNING: RunStatus.RUNNING,
            JobState.DONE: RunStatus.DONE,
            JobState.FAILED: RunStatus.FAILED,
            JobState.CANCELLED: RunStatus.CANCELLED,
        },
        cause_field="message",
        on_end=_end,
        title=lambda _check: str(_("All buckets")),
    )
)
