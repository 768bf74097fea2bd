"""Turn links between recordings into groups, without database access."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TypeAlias

from django.utils.translation import gettext_lazy

from catalogue.models import CodeStatus, Recording
from dedup.merging import FIELDS
from dedup.models import DuplicateKind

_LOSSLESS = frozenset({"flac", "alac", "wavpack", "ape", "tta", "truehd", "mlp"})
# The surest kind first; the same bytes need no comparison.
_SURENESS = {
    DuplicateKind.EXACT_FILE: 0,
    DuplicateKind.SAME_AUDIO: 1,
    DuplicateKind.SAME_RECORDING: 2,
}


@dataclass(frozen=True, slots=True)
class LinkedPair:
    """Two recordings, by primary key, that belong together."""

    first: int
    second: int
    kind: DuplicateKind


@dataclass(frozen=True, slots=True)
class GroupPlace:
    """A recording's place in a group; the canonical recording has no link.

    Without the link of a ``bridge`` the group would fall apart.
    """

    recording: int
    kind: str
    linked_to: int | None
    bridge: bool = False


Group: TypeAlias = tuple[GroupPlace, ...]
_Neighbours: TypeAlias = dict[int, dict[int, DuplicateKind]]


def groups(
    *,
    links: Iterable[LinkedPair],
    recordings: Mapping[int, Recording],
    pinned: Collection[int] = (),
    uses: Mapping[int, int] | None = None,
) -> list[Group]:
    """Return the connected groups, each with its canonical recording first.

    ``uses`` holds the number of matches of each recording, by key.

    Links are followed outward from the canonical recording, the surest kind first, so
    that each member names the link that brought it in.
    """
    neighbours: _Neighbours = defaultdict(dict)
    # The surest kind last, so that it overwrites the others of a pair.
    for link in sorted(links, key=lambda link: -_SURENESS[link.kind]):
        neighbours[link.first][link.second] = link.kind
        neighbours[link.second][link.first] = link.kind

    def order(pk: int) -> tuple[object, ...]:
        used = (uses or {}).get(pk, 0)
        return (pk not in pinned, *canonical_order(recordings[pk], used))

    components, placed = [], set[int]()
    for pk in sorted(neighbours, key=order):
        if pk not in placed:
            group = _reached_from(pk, neighbours)
            placed.update(place.recording for place in group)
            components.append(_with_bridges(group, neighbours))
    return components


def reached(start: int, links: Iterable[LinkedPair]) -> set[int]:
    """Return all recordings that links connect with ``start``, including itself."""
    neighbours: _Neighbours = defaultdict(dict)
    for link in links:
        neighbours[link.first][link.second] = link.kind
        neighbours[link.second][link.first] = link.kind
    return _connected(start, neighbours, lambda *_: True)


def canonical_order(recording: Recording, uses: int = 0) -> tuple[object, ...]:
    """Return a sort key that puts the best canonical recording first.

    Metadata and matches come before the quality of the sound: merging keeps the record
    that people know, and all copies sound alike to the engine.
    """
    return (
        recording.isrc_status != CodeStatus.VALID,
        -sum(bool(getattr(recording, name)) for name in FIELDS),
        -uses,
        not is_lossless(recording),
        -int(recording.facts.get("sample_rate") or 0),
        -int(recording.facts.get("bit_depth") or 0),
        -recording.duration_ms,
        recording.created_at,
        recording.pk,
    )


_RULES = (
    gettext_lazy("it has a valid ISRC"),
    gettext_lazy("more of its metadata is known"),
    gettext_lazy("it has more matches"),
    gettext_lazy("its audio is lossless"),
    gettext_lazy("its sample rate is higher"),
    gettext_lazy("its samples have more bits"),
    gettext_lazy("it is longer"),
    gettext_lazy("it was added earlier"),
    gettext_lazy("it has the lower number"),
)


def why_canonical(
    canonical: Recording, members: Iterable[Recording], uses: Mapping[int, int] | None = None
) -> str:
    """Return the rule that puts a recording before the next best one."""
    used = uses or {}
    first = canonical_order(canonical, used.get(canonical.pk, 0))
    runners_up = sorted(canonical_order(member, used.get(member.pk, 0)) for member in members)
    if not runners_up or runners_up[0] < first:
        return ""
    place = next(n for n, (a, b) in enumerate(zip(first, runners_up[0], strict=True)) if a != b)
    return str(_RULES[place])


def is_lossless(recording: Recording) -> bool:
    """Return whether the audio was stored without loss."""
    codec = str(recording.facts.get("codec", ""))
    return codec in _LOSSLESS or codec.startswith("pcm_")


def _with_bridges(group: Group, neighbours: _Neighbours) -> Group:
    """Mark members whose link alone connects others to the group.

    Copies of one file count as one. A pair has no bridge.
    """
    files = {
        frozenset(
            _connected(
                place.recording, neighbours, lambda kind, *_ends: kind == DuplicateKind.EXACT_FILE
            )
        )
        for place in group
    }
    # With two sounds every link is the only one.
    if len(files) < 3:
        return group
    return tuple(replace(place, bridge=_holds_alone(place, neighbours)) for place in group)


def _holds_alone(place: GroupPlace, neighbours: _Neighbours) -> bool:
    if place.linked_to is None or place.kind == DuplicateKind.EXACT_FILE:
        return False
    ends = {place.recording, place.linked_to}
    reached = _connected(place.recording, neighbours, lambda _kind, a, b: {a, b} != ends)
    return place.linked_to not in reached


def _connected(
    start: int, neighbours: _Neighbours, follows: Callable[[DuplicateKind, int, int], bool]
) -> set[int]:
    reached, queue = {start}, deque([start])
    while queue:
        here = queue.popleft()
        for pk, kind in neighbours[here].items():
            if pk not in reached and follows(kind, here, pk):
                reached.add(pk)
                queue.append(pk)
    return reached


def _reached_from(canonical: int, neighbours: _Neighbours) -> Group:
    places = {canonical: GroupPlace(canonical, "", None)}
    queue = deque([canonical])
    while queue:
        here = queue.popleft()
        onward = sorted(neighbours[here].items(), key=lambda item: (_SURENESS[item[1]], item[0]))
        for pk, kind in onward:
            if pk not in places:
                places[pk] = GroupPlace(pk, kind.value, here)
                queue.append(pk)
    first, *members = places.values()
    return (first, *sorted(members, key=lambda place: place.recording))
