"""The audit trail: events, and the anchors that hold their chains, day by day.

Both are written once and never changed; triggers of the database see to it too.
"""

from __future__ import annotations

from typing import Any, NoReturn

from django.conf import settings
from django.db import models


class AppendOnlyError(Exception):
    """An event was to be changed or deleted."""

    def __init__(self) -> None:
        super().__init__("Events are append-only: they are never changed or deleted.")


class EventQuerySet(models.QuerySet["Event"]):
    """Refuses the bulk operations that would rewrite history."""

    def update(self, **kwargs: Any) -> NoReturn:  # Any: Django's own signature
        """Refuse."""
        raise AppendOnlyError

    def delete(self) -> NoReturn:
        """Refuse."""
        raise AppendOnlyError


class Event(models.Model):
    """Who did what to which case, when, from what to what, and why.

    ``case`` names the thing ("match:m_…", "file:…"); events of one case are numbered
    and each carries the hash of the one before, so that a gap or a change shows.

    A person's name is not hashed itself but sealed: ``actor_digest`` is the hash of
    ``actor_salt`` and ``actor_name``. Whoever wipes salt and name erases the person
    and leaves the chain whole.
    """

    case = models.CharField(max_length=64)
    sequence = models.PositiveIntegerField()
    at = models.DateTimeField()
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
    )
    actor_name = models.CharField(max_length=150)
    actor_salt = models.CharField(max_length=32, blank=True, default="")
    actor_digest = models.CharField(max_length=64, default="")
    via = models.CharField(
        max_length=80,
        blank=True,
        default="",
        help_text="The API token that was used, if one was.",
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
            models.UniqueConstraint(
                fields=["case", "sequence"], name="event_case_sequence_unique"
            )
        ]
        indexes = [
            models.Index(fields=["-at"], name="event_at"),
            models.Index(fields=["action", "-at"], name="event_action_at"),
        ]

    def __str__(self) -> str:
        return f"{self.action} {self.case} by {self.actor_name}"

    def save(self, *args: Any, **kwargs: Any) -> None:  # Any: Django's own signature
        """Insert; refuse to change a row that is there."""
        if not self._state.adding:
            raise AppendOnlyError
        super().save(*args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> NoReturn:  # Any: as above
        """Refuse."""
        raise AppendOnlyError


class Anchor(models.Model):
    """What the chains came to on one day; each anchor holds the one before.

    ``digest`` is over the last event of every chain that grew on the day. A chain that
    did not grow is held by the anchor of its last day. ``hash`` kept somewhere else
    proves later that nothing up to this day was changed, taken away or put in.
    """

    day = models.DateField(unique=True)
    at = models.DateTimeField()
    chains = models.PositiveIntegerField()
    events = models.PositiveIntegerField()
    digest = models.CharField(max_length=64)
    previous_hash = models.CharField(max_length=64, blank=True, default="")
    hash = models.CharField(max_length=64)

    class Meta:
        ordering = ["-day"]

    def __str__(self) -> str:
        return f"{self.day}: {self.hash}"
