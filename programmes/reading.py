"""Reads, for report rows, what people typed about files: episodes and uses of music."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from programmes.models import Episode, MusicUse
from scanning.models import ScannedFile


@dataclass(frozen=True, slots=True)
class Programme:
    """What people typed about one file; ``uses`` are by recording."""

    episode: Episode | None = None
    uses: Mapping[int, MusicUse] = field(default_factory=dict)


NOTHING_TYPED: Final = Programme()


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
