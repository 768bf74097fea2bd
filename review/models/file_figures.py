"""The sums of a file's timeline."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from base.accounts.reach import Path, ReachManager
from scanning.models import ScannedFile


class FileFigures(models.Model):
    """The matched time of one file, as its timeline has it.

    Lists and sums read it. ``review.timeline.figures`` writes it in the transaction that
    changes matches; nothing else takes time from a match. A viewer with limits reads the
    timeline instead.
    """

    scanned_file = models.OneToOneField(
        ScannedFile, on_delete=models.CASCADE, related_name="figures", primary_key=True
    )
    matched_ms = models.BigIntegerField(
        default=0, help_text=_("A moment with several recordings counts once.")
    )
    overlap_ms = models.BigIntegerField(
        default=0, help_text=_("What the matches count one by one beyond the matched time.")
    )

    reach = Path(containers="scanned_file__container")
    objects = ReachManager["FileFigures"]()

    class Meta:
        verbose_name = _("figures of a file")
        verbose_name_plural = _("figures of files")
        constraints = [
            models.CheckConstraint(
                condition=models.Q(matched_ms__gte=0, overlap_ms__gte=0),
                name="file_figures_not_negative",
            )
        ]
        indexes = [
            # Sums look for the few files whose recordings sound together.
            models.Index(
                fields=["scanned_file"],
                condition=models.Q(overlap_ms__gt=0),
                name="file_figures_overlap",
            )
        ]

    def __str__(self) -> str:
        return str(self.scanned_file)
