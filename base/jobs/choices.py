"""States, pools and priorities of jobs."""

from __future__ import annotations

from enum import IntEnum
from typing import Any

from django.db import models
from django.utils.translation import gettext_lazy as _


class JobState(models.TextChoices):
    """Where a job stands."""

    WAITING = "waiting", _("Waiting")
    RUNNING = "running", _("Running")
    DONE = "done", _("Done")
    FAILED = "failed", _("Failed")
    CANCELLED = "cancelled", _("Cancelled")


class InstallationRole(models.TextChoices):
    """Whether an installation may reach out: send, call back, listen, fetch."""

    REAL = "real", _("The real installation")
    COPY = "copy", _("A copy")
    UNDECIDED = "undecided", _("Not decided yet")


OPEN_STATES = (JobState.WAITING, JobState.RUNNING)


def status_label(row: Any) -> str:
    """Return the status of a row that a job works on; like its job, a queued row is waiting.

    Any: a row of any model with a status.
    """
    return str(JobState.WAITING.label if row.status == "queued" else row.get_status_display())


class Priority(IntEnum):
    """The order of jobs: the sooner a person needs the result, the higher."""

    PERSON = 20
    """A person watches a page until it is done."""
    CLOCK = 10
    """Regular work, which takes a moment."""
    USUAL = 0
    """Files and recordings in bulk, and received callbacks."""
    DOCUMENT = -10
    """Reports, evidence packs and imports: people collect the result later."""
    AFTERWARDS = -20
    """Improvements to finished work."""
    EVERYTHING = -30
    """Searches through everything."""


class Pool(models.TextChoices):
    """Threads of a worker that share no capacity with each other."""

    WORK = "work", _("Processing")
    """Uses the processor: scans, fingerprints, reports."""
    TALK = "talk", _("Network")
    """Waits for other servers: callbacks, deliveries, clouds."""
    STREAM = "stream", _("Live streams")
    """Listens without end; a process of its own has a thread for each."""


WORKER_POOLS = (Pool.WORK, Pool.TALK)
"""The pools of ``manage.py worker``."""
