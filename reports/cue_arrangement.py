"""Arranges the cues of a sheet as people want them: moved, merged, split."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from reports.cues import Cue, CueStatus
from reports.models import EditKind, SheetEdit
from review import intervals

_MOST_DIGITS: Final = 10
_NO_MUSIC: Final[frozenset[str]] = frozenset(
    {CueStatus.EXCLUDED, CueStatus.SUPPRESSED, CueStatus.NOT_SCANNED, CueStatus.NOT_DECODED}
)


@dataclass(frozen=True, slots=True)
class CuePlace:
    """What a cue is, and when it sounds."""

    subject: str
    start_ms: int
    end_ms: int

    @classmethod
    def of(cls, cue: Cue) -> CuePlace:
        """Return the place of a cue."""
        return cls(cue.subject, cue.start_ms, cue.end_ms)

    @classmethod
    def read(cls, name: str) -> CuePlace | None:
        """Return the place that the name of a cue says; None for other text."""
        subject, *ends = name.split("|")
        if len(ends) != 2 or not all(
            end.isascii() and end.isdigit() and len(end) <= _MOST_DIGITS for end in ends
        ):
            return None
        return cls(subject, int(ends[0]), int(ends[1]))


def arranged(cues: Sequence[Cue], edits: Iterable[SheetEdit]) -> tuple[list[Cue], list[SheetEdit]]:
    """Return the cues after all edits, and the edits that change nothing."""
    ordered, idle = list(cues), []
    for edit in edits:
        if not _APPLY[EditKind(edit.kind)](ordered, edit):
            idle.append(edit)
    return ordered, idle


def can_merge(first: Cue, second: Cue) -> bool:
    """Tell whether two cues may be one: the same music, or one of them unknown."""
    if not _NO_MUSIC.isdisjoint({first.status, second.status}):
        return False
    if CueStatus.UNKNOWN in {first.status, second.status}:
        return True
    return _music_of(first) == _music_of(second)


def _music_of(cue: Cue) -> object:
    if cue.recording is not None:
        return cue.recording.pk
    return (cue.title.casefold(), tuple(cue.entry.performers) if cue.entry else ())


def _move(cues: list[Cue], edit: SheetEdit) -> bool:
    at = _nearest(cues, _place(edit))
    before = _nearest(cues, _other_place(edit)) if edit.other_subject else -1
    if at is None or before is None or at in {before, before + 1}:
        return False
    cue = cues.pop(at)
    cues.insert(before + 1 if before < at else before, cue)
    return True


def _merge(cues: list[Cue], edit: SheetEdit) -> bool:
    first_at = _nearest(cues, _place(edit))
    second_at = _nearest(cues, _other_place(edit))
    if first_at is None or second_at is None or first_at == second_at:
        return False
    first, second = cues[first_at], cues[second_at]
    if not can_merge(first, second):
        return False
    # Known music stays where the other cue is unknown.
    merged = max(first, second, key=lambda cue: (cue.status != "unknown", bool(cue.item)))
    cues[first_at] = replace(
        merged,
        counted=intervals.union([*first.counted, *second.counted]),
        # A match that asks is on the sheet by its question alone.
        questions=[*first.questions, *second.questions],
    )
    del cues[second_at]
    return True


def _split_cue(cues: list[Cue], edit: SheetEdit) -> bool:
    at, place = _nearest(cues, _place(edit)), edit.at_ms
    if at is None or place is None:
        return False
    cue = cues[at]
    before = intervals.without(cue.counted, [(place, max(place, cue.end_ms) + 1)])
    after = intervals.without(cue.counted, [(0, place)])
    if not before or not after:
        return False
    cues[at : at + 1] = [replace(cue, counted=part) for part in (before, after)]
    return True


_APPLY: Final[Mapping[EditKind, Callable[[list[Cue], SheetEdit], bool]]] = {
    EditKind.MOVE: _move,
    EditKind.MERGE: _merge,
    EditKind.SPLIT: _split_cue,
}


def _place(edit: SheetEdit) -> CuePlace:
    return CuePlace(edit.subject, edit.start_ms, edit.end_ms)


def _other_place(edit: SheetEdit) -> CuePlace:
    return CuePlace(edit.other_subject, edit.other_start_ms or 0, edit.other_end_ms or 0)


def _nearest(cues: Sequence[Cue], place: CuePlace) -> int | None:
    """Return the number of the cue of the same subject that fills most of a place.

    Of several that fill it alike, the shortest is the one that people saw there.
    """
    best, most = None, (0, 0)
    for number, cue in enumerate(cues):
        if cue.subject == place.subject:
            shared = min(cue.end_ms, place.end_ms) - max(cue.start_ms, place.start_ms)
            fit = (shared, cue.start_ms - cue.end_ms)
            if shared > 0 and (best is None or fit > most):
                best, most = number, fit
    return best
