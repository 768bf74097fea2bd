"""Turns links between recordings into groups. Plain values in, plain values out."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from catalogue.models import CodeStatus, Recording
from dedup.models import DuplicateKind

_LOSSLESS = frozenset({"flac", "alac", "wavpack", "ape", "tta", "truehd", "mlp"})
# The surer link first: the same bytes need no comparison.
_SURENESS = {DuplicateKind.EXACT_FILE: 0, DuplicateKind.SAME_AUDIO: 1}


@dataclass(frozen=True, slots=True)
class Link:
    """Two recordings, by primary key, that are the same sound."""

    one: int
    other: int
    kind: DuplicateKind


@dataclass(frozen=True, slots=True)
class Place:
    """A recording's place in a group; the canonical one has no link."""

    recording: int
    kind: str
    linked_to: int | None


Group: TypeAlias = tuple[Place, ...]
_Neighbours: TypeAlias = dict[int, dict[int, DuplicateKind]]


def groups(
    *, links: Iterable[Link], recordings: Mapping[int, Recording]
) -> list[Group]:
    """Return the connected groups, each with its canonical recording first.

    Links are followed outward from the canonical recording, the surer kind first,
    so that each member names the link that brought it in.
    """
    neighbours: _Neighbours = defaultdict(dict)
    for link in sorted(links, key=lambda link: -_SURENESS[link.kind]):
        neighbours[link.one][link.other] = link.kind
        neighbours[link.other][link.one] = link.kind
    found, placed = [], set[int]()
    for pk in sorted(neighbours, key=lambda pk: canonical_order(recordings[pk])):
        if pk not in placed:
            group = _reached_from(pk, neighbours)
            placed.update(place.recording for place in group)
            found.append(group)
    return found


def canonical_order(recording: Recording) -> tuple[object, ...]:
    """Return a key that sorts the recording that should stand for a group first.

    Valid ISRC, lossless, higher sample rate, longer, earlier, lower id.
    """
    facts = recording.facts
    codec = str(facts.get("codec", ""))
    lossless = codec in _LOSSLESS or codec.startswith("pcm_")
    return (
        recording.isrc_status != CodeStatus.VALID,
        not lossless,
        -int(facts.get("sample_rate") or 0),
        -recording.duration_ms,
        recording.created_at,
        recording.pk,
    )


def _reached_from(canonical: int, neighbours: _Neighbours) -> Group:
    places = {canonical: Place(canonical, "", None)}
    queue = deque([canonical])
    while queue:
        here = queue.popleft()
        onward = sorted(
            neighbours[here].items(), key=lambda item: (_SURENESS[item[1]], item[0])
        )
        for pk, kind in onward:
            if pk not in places:
                places[pk] = Place(pk, kind.value, here)
                queue.append(pk)
    first, *others = places.values()
    return (first, *sorted(others, key=lambda place: place.recording))
