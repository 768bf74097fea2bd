"""Reading episodes and uses of music, within the viewer's access limits."""

from __future__ import annotations

from collections.abc import Collection

from django.db.models import QuerySet

from catalogue.models import Recording
from programmes.models import Episode, MusicUse
from scanning.models import ScannedFile


def episode_of(scanned_file: ScannedFile) -> Episode | None:
    """Return a file's episode, if anybody entered it."""
    return Episode.objects.filter(scanned_file=scanned_file).first()


def use_of(scanned_file: ScannedFile, recording: Recording) -> MusicUse | None:
    """Return how a file uses a recording, if anybody entered it."""
    return MusicUse.objects.filter(
        scanned_file=scanned_file, recording=recording
    ).first()


def uses_of(scanned_file: ScannedFile) -> QuerySet[MusicUse]:
    """Return the uses of recordings in a file, with the recordings."""
    return uses_in([scanned_file.pk])


def uses_in(files: Collection[int]) -> QuerySet[MusicUse]:
    """Return the uses of recordings in files with these keys, with the recordings."""
    rows = MusicUse.objects.filter(scanned_file__in=files)
    return rows.select_related("recording")
