"""Sound tracks of scanned files beside the main one."""

from __future__ import annotations

from django.db import models

from base.accounts.reach import Path, ReachManager
from scanning.models.scanned_file import ScannedFile


class FileTrack(models.Model):
    """A sound track that differs from its file's main one, where it does.

    ``number`` counts the file's tracks from 1. Scans and retro searches read the
    fingerprint; the rendition lets people hear it.
    """

    scanned_file = models.ForeignKey(
        ScannedFile, on_delete=models.PROTECT, related_name="other_tracks"
    )
    number = models.PositiveSmallIntegerField()
    fingerprint = models.FileField(max_length=200)
    proxy = models.FileField("rendition", max_length=200, blank=True, default="")

    reach = Path(containers="scanned_file__container")
    objects = ReachManager["FileTrack"]()

    class Meta:
        ordering = ["number"]
        constraints = [
            models.UniqueConstraint(fields=["scanned_file", "number"], name="one_row_per_track")
        ]

    def __str__(self) -> str:
        return f"{self.scanned_file}, sound track {self.number}"
