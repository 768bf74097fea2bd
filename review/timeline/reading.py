"""Reads what files hold, for the viewer at work, and divides them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any, TypeVar

from base.accounts.reach import sees_every_bucket, working_for
from base.common.registry import Registry
from review.models import Match
from review.selectors import with_segments
from review.timeline.division import Entered, Heard, Occurs, Timeline, divide
from scanning.choices import ScanStatus
from scanning.models import Scan, ScannedFile
from scanning.selectors import current_scans_of

Reported = Sequence[Mapping[str, Any]]
"""The unmatched intervals of a scan. Any: JSON."""
Sound = TypeVar("Sound")
OfFiles = Callable[[Collection[int]], Mapping[int, Iterable[Sound]]]
"""Returns what packages above know of files, by file, with a fixed number of queries."""

ItemPlaces = Callable[[str, ScannedFile, tuple[int, int], int], list[tuple[ScannedFile, int, int]]]
"""Returns the first other places, with their times, of an item in an interval of a file."""

unknown_sound: Registry[OfFiles[Occurs]] = Registry()
"""Functions that return the unknown sound that repeats in files."""
item_places: Registry[ItemPlaces] = Registry()
"""Functions that find an item's other places."""
entered_cues: Registry[OfFiles[Entered]] = Registry()
"""Functions that return what people entered about intervals of files."""


def timeline(file: ScannedFile, *, with_entries: bool = True) -> Timeline:
    """Return the timeline of a file as the viewer may see it."""
    return timelines([file], with_entries=with_entries)[file.pk]


def timelines(files: Collection[ScannedFile], *, with_entries: bool = True) -> dict[int, Timeline]:
    """Return the timelines of files by key, with a fixed number of queries.

    Where the viewer may not see a match, its time is unknown to him. Without entries
    they are as if nobody had entered anything.
    """
    by_key = {file.pk: file for file in files}
    matches = _matches_in(by_key)
    hidden: dict[int, list[Match]] = {}
    if not sees_every_bucket():
        visible = {match.pk for file_matches in matches.values() for match in file_matches}
        with working_for(None):
            hidden = _matches_in(by_key, without=visible)
    items = _sounds_in(unknown_sound, by_key)
    entered = _sounds_in(entered_cues if with_entries else (), by_key)
    reported = _reported_of(files)
    return {
        key: divide(
            length_ms=file.length_ms,
            undecoded_ms=file.undecoded_ms,
            heard=Heard(
                matches=matches.get(key, ()),
                hidden=hidden.get(key, ()),
                entered=entered.get(key, ()),
                items=items.get(key, ()),
                reported=reported[key],
            ),
        )
        for key, file in by_key.items()
    }


def places_of_item(
    item: str, file: ScannedFile, span: tuple[int, int], most: int
) -> list[tuple[ScannedFile, int, int]]:
    """Return the first other places, with their times, of an item that a file holds."""
    return [place for find in item_places for place in find(item, file, span, most)]


def matched_timelines(files: Collection[ScannedFile]) -> dict[int, Timeline]:
    """Return the timelines of files by key with their matches alone.

    Nothing takes time from a match, so that matched time is that of whole timelines.
    """
    matches = _matches_in({file.pk: file for file in files})
    return {
        file.pk: divide(
            length_ms=file.length_ms,
            undecoded_ms=file.undecoded_ms,
            heard=Heard(matches=matches.get(file.pk, ())),
        )
        for file in files
    }


def _matches_in(
    files: Mapping[int, ScannedFile], without: Collection[int] = ()
) -> dict[int, list[Match]]:
    """Return the matches of files in file order, with their segments."""
    rows = Match.objects.filter(scanned_file__in=list(files)).exclude(pk__in=without)
    by_file: dict[int, list[Match]] = defaultdict(list)
    related = rows.select_related("recording__merged_into")
    for match in with_segments(related.order_by("first_start_ms", "pk")):
        # Rows read the file and its container, and would load them for each match.
        match.scanned_file = files[match.scanned_file_id]
        by_file[match.scanned_file_id].append(match)
    return by_file


def _sounds_in(
    sources: Iterable[OfFiles[Sound]], files: Mapping[int, ScannedFile]
) -> dict[int, list[Sound]]:
    by_file: dict[int, list[Sound]] = defaultdict(list)
    for read in sources:
        for key, sounds in read(list(files)).items():
            by_file[key].extend(sounds)
    return by_file


def _reported_of(files: Collection[ScannedFile]) -> dict[int, Reported]:
    """Return the unmatched intervals of the files' current scans.

    While a scan runs or after it failed, those of the last successful scan count.
    """
    current = current_scans_of(files)
    unfinished = [
        key
        for key, scans in current.items()
        if not any(scan.status == ScanStatus.SUCCEEDED for scan in scans)
    ]
    if unfinished:
        done = Scan.objects.full().filter(scanned_file__in=unfinished, status=ScanStatus.SUCCEEDED)
        for scan in done.order_by("pk").only("unmatched", "scanned_file"):
            current[scan.scanned_file_id] = [scan]
    return {
        key: next((scan.unmatched for scan in scans if scan.unmatched), [])
        for key, scans in current.items()
    }
