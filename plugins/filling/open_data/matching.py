"""Finds a recording of ours in a source, and the values that it may take from there.

Four steps, of which the first that answers counts: our ISRC (1), our UPC and the track on
it (2), title, artists, versions and length (3), the same without length or with rivals (4).
Nothing crosses versions: a live recording never gets a value of the studio recording.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from enum import StrEnum
from itertools import groupby
from math import log1p
from typing import Final

from plugins.filling.open_data.folding import (
    Name,
    fold,
    is_live_album,
    key_of,
    likeness,
    read_name,
    split_artists,
    split_guests,
)
from plugins.filling.open_data.index import FoundRelease, SourceIndex, SourceRecording

SAME_LENGTH_MS: Final = 3_000
LEAST_TITLE: Final = 0.8
LEAST_ARTIST: Final = 0.5
RIVAL_WITHIN: Final = 0.1
SHORTEST_MS: Final = 30_000
FIELDS: Final = ("isrc", "iswc", "label", "upc", "release_date", "artist_ids")
_UNTITLED: Final = frozenset({"untitled", "intro", "outro", "interlude", "unknown", "track"})
_NOBODY: Final = frozenset(
    {
        *("", "various artists", "various", "unknown", "unknown artist", "traditional"),
        *("anonymous", "no artist", "diverse", "artistes divers", "varios artistas"),
    }
)


class Hold(StrEnum):
    """Why a value is never accepted in one go."""

    SEVERAL_THERE = "several_there"
    SEVERAL_CODES = "several_codes"
    TAKEN_HERE = "taken_here"
    WEAK = "weak"
    DIFFERS = "differs"
    SHORT = "short"
    UNTITLED = "untitled"
    NO_ARTIST = "no_artist"
    PARTIAL = "partial"
    DISAGREE = "disagree"


@dataclass(frozen=True, slots=True)
class Ours:
    """A recording of ours; ``duration_ms`` is 0 if unknown."""

    title: str
    version_title: str = ""
    artists: tuple[str, ...] = ()
    album: str = ""
    isrc: str = ""
    upc: str = ""
    duration_ms: int = 0


@dataclass(frozen=True, slots=True)
class SourceMatch:
    """One recording of a source, and how it resembles ours."""

    recording: SourceRecording
    step: int
    title: float
    artist: float
    apart_ms: int | None
    rivals: int = 0
    releases: int = 0
    has_same_first: bool = False
    """Whether the source lists it under our first artist's name, perhaps an alias."""
    differs: bool = False
    """Whether one side has an artist that is no guest, or a place, and the other not."""

    @property
    def score(self) -> float:
        """Return how alike they are, 0 to 1, for comparing rivals."""
        if self.apart_ms is None:
            return self.title * self.artist * 0.8
        return self.title * self.artist * (1 - min(self.apart_ms, 10_000) / 20_000)


@dataclass(frozen=True, slots=True)
class FoundValue:
    """A value for one field from one source; ``holds`` keep it from bulk."""

    field: str
    value: str
    match: SourceMatch
    codes: int = 1
    holds: tuple[Hold, ...] = ()

    def features(self, *, agreeing: int = 1) -> list[float]:
        """Return the numbers that the confidence depends on, each about 0 to 1."""
        match = self.match
        apart = 0.5 if match.apart_ms is None else min(match.apart_ms, 10_000) / 10_000
        return [
            1.0,
            *(float(match.step == step) for step in (1, 2, 4)),
            1 - match.title,
            1 - match.artist,
            apart,
            min(match.rivals, 3) / 3,
            min(self.codes - 1, 3) / 3,
            log1p(match.releases) / 4,
            float(agreeing > 1),
            float(bool(self.holds)),
        ]


@dataclass(frozen=True, slots=True)
class _Target:
    """Our recording taken apart once."""

    ours: Ours
    name: Name
    artists: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, ours: Ours) -> _Target:
        name = read_name(ours.title, ours.version_title)
        if is_live_album(ours.album):
            name = replace(name, versions=name.versions | {"live"})
        return cls(ours, name, _all_artists(ours.artists, name))


def _all_artists(artists: Iterable[str], name: Name) -> list[str]:
    return list(dict.fromkeys([*split_artists(artists), *name.guests]))


def _guests(artists: Iterable[str], name: Name) -> list[str]:
    return [*split_guests(artists), *name.guests]


def find(ours: Ours, index: SourceIndex) -> list[SourceMatch]:
    """Return the recordings of a source that may be ours, the likeliest first."""
    target = _Target.of(ours)
    for step in (_by_isrc, _by_release, _by_text):
        if matches := step(target, index):
            return matches
    return []


