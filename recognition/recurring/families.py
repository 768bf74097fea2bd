"""Follow shared runs from one place of a sound to all others, and measure them there."""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from recognition.fingerprints.landmarks import select
from recognition.params import DEFAULT, Params
from recognition.recurring.join import MIN_MS, SharedSound
from recognition.recurring.sounds import Load
from recognition.search.candidates import NEARBY
from recognition.search.cascade import unexplained
from recognition.types import Landmarks
from recognition.verify.alignment import Alignment, Lead, QueryView
from recognition.verify.bends import chosen_with_drifts, meeting
from recognition.verify.extension import follow
from recognition.verify.segments import ScoringRun, joined

STEPS: Final = 4  # alignments that are composed one after another
PLACE_BITS: Final = 25.0
ABSENT_SHARE: Final = 0.2  # of the aligned landmarks; copies lack fewer
_SAME_ALIGNMENT: Final = 20  # frames
_SAME_TEMPO: Final = 0.005
# Milliseconds: runs that overlap by less may be neighbours whose ends reach too far.
_TOGETHER_MS: Final = 4_000


@dataclass(frozen=True, slots=True)
class Side:
    """An interval of a file, in frames."""

    file: int
    start: float
    end: float

    @property
    def length(self) -> float:
        """Length in frames."""
        return self.end - self.start

    def shared(self, other: Side) -> float:
        """Return how many frames both have, 0 or less if none."""
        if self.file != other.file:
            return 0.0
        return min(self.end, other.end) - max(self.start, other.start)


@dataclass(frozen=True, slots=True)
class Place:
    """An interval ``side`` that should hold the sound of the host along ``alignment``.

    ``alignment`` maps frames of the host's file to frames of the place's.
    """

    side: Side
    alignment: Alignment


@dataclass(frozen=True, slots=True)
class _Link:
    """One direction of a run."""

    here: Side
    there: Side
    alignment: Alignment


def sides(run: SharedSound, params: Params = DEFAULT) -> tuple[Side, Side]:
    """Return the two intervals of a run: of ``file`` and of ``other``."""
    ms = params.frame_ms
    return (
        Side(run.file, run.start_ms / ms, run.end_ms / ms),
        Side(run.other, run.other_start_ms / ms, run.other_end_ms / ms),
    )


def families(runs: Iterable[SharedSound], params: Params = DEFAULT) -> list[list[SharedSound]]:
    """Group runs that overlap in some file, directly or through others.

    Families and the runs of each are in order, whatever the order given.
    """
    ordered = sorted(runs)
    parent = list(range(len(ordered)))

    def root(place: int) -> int:
        while parent[place] != place:
            parent[place] = parent[parent[place]]
            place = parent[place]
        return place

    by_file: dict[int, list[tuple[float, float, int]]] = defaultdict(list)
    for number, run in enumerate(ordered):
        for side in sides(run, params):
            by_file[side.file].append((side.start, side.end, number))
    least = _TOGETHER_MS / params.frame_ms
    for intervals in by_file.values():
        intervals.sort()
        _, reach, last = intervals[0]
        for start, end, number in intervals[1:]:
            if min(end, reach) - start >= least:
                parent[root(number)] = root(last)
            if end > reach:
                reach, last = end, number
    grouped: dict[int, list[SharedSound]] = defaultdict(list)
    for number, run in enumerate(ordered):
        grouped[root(number)].append(run)
    return sorted(grouped.values())


def host_of(run: SharedSound, family: Sequence[SharedSound], params: Params = DEFAULT) -> Side:
    """Return the side of a run around which the family reaches furthest."""
    here = [_widen_side(side, family, params) for side in sides(run, params)]
    return min(here, key=lambda side: (-round(side.length), side.file, side.start))


def places_of(host: Side, family: Sequence[SharedSound], params: Params = DEFAULT) -> list[Place]:
    """Follow the runs onward from the host, longest first, and return all places.

    Each place is clipped to what it shares with the host, and the host is the first.
    Where two alignments reach one place, the longer run decides.
    """
    least = MIN_MS / params.frame_ms
    links = _links(family, params)
    start = Place(host, Alignment(1.0, 0.0, 0.0))
    waiting: list[tuple[float, int, int, Place]] = [(-host.length, 0, 0, start)]
    reached: list[Place] = []
    pushes = 0
    while waiting:
        _, _, steps, place = heapq.heappop(waiting)
        if any(_claims(earlier, place, least) for earlier in reached):
            continue
        reached.append(place)
        if steps == STEPS:
            continue
        for link in links[place.side.file]:
            if link.here.shared(place.side) < least:
                continue
            pushes += 1
            further = _further(place, link)
            heapq.heappush(waiting, (-further.side.length, pushes, steps + 1, further))
    return reached


