"""Make unknown items of shared runs: one recording each, its best copy, its occurrences."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Final

from recognition.params import DEFAULT, Params
from recognition.recurring.families import Side, families, host_of, measured, places_of, sides
from recognition.recurring.join import SharedSound
from recognition.recurring.pieces import Part, Piece, pieces
from recognition.recurring.sounds import Load
from recognition.types import Landmarks
from recognition.verify.calibration import e_value, score_of

LEAST_MS: Final = 4_500
# An occurrence is another item's if so much of it lies inside that item's.
INSIDE: Final = 0.6
_COMPLETE_MS: Final = 1_000
_SPEECH_STEPS: Final = 10


@dataclass(frozen=True, slots=True)
class FoundOccurrence:
    """Where an item sounds in a file, in milliseconds of the file and of the item.

    ``tempo_ratio`` is how fast it plays the item's best copy, ``pitch_cents`` how much
    higher it sounds. ``score`` is 0–100, as of a match in a catalogue of one hour.
    """

    file: int
    start_ms: int
    end_ms: int
    item_start_ms: int
    item_end_ms: int
    tempo_ratio: float
    pitch_cents: float
    bits: float
    score: float

    @property
    def length_ms(self) -> int:
        """Length in the file."""
        return self.end_ms - self.start_ms


@dataclass(frozen=True, slots=True)
class Item:
    """Unknown sound that occurs at least twice.

    ``best`` is the occurrence to listen to and to search with. The item's time begins
    where its earliest part does and runs at the tempo of the best copy. ``occurrences``
    are in order of file and time; ``best`` is one of them.
    """

    length_ms: int
    best: FoundOccurrence
    occurrences: tuple[FoundOccurrence, ...]

    @property
    def weight(self) -> int:
        """Count × length, by which people are shown items first."""
        return len(self.occurrences) * self.length_ms

    def landmarks(self, load: Load) -> Landmarks:
        """Return the best copy's landmarks, to index and to search the item by."""
        return load(self.best.file).landmarks((self.best.start_ms, self.best.end_ms))

    def without(self, file: int) -> Item | None:
        """Return the item without a file's occurrences; None if fewer than two remain.

        If the best copy goes, the most complete of the others takes its place.
        """
        occurrences = tuple(
            occurrence for occurrence in self.occurrences if occurrence.file != file
        )
        if len(occurrences) < 2:
            return None
        best = self.best if self.best in occurrences else max(occurrences, key=fullest)
        return Item(self.length_ms, best, occurrences)


def items_of(
    runs: Iterable[SharedSound],
    *,
    load: Load,
    around: Collection[SharedSound] | None = None,
    params: Params = DEFAULT,
) -> tuple[Item, ...]:
    """Return the items that runs show, most count × length first.

    ``runs`` are all runs. With ``around``, some of them, only the items that these are
    part of are returned: after a new file its runs suffice (``renewal.renewed``).
    """
    selection = None if around is None else set(around)
    items = [
        _item(piece, load, params)
        for family in families(runs, params)
        if selection is None or not selection.isdisjoint(family)
        for piece in _family_pieces(family, selection, load, params)
    ]
    return explained_once(items)


def explained_once(items: Iterable[Item]) -> tuple[Item, ...]:
    """Return the items without occurrences that lie inside those of a longer one.

    An item that keeps fewer than two is dropped. The result is in order of weight.
    """
    return tuple(item for _, item in explained([*items]))


def explained(
    items: Sequence[Item], claimed: Iterable[FoundOccurrence] = ()
) -> list[tuple[int, Item]]:
    """Return what ``explained_once`` keeps, with the number of each item given.

    What lies inside the ``claimed`` occurrences belongs to none of these items.
    """
    numbered: list[tuple[int, Item]] = []
    taken: dict[int, list[FoundOccurrence]] = {}
    for occurrence in claimed:
        taken.setdefault(occurrence.file, []).append(occurrence)
    ordered = sorted(
        enumerate(items), key=lambda pair: (-pair[1].length_ms, place_of(pair[1].best))
    )
    for number, item in ordered:
        free = distinct(
            occurrence
            for occurrence in item.occurrences
            if not is_inside(occurrence, taken, INSIDE)
        )
        if len(free) < 2 or item.length_ms < LEAST_MS:
            continue
        best = item.best if item.best in free else max(free, key=fullest)
        numbered.append((number, Item(item.length_ms, best, free)))
        for occurrence in free:
            taken.setdefault(occurrence.file, []).append(occurrence)
    return sorted(numbered, key=lambda pair: (-pair[1].weight, place_of(pair[1].best)))


