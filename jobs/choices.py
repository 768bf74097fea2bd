"""States, pools and priorities of jobs."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _


class JobState(models.TextChoices):
    """Where a job stands."""

    WAITING = "waiting", _("Waiting")
    RUNNING = "running", _("Running")
    DONE = "done", _("Done")
    FAILED = "failed", _("Failed")
    CANCELLED = "cancelled", _("Cancelled")


OPEN_STATES = (JobState.WAITING, JobState.RUNNING)


class Pool(models.TextChoices):
    """Threads of a worker that share no capacity with each other."""

    WORK = "work", _("Work")
    """Uses the processor: scans, fingerprints, reports."""
    TALK = "talk", _("Talk")
    """Waits for other servers: callbacks, deliveries, clouds."""
