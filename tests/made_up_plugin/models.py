"""Letters, and imports of letters."""

from __future__ import annotations

from django.db import models
from django.urls import reverse

from base.accounts.reach import Path, ReachManager
from base.common.uid import uid_field
from imports.models import Import
from review.models import Match

LETTER = "letter"
"""The kind of a letter's statement."""


class Letter(models.Model):
    """A letter about a match."""

    uid = uid_field("lt")
    match = models.ForeignKey(Match, on_delete=models.PROTECT, related_name="letters")
    text = models.CharField(max_length=200)
    printed_at = models.DateTimeField(null=True, blank=True)

    reach = Path(containers="match__scanned_file__container", buckets="match__recording__bucket")
    objects = ReachManager["Letter"]()

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return self.text

    @property
    def case(self) -> str:
        """Return the letter's case in the audit trail."""
        return f"letter:{self.uid}"

    @property
    def url(self) -> str:
        """Return the address of the letter's page."""
        return reverse("portal:letter", args=[self.uid])


class LettersImport(Import):
    """A table of letters."""

    place_field = ""
    concerns_everything = True

    uid = uid_field("li")

    reach = Path(owner="made_by")
    objects = ReachManager["LettersImport"]()

    @property
    def case(self) -> str:
        """Return the case of its own."""
        return f"letters_import:{self.uid}"