def distinct(occurrences: Iterable[FoundOccurrence]) -> tuple[FoundOccurrence, ...]:
    """Return an item's occurrences without those that lie inside a longer one of it.

    A search finds more of a sound than was known of it, or the same sound twice in what
    repeats itself. No two that stay begin at the same time.
    """
    outermost: list[FoundOccurrence] = []
    taken: dict[int, list[FoundOccurrence]] = {}
    for occurrence in sorted(
        occurrences, key=lambda occurrence: (-occurrence.length_ms, place_of(occurrence))
    ):
        if not is_inside(occurrence, taken, INSIDE):
            outermost.append(occurrence)
            taken.setdefault(occurrence.file, []).append(occurrence)
    return tuple(sorted(outermost, key=place_of))


def place_of(occurrence: FoundOccurrence) -> tuple[int, int]:
    """Return file and start, by which occurrences are ordered."""
    return occurrence.file, occurrence.start_ms


def fullest(occurrence: FoundOccurrence) -> tuple[int, int, int]:
    """Return a key by which the most complete occurrence is the greatest."""
    length = occurrence.item_end_ms - occurrence.item_start_ms
    return length, -occurrence.file, -occurrence.start_ms


def is_inside(
    occurrence: FoundOccurrence, taken: dict[int, list[FoundOccurrence]], share: float
) -> bool:
    """Return whether a share of an occurrence lies inside the occurrences taken."""
    within = sum(
        max(0, min(occurrence.end_ms, longer.end_ms) - max(occurrence.start_ms, longer.start_ms))
        for longer in taken.get(occurrence.file, ())
    )
    return within >= share * occurrence.length_ms


def _family_pieces(
    family: Sequence[SharedSound],
    selection: Collection[SharedSound] | None,
    load: Load,
    params: Params,
) -> list[Piece]:
    """Measure around one host after the other until every run asked is explained."""
    family_pieces: list[Piece] = []
    explained: list[Side] = []
    for run in sorted(family, key=lambda run: (-run.length_ms, run)):
        if selection is not None and run not in selection:
            continue
        if all(_is_explained(side, explained) for side in sides(run, params)):
            continue
        host = host_of(run, family, params)
        runs = measured(host, places_of(host, family, params), load, params)
        family_pieces += pieces(host, runs, params)
        explained += [host, *(Side(file, *run.query_span) for file, run in runs)]
    return family_pieces


def _is_explained(side: Side, explained: Iterable[Side]) -> bool:
    return any(side.shared(neighbour) >= INSIDE * side.length for neighbour in explained)


def _item(piece: Piece, load: Load, params: Params) -> Item:
    """Return the item of a piece, on the time axis of its best copy."""
    best = _best(piece, load, params)
    occurrences = [_occurrence(part, piece, best, params) for part in piece.parts]
    length = round(piece.length * best.alignment.slope * params.frame_ms)
    return Item(
        length, occurrences[piece.parts.index(best)], tuple(sorted(occurrences, key=place_of))
    )


def _best(piece: Piece, load: Load, params: Params) -> Part:
    """Return the copy that is complete, has least speech, usual speed and most bits."""
    reach = _COMPLETE_MS / params.frame_ms
    usual = median(part.alignment.slope for part in piece.parts)

    def lacks(part: Part) -> float:
        return max(0.0, part.start - piece.start) + max(0.0, piece.end - part.end)

    def rank(part: Part) -> tuple[float, ...]:
        ms = params.frame_ms
        span = round(part.side.start * ms), round(part.side.end * ms)
        share = load(part.side.file).speech(span, params).speech_share(0, span[1] - span[0])
        return (
            round(share.least * _SPEECH_STEPS) if share is not None else 0,
            round(abs(part.alignment.slope - usual), 3),
            -part.bits,
            part.side.file,
            part.side.start,
        )

    complete = [part for part in piece.parts if lacks(part) <= 2 * reach]
    return min(complete or [min(piece.parts, key=lacks)], key=rank)


def _occurrence(part: Part, piece: Piece, best: Part, params: Params) -> FoundOccurrence:
    ms, slope = params.frame_ms, best.alignment.slope
    cents = (part.alignment.shift - best.alignment.shift) * 1200 / params.bins_per_octave
    return FoundOccurrence(
        file=part.side.file,
        start_ms=max(0, round(part.side.start * ms)),
        end_ms=round(part.side.end * ms),
        item_start_ms=max(0, round((part.start - piece.start) * slope * ms)),
        item_end_ms=round((part.end - piece.start) * slope * ms),
        tempo_ratio=round(slope / part.alignment.slope, 4),
        pitch_cents=round(cents, 1),
        bits=round(part.bits, 2),
        score=score_of(e_value(part.bits, 1.0, params)),
    )
