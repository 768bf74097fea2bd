"""Reading episodes and uses of music, within the viewer's access limits."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from django.db.models import QuerySet

from catalogue.models import Recording
from review.programmes.models import Episode, MusicUse
from scanning.models import ScannedFile


@dataclass(frozen=True, slots=True)
class Programme:
    """What people typed about one file; ``uses`` are by recording."""

    episode: Episode | None = None
    uses: Mapping[int, MusicUse] = field(default_factory=dict)


NOTHING_TYPED: Final = Programme()


def episode_of(scanned_file: ScannedFile) -> Episode | None:
    """Return a file's episode, if anybody entered it."""
    return Episode.objects.filter(scanned_file=scanned_file).first()


def use_of(scanned_file: ScannedFile, recording: Recording) -> MusicUse | None:
    """Return how a file uses a recording, if anybody entered it."""
    return MusicUse.objects.filter(scanned_file=scanned_file, recording=recording).first()


def uses_of(scanned_file: ScannedFile) -> QuerySet[MusicUse]:
    """Return the uses of recordings in a file, with the recordings."""
    return uses_in([scanned_file.pk])


def uses_in(files: Collection[int]) -> QuerySet[MusicUse]:
    """Return the uses of recordings in files with these keys, with the recordings."""
    rows = MusicUse.objects.filter(scanned_file__in=files)
    return rows.select_related("recording")


def programmes_of(files: Iterable[ScannedFile]) -> dict[int, Programme]:
    """Return what people typed about files, by file; two queries."""
    keys = [file.pk for file in files]
    episodes = {
        episode.scanned_file_id: episode
        for episode in Episode.objects.filter(scanned_file__in=keys)
    }
    uses: dict[int, dict[int, MusicUse]] = defaultdict(dict)
    for use in MusicUse.objects.filter(scanned_file__in=keys):
        uses[use.scanned_file_id][use.recording_id] = use
    return {key: Programme(episodes.get(key), uses.get(key, {})) for key in keys}
