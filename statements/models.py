"""The header of each statement, with its steps, its files and what it says of uses."""

from __future__ import annotations

from typing import Any

from django.db import models
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from base.accounts.columns import person_field
from base.common.uid import uid_field
from statements.choices import STANDING, StatementState, kind_choices


class Statement(models.Model):
    """One version of what was signed, sent or handed over.

    ``subject`` is the uid of the row in the table of its kind, for a cue sheet that of
    the file. ``content`` are the stored rows, ``facts_sha256`` is their digest.
    ``changed_at`` is when its state, its differences or the decision to keep it changed.
    ``differs_in`` are the first of its
    ``differs_count`` sentences, in English, about what it says otherwise than the portal
    today, ``differs_event`` is the key of the event after which they were found.
    ``kept_sha256`` names the differences with which somebody keeps it.
    """

    uid = uid_field("st")
    kind = models.CharField(max_length=12, choices=kind_choices)
    subject = models.CharField(max_length=40)
    name = models.CharField(max_length=300)
    version = models.PositiveIntegerField(default=1)
    state = models.CharField(
        max_length=10, choices=StatementState.choices, default=StatementState.DRAFT
    )
    replaces = models.OneToOneField(
        "self", on_delete=models.PROTECT, null=True, blank=True, related_name="replaced_by"
    )
    # Any: the rows of its kind.
    content: models.JSONField[Any, Any] = models.JSONField(default=list, blank=True)
    facts_sha256 = models.CharField(max_length=64, blank=True, default="")
    created_at = models.DateTimeField(auto_now_add=True)
    changed_at = models.DateTimeField(auto_now_add=True)
    issued_at = models.DateTimeField(
        null=True, blank=True, help_text=_("When it was approved or sent.")
    )
    followed_until = models.DateField(
        null=True,
        blank=True,
        help_text=_("The last day of its comparison with today; empty for no end."),
    )
    differs_since = models.DateTimeField(null=True, blank=True)
    differs_in = models.JSONField(default=list, blank=True)
    differs_count = models.PositiveIntegerField(default=0)
    differs_sha256 = models.CharField(max_length=64, blank=True, default="")
    differs_event = models.BigIntegerField(null=True, blank=True, editable=False)
    kept_by = person_field()
    kept_at = models.DateTimeField(null=True, blank=True)
    kept_until = models.DateField(null=True, blank=True)
    kept_why = models.CharField(max_length=1000, blank=True, default="")
    kept_sha256 = models.CharField(max_length=64, blank=True, default="")

    # Each kind says which of its subjects the viewer sees: ``statements.selectors``.
    objects = models.Manager["Statement"]()

    class Meta:
        verbose_name = _("statement")
        verbose_name_plural = _("statements")
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["kind", "subject", "version"], name="statement_version_once"
            ),
            models.CheckConstraint(
                condition=~models.Q(state__in=list(STANDING)) | models.Q(issued_at__isnull=False),
                name="statement_standing_is_issued",
            ),
            models.CheckConstraint(
                condition=models.Q(differs_since__isnull=True, differs_sha256="")
                | models.Q(differs_since__isnull=False) & ~models.Q(differs_sha256=""),
                name="statement_differs_in_something",
            ),
        ]
        indexes = [
            models.Index(fields=["state", "-id"], name="statement_state"),
            models.Index(fields=["changed_at"], name="statement_changed"),
            models.Index(
                fields=["-id"],
                condition=models.Q(differs_since__isnull=False),
                name="statement_differs",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def page_url(self) -> str:
        """Return the address of the page of the statement; its kind has one, too."""
        return reverse("portal:statement", args=[self.uid])

    @property
    def case(self) -> str:
        """Return the statement's case in the audit trail."""
        return f"statement:{self.uid}"


class StatementStep(models.Model):
    """When a statement came into a state, and through whom."""

    statement = models.ForeignKey(Statement, on_delete=models.CASCADE, related_name="steps")
    state = models.CharField(max_length=10, choices=StatementState.choices)
    person = person_field()
    person_name = models.CharField(max_length=150)
    at = models.DateTimeField()
    note = models.TextField(max_length=4000, blank=True, default="")

    objects = models.Manager["StatementStep"]()

    class Meta:
        verbose_name = _("step of a statement")
        verbose_name_plural = _("steps of statements")
        ordering = ["id"]

    def __str__(self) -> str:
        return str(self.get_state_display())


class StatementFile(models.Model):
    """Bytes that were approved, sent or handed over; they never change."""

    statement = models.ForeignKey(Statement, on_delete=models.CASCADE, related_name="files")
    format = models.CharField(max_length=10)
    name = models.CharField(max_length=300)
    file = models.FileField(max_length=200)
    sha256 = models.CharField(max_length=64)
    size_bytes = models.BigIntegerField()

    objects = models.Manager["StatementFile"]()

    class Meta:
        verbose_name = _("file of a statement")
        verbose_name_plural = _("files of statements")
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(fields=["statement", "format"], name="statement_file_once")
        ]

    def __str__(self) -> str:
        return self.name


class StatementFact(models.Model):
    """What a statement says of one use, by uids, so that it outlives the rows.

    ``state`` is that of the match then; ``cells`` are the other values that it states.
    """

    statement = models.ForeignKey(Statement, on_delete=models.CASCADE, related_name="facts")
    match = models.CharField(max_length=32, blank=True, default="")
    recording = models.CharField(max_length=32, blank=True, default="")
    file = models.CharField(max_length=40, blank=True, default="")
    broadcast = models.CharField(max_length=32, blank=True, default="")
    start_ms = models.PositiveBigIntegerField(null=True, blank=True)
    end_ms = models.PositiveBigIntegerField(null=True, blank=True)
    state = models.CharField(max_length=16, blank=True, default="")
    # Any: the values of its kind.
    cells: models.JSONField[Any, Any] = models.JSONField(default=dict, blank=True)

    objects = models.Manager["StatementFact"]()

    class Meta:
        verbose_name = _("fact of a statement")
        verbose_name_plural = _("facts of statements")
        ordering = ["id"]
        indexes = [
            models.Index(
                fields=[column],
                condition=~models.Q(**{column: ""}),
                name=f"statement_fact_{column}",
            )
            for column in ("match", "recording", "file", "broadcast")
        ]

    def __str__(self) -> str:
        return self.match or self.file or self.recording


class StatementCheck(models.Model):
    """What a statement stands on may have changed; the next check compares it again.

    Written in the transaction of the change, so that none is lost. ``statement`` is the
    key of one statement; None stands for all. A foreign key would lock the statement.
    """

    statement = models.BigIntegerField(null=True)
    event = models.BigIntegerField(null=True)

    # A note of the worker, shown nowhere.
    objects = models.Manager["StatementCheck"]()

    def __str__(self) -> str:
        return str(self.statement or "all")
