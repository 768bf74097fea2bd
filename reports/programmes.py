"""What people typed about files, for report rows: episodes, broadcasts, uses of music."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from broadcasts.models import Broadcast, Episode, MusicUse
from broadcasts.selectors import list_broadcasts
from scanning.models import ScannedFile


@dataclass(frozen=True, slots=True)
class Programme:
    """What people typed about one file; ``uses`` are by recording."""

    episode: Episode | None = None
    broadcasts: Sequence[Broadcast] = ()
    uses: Mapping[int, MusicUse] = field(default_factory=dict)


NOTHING_TYPED: Final = Programme()


def programmes_of(files: Iterable[ScannedFile]) -> dict[int, Programme]:
    """Return what people typed about files, by file; three queries."""
    keys = [file.pk for file in files]
    episodes = {
        each.scanned_file_id: each
        for each in Episode.objects.filter(scanned_file__in=keys)
    }
    broadcasts: dict[int, list[Broadcast]] = defaultdict(list)
    rows = list_broadcasts().select_related(None).select_related("station")
    for each in rows.filter(scanned_file__in=keys):
        broadcasts[each.scanned_file_id].append(each)
    uses: dict[int, dict[int, MusicUse]] = defaultdict(dict)
    for use in MusicUse.objects.filter(scanned_file__in=keys):
        uses[use.scanned_file_id][use.recording_id] = use
    return {
        key: Programme(episodes.get(key), broadcasts.get(key, ()), uses.get(key, {}))
        for key in keys
    }