def values(
    ours: Ours, index: SourceIndex, *, fields: Iterable[str] = FIELDS
) -> Iterator[FoundValue]:
    """Yield the values that a source has for fields of a recording, one for each.

    ``fields`` are those that are empty.
    """
    matches = find(ours, index)
    if not matches:
        return
    holds = _holds_of(ours, matches[0])
    for name in fields:
        if (answer := _READ[name](ours, matches[0], index)) is not None:
            value, codes, own_holds = answer
            yield FoundValue(name, value, matches[0], codes, (*holds, *own_holds))


# The steps


def _by_isrc(target: _Target, index: SourceIndex) -> list[SourceMatch]:
    if not target.ours.isrc:
        return []
    recordings = index.with_isrc(target.ours.isrc)
    if len(recordings) != 1:
        return []
    match = _compare_recording(target, recordings[0], 1)
    far = match is not None and (match.apart_ms or 0) > SAME_LENGTH_MS
    return [_counted(match, index)] if match is not None and not far else []


def _by_release(target: _Target, index: SourceIndex) -> list[SourceMatch]:
    if not target.ours.upc:
        return []
    return _best(target, index.with_upc(target.ours.upc), 2, index)


def _by_text(target: _Target, index: SourceIndex) -> list[SourceMatch]:
    first = target.artists[0] if target.artists else ""
    recordings = index.with_key(key_of(target.name.bare, first))
    return _best(target, recordings, 3, index, same_first=True)


def _best(
    target: _Target,
    candidates: Iterable[SourceRecording],
    step: int,
    index: SourceIndex,
    *,
    same_first: bool = False,
) -> list[SourceMatch]:
    compared = [
        match
        for recording in candidates
        if (match := _compare_recording(target, recording, step, same_first=same_first)) is not None
    ]
    near = [
        match
        for match in compared
        if match.apart_ms is not None and match.apart_ms <= SAME_LENGTH_MS
    ]
    # Without a length on one side, versions and words alone decide.
    usable = near or [match for match in compared if match.apart_ms is None]
    usable = [match for match in usable if _versions_fit(target, match.recording, index)]
    usable.sort(key=lambda match: (-match.score, match.recording.number))
    if not usable:
        return []
    best = usable[0]
    rivals = sum(best.score - match.score <= RIVAL_WITHIN for match in usable[1:])
    is_weak = rivals > 0 or best.apart_ms is None
    return [_counted(match, index, step=4 if is_weak else step, rivals=rivals) for match in usable]


def _compare_recording(
    target: _Target, recording: SourceRecording, step: int, *, same_first: bool = False
) -> SourceMatch | None:
    """Return the comparison; None if title, versions or artists differ.

    ``same_first`` says that the first artists are the same, though their names may
    differ: the index lists a recording under all names of its artist.
    """
    name = _name_of(recording)
    title = likeness(target.name.bare, name.bare)
    theirs = _all_artists(recording.artists, name)
    if same_first:
        theirs = list(dict.fromkeys([*target.artists[:1], *theirs[1:]]))
    artist = _artist_likeness(target.artists, theirs)
    # Live releases may say so only of the whole release; ``_versions_fit`` looks there.
    differs = (target.name.versions ^ name.versions) - {"live"}
    if title < LEAST_TITLE or artist < LEAST_ARTIST or differs:
        return None
    places = (target.name.places, name.places)
    if all(places) and places[0].isdisjoint(places[1]):
        return None
    if step == 1 and target.name.versions != name.versions:
        return None
    lengths = (target.ours.duration_ms, recording.length_ms)
    apart = abs(lengths[0] - lengths[1]) if all(lengths) else None
    guests = {*_guests(target.ours.artists, target.name), *_guests(recording.artists, name)}
    unshared = set(target.artists) ^ set(theirs)
    return SourceMatch(
        *(recording, step, title, artist, apart),
        has_same_first=same_first,
        differs=any(places) != all(places) or not unshared <= guests,
    )


def _versions_fit(target: _Target, recording: SourceRecording, index: SourceIndex) -> bool:
    """Return whether both are live or both are not, as their releases say too."""
    releases = index.releases(recording.number)
    versions = _name_of(recording).versions
    if releases and all(release.is_live for release in releases):
        versions |= {"live"}
    return target.name.versions == versions


def _name_of(recording: SourceRecording) -> Name:
    return read_name(recording.title, recording.version, recording.comment)


