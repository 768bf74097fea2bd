"""Groups of recordings that are the same sound."""

from __future__ import annotations

from functools import partial

from django.db import models

from catalogue.models import Recording
from common.uid import new_uid


class DuplicateKind(models.TextChoices):
    """How two recordings were found to be the same."""

    EXACT_FILE = "exact_file", "Same file"
    SAME_AUDIO = "same_audio", "Same audio"


class DedupGroup(models.Model):
    """Recordings that are one sound; one of them is canonical."""

    uid = models.CharField(
        max_length=32, unique=True, default=partial(new_uid, "g"), editable=False
    )
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["-updated_at", "-id"]

    def __str__(self) -> str:
        return self.uid


class DedupMember(models.Model):
    """One recording's place in a group, and the link that brought it there.

    ``linked_to`` is the recording it was compared with; empty for the first member.
    """

    group = models.ForeignKey(
        DedupGroup, on_delete=models.CASCADE, related_name="members"
    )
    recording = models.OneToOneField(
        Recording, on_delete=models.CASCADE, related_name="dedup_member"
    )
    kind = models.CharField(
        max_length=16, choices=DuplicateKind.choices, blank=True, default=""
    )
    linked_to = models.ForeignKey(
        Recording,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
    )
    canonical = models.BooleanField(default=False)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-canonical", "id"]
        constraints = [
            models.UniqueConstraint(
                fields=["group"],
                condition=models.Q(canonical=True),
                name="dedup_one_canonical_per_group",
            )
        ]

    def __str__(self) -> str:
        return f"{self.recording} in {self.group}"
