"""Finds which file is the audio of which recording; never guesses between two.

The first rule that names one recording for one file, and that file alone for the
recording, pairs them. Where a rule names several, a person chooses.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import PurePosixPath
from typing import Final

from base.common.outside_text import normalised, without_joiners
from catalogue.identifiers import check_isrc
from imports.names import compared

TOLERANCE_MS: Final = 2_500
"""Lengths that differ by less are the same: ACRCloud rounds them to seconds."""
_ISRC: Final = re.compile(r"(?<![A-Z0-9])[A-Z]{2}-?[A-Z0-9]{3}-?\d{2}-?\d{5}(?![A-Z0-9])", re.I)
_TRACK_NUMBER: Final = re.compile(r"\A\d{1,3}[\s._-]+")


class Rule(StrEnum):
    """Why a file belongs to a recording, the surest rule first."""

    TABLE = "table"
    CUSTOM_ID = "custom_id"
    ISRC = "isrc"
    NAME = "name"
    TAGS = "tags"


class Left(StrEnum):
    """Why a file has no recording; each is a code of the report."""

    NOTHING = "move_no_recording"
    SEVERAL = "move_two_candidates"
    LENGTH = "move_other_length"


@dataclass(frozen=True, slots=True)
class SoundFile:
    """A file: its path, and what its headers state."""

    path: str
    duration_ms: int | None
    tags: dict[str, str] = field(default_factory=dict)
    sha256: str = ""

    @property
    def stem(self) -> str:
        """The name without folders and suffix."""
        return PurePosixPath(self.path).stem

    def tag(self, *names: str) -> str:
        """Return the first of these tags, whatever their case; empty if there is none."""
        by_name = {name.casefold(): value for name, value in self.tags.items()}
        return next((by_name[name] for name in names if by_name.get(name)), "")


@dataclass(frozen=True, slots=True)
class Waiting:
    """A recording that waits for its audio; ``sha256`` is stated for it, if known.

    ``name`` is its title with its version, for people.
    """

    uid: str
    title: str
    artists: tuple[str, ...] = ()
    custom_id: str = ""
    isrc: str = ""
    duration_ms: int = 0
    sha256: str = ""
    name: str = ""


@dataclass(frozen=True, slots=True)
class Pair:
    """A file and its recording; ``differs`` if their lengths do."""

    sound: SoundFile
    waiting: Waiting
    rule: Rule
    differs: bool


@dataclass(frozen=True, slots=True)
class Unpaired:
    """A file that a person must look at, with the recordings that it may be of."""

    sound: SoundFile
    why: Left
    candidates: tuple[Waiting, ...] = ()


@dataclass(frozen=True, slots=True)
class TableRow:
    """What a table says of one recording: its file, by path or by SHA-256."""

    custom_id: str
    path: str = ""
    sha256: str = ""


Keys = Collection[str]


def pair(
    sounds: Sequence[SoundFile], waiting: Sequence[Waiting], table: Iterable[TableRow] = ()
) -> tuple[list[Pair], list[Unpaired]]:
    """Return the pairs, and the files without one."""
    stated: dict[str, set[str]] = defaultdict(set)
    for row in table:
        stated[_id(row.custom_id)] |= {_id(row.path), row.sha256.lower()} - {""}
    keys: dict[Rule, tuple[Callable[[SoundFile], Keys], Callable[[Waiting], Keys]]] = {
        Rule.TABLE: (
            lambda sound: {*_file_ids(sound), sound.sha256},
            lambda recording: {*stated.get(_id(recording.custom_id), ()), recording.sha256},
        ),
        Rule.CUSTOM_ID: (_file_ids, lambda recording: {_id(recording.custom_id)}),
        Rule.ISRC: (_isrcs, lambda recording: {recording.isrc}),
        Rule.NAME: (_names, _names_of),
        Rule.TAGS: (_tags, _tags_of),
    }
    edges = {
        rule: _edges(sounds, waiting, of_sound, of_waiting)
        for rule, (of_sound, of_waiting) in keys.items()
    }
    return _settle(sounds, edges)


Edges = dict[int, list[Waiting]]


def _settle(
    sounds: Sequence[SoundFile], edges: dict[Rule, Edges]
) -> tuple[list[Pair], list[Unpaired]]:
    pairs: list[Pair] = []
    unpaired: dict[int, Unpaired] = {}
    taken: set[int] = set()
    paired: set[str] = set()
    contested: set[str] = set()
    for rule, by_file in edges.items():
        fitting = {
            number: [
                recording
                for recording in candidates
                if rule in _SURE or _same_length(sounds[number], recording)
            ]
            for number, candidates in by_file.items()
            if number not in taken
        }
        claims: dict[str, int] = defaultdict(int)
        for candidates in fitting.values():
            for recording in candidates:
                claims[recording.uid] += 1
        for number, candidates in fitting.items():
            sound = sounds[number]
            if not candidates:
                unpaired[number] = Unpaired(sound, Left.LENGTH, tuple(by_file[number]))
                continue
            objections = [] if rule is Rule.TABLE else _objections(edges, sound, number, rule)
            free = candidates[0].uid not in paired | contested
            if len(candidates) + len(objections) > 1 or claims[candidates[0].uid] > 1:
                contested |= {candidate.uid for candidate in candidates}
                named = (*candidates, *objections)
                unpaired[number] = Unpaired(sound, Left.SEVERAL, named)
            elif free:
                recording = candidates[0]
                differs = not _same_length(sound, recording)
                pairs.append(Pair(sound, recording, rule, differs))
                paired.add(recording.uid)
                unpaired.pop(number, None)
            else:
                unpaired[number] = Unpaired(sound, Left.SEVERAL, tuple(candidates))
            taken.add(number)
    for number, sound in enumerate(sounds):
        if number not in taken and number not in unpaired:
            unpaired[number] = Unpaired(sound, Left.NOTHING)
    return pairs, [unpaired[number] for number in sorted(unpaired)]


_SURE: Final = frozenset({Rule.TABLE, Rule.CUSTOM_ID, Rule.ISRC})


def _objections(
    edges: dict[Rule, Edges], sound: SoundFile, number: int, rule: Rule
) -> list[Waiting]:
    """Return recordings that speak against those which a rule names.

    The file's id or ISRC may name more. Name or tags with the right length speak against
    them only if they name none of them: songs share titles.
    """
    named_uids = {recording.uid for recording in edges[rule][number]}
    against = [
        recording
        for sure in (Rule.CUSTOM_ID, Rule.ISRC)
        for recording in edges[sure].get(number, ())
        if recording.uid not in named_uids
    ]
    for unsure in (Rule.NAME, Rule.TAGS):
        named = edges[unsure].get(number, ())
        if named_uids.isdisjoint(recording.uid for recording in named):
            against += [recording for recording in named if _same_length(sound, recording)]
    return list({recording.uid: recording for recording in against}.values())


def _edges(
    sounds: Sequence[SoundFile],
    waiting: Sequence[Waiting],
    of_sound: Callable[[SoundFile], Keys],
    of_waiting: Callable[[Waiting], Keys],
) -> Edges:
    """Return the recordings that share a key with each file, by the file's number."""
    by_key: dict[str, list[Waiting]] = defaultdict(list)
    for recording in waiting:
        for key in set(of_waiting(recording)) - {""}:
            by_key[key].append(recording)
    edges: Edges = {}
    for number, sound in enumerate(sounds):
        named = {
            recording.uid: recording
            for key in set(of_sound(sound))
            for recording in by_key.get(key, ())
        }
        if named:
            edges[number] = list(named.values())
    return edges