def measured(
    host: Side, places: Sequence[Place], load: Load, params: Params = DEFAULT
) -> list[tuple[int, ScoringRun]]:
    """Follow the host at each place; return the file and the run of those that hold.

    What the composed runs say of ends does not count. The reference of each run are the
    host's landmarks, at their frames in the host's file.
    """
    landmarks = load(host.file).thinned
    inside = (landmarks.frames >= host.start) & (landmarks.frames <= host.end)
    reference = select(landmarks, inside)
    by_file: dict[int, list[Place]] = defaultdict(list)
    for place in places:
        by_file[place.side.file].append(place)
    runs: list[tuple[int, ScoringRun]] = []
    for file in sorted(by_file):
        view = load(file).view
        leads = [_lead(place) for place in by_file[file]]
        runs += [(file, run) for run in _runs_along(leads, view, reference, params)]
    return runs


def _runs_along(
    leads: Sequence[Lead], view: QueryView, reference: Landmarks, params: Params
) -> list[ScoringRun]:
    """Return the runs of the host along leads in a file, with their true ends."""
    runs: list[ScoringRun] = []

    def follow_all(leads: Sequence[Lead]) -> None:
        for lead in leads:
            for part in unexplained(lead, runs, view.n_frames, params):
                run = follow(view, reference, part, params)
                if run is not None and _is_reliable(run, params):
                    runs.append(run)

    follow_all(leads)
    best = chosen_with_drifts(runs, follow_all, params)
    return meeting(joined(best, params), params)


def _is_reliable(run: ScoringRun, params: Params) -> bool:
    if run.bits < PLACE_BITS or run.length * params.frame_ms < MIN_MS:
        return False
    return run.absent <= ABSENT_SHARE * run.aligned


def _lead(place: Place) -> Lead:
    window = int(place.side.start), int(place.side.end) + 1
    altered = abs(place.alignment.slope - 1) > _SAME_TEMPO
    nearby = (0.0,) if altered else NEARBY
    return Lead(0, place.alignment, window, 0, altered, nearby)


def _widen_side(side: Side, family: Sequence[SharedSound], params: Params) -> Side:
    """Return the interval that overlapping runs of the family cover around a side."""
    least = _TOGETHER_MS / params.frame_ms
    neighbours = [
        neighbour
        for run in family
        for neighbour in sides(run, params)
        if neighbour.file == side.file
    ]
    grown = True
    while grown:
        grown = False
        for neighbour in neighbours:
            beyond = neighbour.start < side.start or neighbour.end > side.end
            if beyond and side.shared(neighbour) >= min(least, side.length):
                side = replace(
                    side, start=min(side.start, neighbour.start), end=max(side.end, neighbour.end)
                )
                grown = True
    return side


def _links(family: Iterable[SharedSound], params: Params) -> dict[int, list[_Link]]:
    links: dict[int, list[_Link]] = defaultdict(list)
    for run in family:
        here, there = sides(run, params)
        alignment = run.alignment(params)
        back = Alignment(1 / alignment.slope, -alignment.offset / alignment.slope, -alignment.shift)
        links[here.file].append(_Link(here, there, back))
        links[there.file].append(_Link(there, here, alignment))
    return links


def _further(place: Place, link: _Link) -> Place:
    """Compose a place with a link onward, clipped to what both share."""
    start = max(place.side.start, link.here.start)
    end = min(place.side.end, link.here.end)
    first, then = place.alignment, link.alignment
    alignment = Alignment(
        then.slope * first.slope, then.offset + then.slope * first.offset, then.shift + first.shift
    )
    side = Side(link.there.file, then.query_frame(start), then.query_frame(end))
    return Place(side, alignment)


def _claims(reached: Place, place: Place, least: float) -> bool:
    """Return whether a place lies where another was reached.

    On the same alignment it counts only if it adds nothing of length.
    """
    common = reached.side.shared(place.side)
    if common <= 0:
        return False
    middle = (place.side.start + place.side.end) / 2
    host = place.alignment.reference_frame(middle)
    if abs(reached.alignment.query_frame(host) - middle) <= _SAME_ALIGNMENT:
        return place.side.length - common < least
    return common > place.side.length / 2