def _artist_likeness(ours: list[str], theirs: list[str]) -> float:
    if ours == theirs:
        return 1.0
    our_names, their_names = set(ours), set(theirs)
    if not our_names or not their_names:
        return 0.0
    if our_names == their_names:
        return 1.0
    if ours[0] == theirs[0] and (our_names < their_names or their_names < our_names):
        # One side leaves the guests out.
        return 0.9
    if len(our_names) == len(their_names) == 1:
        return 0.9 * likeness(ours[0], theirs[0])
    # Bands that share a part of their name, such as "A & B", are not alike.
    return len(our_names & their_names) / len(our_names | their_names)


def _counted(
    match: SourceMatch, index: SourceIndex, *, step: int = 0, rivals: int = 0
) -> SourceMatch:
    return replace(
        match,
        step=step or match.step,
        rivals=rivals,
        releases=len(index.releases(match.recording.number)),
    )


# What is never accepted in one go


def _holds_of(ours: Ours, match: SourceMatch) -> list[Hold]:
    checks: list[tuple[Hold, bool]] = [
        (Hold.WEAK, match.step == 4),
        (Hold.DIFFERS, match.differs),
        (Hold.SHORT, 0 < ours.duration_ms < SHORTEST_MS),
        (Hold.UNTITLED, fold(ours.title) in _UNTITLED),
        (Hold.NO_ARTIST, fold(ours.artists[0] if ours.artists else "") in _NOBODY),
    ]
    return [hold for hold, applies in checks if applies]


# What each field takes

_Found = tuple[str, int, list[Hold]] | None


def _isrc(_ours: Ours, match: SourceMatch, index: SourceIndex) -> _Found:
    codes = index.isrcs(match.recording.number)
    if not codes:
        return None
    holds = [Hold.SEVERAL_CODES] if len(codes) > 1 else []
    if index.recordings_with(codes[0]) > 1:
        holds.append(Hold.SEVERAL_THERE)
    return codes[0], len(codes), holds


def _iswc(_ours: Ours, match: SourceMatch, index: SourceIndex) -> _Found:
    works = index.works(match.recording.number)
    codes = sorted({code for code, _whole in works})
    if not codes:
        return None
    holds = [Hold.SEVERAL_CODES] if len(codes) > 1 else []
    if not all(whole for _code, whole in works):
        holds.append(Hold.PARTIAL)
    return codes[0], len(codes), holds


def _earliest(match: SourceMatch, index: SourceIndex) -> tuple[FoundRelease, int] | None:
    """Return the earliest official release that is no compilation."""
    fit = [
        release
        for release in index.releases(match.recording.number)
        if release.is_official and not release.is_compilation and release.date
    ]
    if not fit:
        return None
    fit.sort(key=lambda release: (release.date, release.title, release.label))
    _date, same_day = next(groupby(fit, key=lambda release: release.date))
    same = list(same_day)
    return same[0], len({fold(release.label) for release in same if release.label})


def _label(_ours: Ours, match: SourceMatch, index: SourceIndex) -> _Found:
    earliest = _earliest(match, index)
    if earliest is None or not earliest[0].label:
        return None
    return (earliest[0].label, earliest[1], [Hold.SEVERAL_CODES] if earliest[1] > 1 else [])


def _date(_ours: Ours, match: SourceMatch, index: SourceIndex) -> _Found:
    earliest = _earliest(match, index)
    return None if earliest is None else (earliest[0].date, 1, [])


def _upc(ours: Ours, match: SourceMatch, index: SourceIndex) -> _Found:
    album = fold(ours.album)
    codes = sorted(
        {
            release.upc
            for release in index.releases(match.recording.number)
            if release.upc and album and fold(release.title) == album
        }
    )
    if not codes:
        return None
    return codes[0], len(codes), [Hold.SEVERAL_CODES] if len(codes) > 1 else []


def _artist_ids(ours: Ours, match: SourceMatch, index: SourceIndex) -> _Found:
    """Return the ids of those of our artists whom the source names alike, by place."""
    theirs = index.artists(match.recording.credit)
    texts = []
    for place, name in enumerate(ours.artists, 1):
        folded = fold(name)
        named = [artist for artist in theirs if folded in {fold(alias) for alias in artist.names}]
        is_first = place == 1 and match.has_same_first
        # The index may have found ours by an alias of the first artist.
        if is_first and not named and len(split_artists([name])) == 1:
            named = theirs[:1]
        if len(named) == 1:
            ids = (("MBID", named[0].mbid), ("ISNI", named[0].isni))
            texts += [f"{place} {kind} {value}" for kind, value in ids if value]
    return (", ".join(texts), 1, []) if texts else None


_READ: Final[dict[str, Callable[[Ours, SourceMatch, SourceIndex], _Found]]] = {
    "isrc": _isrc,
    "iswc": _iswc,
    "label": _label,
    "upc": _upc,
    "release_date": _date,
    "artist_ids": _artist_ids,
}
