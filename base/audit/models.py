"""The audit trail: events in one chain per case, and daily anchors over all chains.

Rows are written once and never changed; database triggers enforce it too.
"""

from __future__ import annotations

from typing import Any, NoReturn

from django.conf import settings
from django.db import models

from base.audit.labels import action_label, actor_label, case_label


class AppendOnlyError(Exception):
    """Code tried to change or delete an event."""

    def __init__(self) -> None:
        super().__init__("Events are append-only: they are never changed or deleted.")


class EventQuerySet(models.QuerySet["Event"]):
    """Refuses bulk operations, which would rewrite history."""

    def update(self, **kwargs: Any) -> NoReturn:  # Any: Django's own signature
        """Refuse to change events."""
        raise AppendOnlyError

    def delete(self) -> NoReturn:
        """Refuse to delete events."""
        raise AppendOnlyError


class Event(models.Model):
    """One action on a case: who, when, the values before and after, and the reason.

    ``case`` names the subject ("match:m_…", "file:…"). Events of a case are numbered,
    and each holds the hash of the previous one, so gaps and changes show.

    The chain holds a seal instead of the person's name: ``actor_digest`` is the hash of
    ``actor_salt`` and ``actor_name``. Wiping both erases the person and keeps the chain
    valid.
    """

    case = models.CharField(max_length=64)
    sequence = models.PositiveIntegerField()
    at = models.DateTimeField("time")
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    actor_name = models.CharField(max_length=150)
    actor_salt = models.CharField(max_length=32, blank=True, default="")
    actor_digest = models.CharField(max_length=64, default="")
    via = models.CharField(
        max_length=80, blank=True, default="", help_text="The API token used, if any."
    )
    action = models.CharField(max_length=40)
    before = models.JSONField(default=dict)
    after = models.JSONField(default=dict)
    reason = models.CharField(max_length=40, blank=True, default="")
    note = models.TextField(blank=True, default="")
    previous_hash = models.CharField(max_length=64, blank=True, default="")
    hash = models.CharField(max_length=64)

    objects = EventQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["case", "sequence"], name="event_case_sequence_unique")
        ]
        indexes = [
            models.Index(fields=["-at"], name="event_at"),
            models.Index(fields=["action", "-at"], name="event_action_at"),
        ]

    def __str__(self) -> str:
        action, case = action_label(self.action), " ".join(case_label(self.case))
        return f"{action}, {case.strip()}, by {actor_label(self.actor_name)}"

    def save(self, *args: Any, **kwargs: Any) -> None:  # Any: Django's own signature
        """Insert a new row; refuse to change a stored one."""
        if not self._state.adding:
            raise AppendOnlyError
        super().save(*args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> NoReturn:  # Any: as above
        """Refuse to delete the event."""
        raise AppendOnlyError


class Anchor(models.Model):
    """The state of all chains after one day; each anchor holds the previous one.

    ``digest`` covers the last event of each chain that grew that day. A chain that did
    not grow is covered by the anchor of its last day. A ``hash`` stored outside the
    portal later proves that no event up to that day was changed, removed or inserted.
    """

    day = models.DateField(unique=True)
    at = models.DateTimeField("time")
    chains = models.PositiveIntegerField()
    events = models.PositiveIntegerField()
    digest = models.CharField(max_length=64)
    previous_hash = models.CharField(max_length=64, blank=True, default="")
    hash = models.CharField(max_length=64)

    class Meta:
        ordering = ["-day"]

    def __str__(self) -> str:
        return f"{self.day}: {self.hash}"
