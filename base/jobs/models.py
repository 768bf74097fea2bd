"""The table of jobs."""

from __future__ import annotations

from django.db import models

from base.accounts.columns import person_field
from base.common.uid import uid_field
from base.jobs import clock
from base.jobs.choices import OPEN_STATES, InstallationRole, JobState, Pool, Priority


class Job(models.Model):
    """One piece of background work, from its request until it is pruned.

    ``kind`` names a registered ``Kind``, ``subject`` is the primary key of the row that
    the kind works on. Only this table decides what runs and when; subjects mirror the
    state for people and APIs. ``key`` keeps two open jobs from doing the same work.
    """

    uid = uid_field("j")
    kind = models.CharField(max_length=40)
    subject = models.BigIntegerField(null=True, blank=True)
    data = models.JSONField(default=dict, blank=True)
    key = models.CharField(max_length=200)

    pool = models.CharField(max_length=8, choices=Pool.choices, default=Pool.WORK)
    priority = models.SmallIntegerField(default=Priority.USUAL)
    lane = models.CharField(max_length=80, blank=True, default="")
    # What the job needs on its machine's disk: see ``jobs.resources.Duty``.
    duty = models.CharField(max_length=80, blank=True, default="")
    turn = models.BigIntegerField(default=0)

    state = models.CharField(max_length=10, choices=JobState.choices, default=JobState.WAITING)
    run_after = models.DateTimeField()
    blocked_by = models.CharField(max_length=80, blank=True, default="")

    attempts = models.PositiveSmallIntegerField(default=0)
    lease_owner = models.CharField(max_length=64, blank=True, default="")
    lease_until = models.DateTimeField(null=True, blank=True)
    cancel_requested = models.BooleanField(default=False)

    progress = models.PositiveSmallIntegerField(default=0)
    stage = models.CharField(max_length=40, blank=True, default="")
    code = models.CharField(max_length=40, blank=True, default="")
    cause = models.CharField(max_length=1000, blank=True, default="")

    requested_by = person_field()
    created_at = models.DateTimeField(default=clock.now, editable=False)
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(
                fields=["kind", "key"],
                condition=models.Q(state__in=OPEN_STATES),
                name="job_one_open_per_key",
            ),
            models.CheckConstraint(
                condition=models.Q(progress__lte=100), name="job_progress_percent"
            ),
        ]
        indexes = [
            models.Index(
                "pool",
                models.F("priority").desc(),
                "turn",
                "id",
                condition=models.Q(state="waiting"),
                name="job_next",
            ),
            models.Index(
                fields=["run_after"], condition=models.Q(state="waiting"), name="job_paused"
            ),
            models.Index(
                fields=["requested_by", "lane", "-turn"],
                condition=models.Q(state="waiting"),
                name="job_turn",
            ),
            models.Index(
                fields=["lease_until"], condition=models.Q(state="running"), name="job_lease"
            ),
            models.Index(fields=["kind", "subject"], name="job_subject"),
            models.Index(
                fields=["kind", "state", "-finished_at"],
                condition=models.Q(state="failed"),
                name="job_failed",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.subject or ''} ({self.uid})"


class Machine(models.Model):
    """What the workers of a pool on one machine last stated.

    ``duties`` are what jobs can rely on there, by name; see ``jobs.resources.Duty``.
    """

    host = models.CharField(max_length=255)
    folder = models.CharField(max_length=1000)
    pool = models.CharField(max_length=8, choices=Pool.choices)
    duties = models.JSONField(default=dict)
    seen_at = models.DateTimeField()

    class Meta:
        ordering = ["host", "folder", "pool"]
        constraints = [
            models.UniqueConstraint(fields=["host", "folder", "pool"], name="machine_one_per_pool")
        ]

    def __str__(self) -> str:
        return f"{self.host}:{self.folder} ({self.get_pool_display()})"


class Installation(models.Model):
    """What this installation is beside the one that its backup was made of.

    Without a row it was never restored, and is the real one. Backups leave it out.
    """

    ONLY = 1

    role = models.CharField(max_length=10, choices=InstallationRole.choices)
    since = models.DateTimeField(default=clock.now)
    backup = models.CharField(max_length=200, blank=True, default="")
    decided_by = person_field()

    objects = models.Manager["Installation"]()

    class Meta:
        constraints = [models.CheckConstraint(condition=models.Q(pk=1), name="installation_once")]

    def __str__(self) -> str:
        return self.get_role_display()