def _same_length(sound: SoundFile, recording: Waiting) -> bool:
    if not sound.duration_ms or not recording.duration_ms:
        return False
    return abs(sound.duration_ms - recording.duration_ms) <= TOLERANCE_MS


def _id(text: str) -> str:
    """Return an id for comparison; letter case does not count, punctuation does."""
    return normalised(without_joiners(text), "NFKC").strip().casefold()


def _file_ids(sound: SoundFile) -> Keys:
    """Return the ids that a file may mean: its path, its name, that without suffix."""
    name = PurePosixPath(sound.path).name
    return {_id(sound.path), _id(name), _id(sound.stem)}


def _isrcs(sound: SoundFile) -> Keys:
    isrcs = [sound.tag("tsrc", "isrc"), *_ISRC.findall(sound.stem)]
    return {check_isrc(isrc[:40]).normalised for isrc in isrcs} - {""}


def _names(sound: SoundFile) -> Keys:
    stem = sound.stem
    return {compared(stem), compared(_TRACK_NUMBER.sub("", stem))} - {""}


def _names_of(recording: Waiting) -> Keys:
    names = {compared(recording.title)}
    for artist in {*recording.artists, "".join(recording.artists)}:
        names |= {compared(artist + recording.title), compared(recording.title + artist)}
    return names


def _tags(sound: SoundFile) -> Keys:
    title, artist = sound.tag("title", "tit2"), sound.tag("artist", "tpe1")
    if not compared(title) or not compared(artist):
        return ()
    return {f"{compared(title)}\0{compared(artist)}"}


def _tags_of(recording: Waiting) -> Keys:
    if not compared(recording.title):
        return ()
    artists = {*recording.artists, "".join(recording.artists)}
    return {
        f"{compared(recording.title)}\0{compared(artist)}" for artist in artists if compared(artist)
    }
