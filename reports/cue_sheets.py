"""Cue sheets: all music in a file in order, including unknown music."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import PurePosixPath
from typing import TypeVar

from django.utils.text import slugify
from django.utils.translation import gettext as _

from base.common.phrases import lowered
from reports.cue_arrangement import arranged
from reports.cue_questions import Question, questions_between, spoken_entries
from reports.cues import Cue, CueStatus, Usage
from reports.models import CueEntry, EntryKind, SheetEdit
from reports.plays import plays_of
from review import intervals
from review.counting import is_mostly_speech
from review.intervals import Interval
from review.models import Match
from review.programmes.choices import CueUse
from review.programmes.models import MusicUse
from review.programmes.selectors import uses_in
from review.timeline import Kind, Occurs, Timeline, timelines
from review.timeline.division import NO_TIMELINE
from scanning.choices import FileStatus
from scanning.models import ScannedFile

UNKNOWN_MS = 5_000
"""Shorter intervals without a match are not listed."""

SCANNED = (FileStatus.READY, FileStatus.NO_MATCH)


_OF_PIECES = {
    Kind.ITEM: CueStatus.UNKNOWN,
    Kind.SUPPRESSED: CueStatus.SUPPRESSED,
    Kind.REJECTED: CueStatus.UNKNOWN,
    Kind.UNKNOWN: CueStatus.UNKNOWN,
    Kind.NOT_SCANNED: CueStatus.NOT_SCANNED,
    Kind.NOT_DECODED: CueStatus.NOT_DECODED,
}


_OF_ENTRIES = {EntryKind.MUSIC: CueStatus.ENTERED, EntryKind.UNKNOWN: CueStatus.UNKNOWN}


Row = TypeVar("Row", CueEntry, MusicUse, SheetEdit)


class NotScanned(Exception):
    """The file has no finished scan, so its music is unknown."""


@dataclass(frozen=True, slots=True)
class CueSheet:
    """The cues of a file, in order, and the timeline that they come from.

    ``idle`` are the edits that change nothing, because their cue is no longer there.
    """

    file: ScannedFile
    cues: Sequence[Cue]
    timeline: Timeline = NO_TIMELINE
    idle: Sequence[SheetEdit] = ()

    @property
    def name(self) -> str:
        """Return the base name of its files."""
        programme = slugify(self.file.programme or PurePosixPath(self.file.name).stem)
        return f"cue-sheet-{programme[:80].strip('-') or self.file.uid.hex[:12]}"

    @property
    def unknown(self) -> int:
        """Return the number of cues whose music nobody has named."""
        return sum(cue.match is None and cue.status != CueStatus.ENTERED for cue in self.cues)


@dataclass(frozen=True, slots=True)
class _Entry:
    """A cue before it is numbered."""

    counted: Sequence[Interval]
    match: Match | None
    speech_pct: float | None
    status: str
    item: Occurs | None = None
    entry: CueEntry | None = None
    unclaimed: Sequence[Match] = ()

    @property
    def order(self) -> tuple[int, int, str]:
        """Return by what entries are sorted."""
        start, end = self.counted[0][0], self.counted[-1][1]
        return start, end, self.match.uid if self.match else ""


def cue_sheet(*, file: ScannedFile) -> CueSheet:
    """Return the cue sheet for the current matches; raise ``NotScanned``."""
    if file.status not in SCANNED:
        raise NotScanned(
            _("%(name)s is not scanned (%(state)s). A cue sheet needs a finished scan.")
            % {"name": file.name, "state": lowered(file.get_status_display())}
        )
    return listed_cues(file)


def listed_cues(file: ScannedFile) -> CueSheet:
    """Return the cue sheet for the current matches, also while a scan runs."""
    return listed_sheets([file])[file.pk]


def listed_sheets(files: Collection[ScannedFile]) -> dict[int, CueSheet]:
    """Return the cue sheets of files by key, with a fixed number of queries."""
    lines, keys = timelines(files), [file.pk for file in files]
    entries = _by_file(spoken_entries().filter(scanned_file__in=keys))
    uses = _by_file(uses_in(keys))
    edits = _by_file(SheetEdit.objects.filter(scanned_file__in=keys))
    return {
        file.pk: _sheet_of(file, lines[file.pk], entries[file.pk], uses[file.pk], edits[file.pk])
        for file in files
    }


def _by_file(rows: Iterable[Row]) -> Mapping[int, list[Row]]:
    by_file: dict[int, list[Row]] = defaultdict(list)
    for row in rows:
        by_file[row.scanned_file_id].append(row)
    return by_file


def _sheet_of(
    file: ScannedFile,
    line: Timeline,
    entered: Sequence[CueEntry],
    music_uses: Iterable[MusicUse],
    edits: Iterable[SheetEdit],
) -> CueSheet:
    stated = _sounds_in(entered, line.matches)
    entries = [
        *(entry for match in line.matches for entry in _entries_of(match, stated)),
        *_without_recording(line),
        *stated.sounds(),
    ]
    uses = {use.recording_id: use for use in music_uses}
    cues = [_cue(entry, uses, stated) for entry in sorted(entries, key=lambda entry: entry.order)]
    arranged_cues, idle = arranged(cues, edits)
    numbered = [replace(cue, number=number) for number, cue in enumerate(arranged_cues, start=1)]
    return CueSheet(file, numbered, line, idle)


def _cue(entry: _Entry, uses: Mapping[int, MusicUse], stated: _StatedSounds) -> Cue:
    """Return a cue without its number, with the use that people said."""
    use: MusicUse | CueEntry | None = entry.entry
    if entry.match is not None:
        use = uses.get(entry.match.recording_id)
    return Cue(
        number=0,
        counted=entry.counted,
        match=entry.match,
        usage=_usage(entry),
        status=entry.status,
        item=entry.item,
        entry=entry.entry,
        unclaimed=entry.unclaimed,
        use=use.use if use else "",
        origin=use.origin if use else "",
        questions=[question for question in stated.questions if _shows(entry, question)],
    )


def _shows(cue: _Entry, question: Question) -> bool:
    """Return whether a cue is the one line of a question."""
    if question.entry.kind != EntryKind.NO_MUSIC:
        return cue.entry == question.entry
    start, end = question.entry.interval
    overlaps = cue.counted[0][0] < end and cue.counted[-1][1] > start
    return cue.match == question.match and overlaps


@dataclass(frozen=True, slots=True)
class _StatedSounds:
    """What people entered, what is left of each entry, and what matches ask about them."""

    uncovered: Sequence[tuple[CueEntry, Sequence[Interval]]]
    questions: Sequence[Question]

    def sounds(self) -> Iterator[_Entry]:
        """Yield the music that people named, and what they call unknown music."""
        for entry, uncovered in self.uncovered:
            if uncovered and entry.kind in _OF_ENTRIES:
                status = _OF_ENTRIES[EntryKind(entry.kind)]
                yield _Entry(uncovered, None, None, status, entry=entry)

    def instead_of(self, match: Match) -> list[Interval]:
        """Return where the sheet shows an entry until the match's question is answered."""
        return [
            question.entry.interval
            for question in self.questions
            if question.match == match and question.entry.kind != EntryKind.NO_MUSIC
        ]


def _sounds_in(entries: Sequence[CueEntry], matches: Sequence[Match]) -> _StatedSounds:
    """Return what people entered.

    A match comes before an entry about which it does not ask, and the entry keeps the
    rest.
    """
    heard = [match for match in matches if match.is_heard]
    questions = questions_between([(match, match.tally.heard) for match in heard], entries)
    pairs = {(question.entry.pk, question.match.pk) for question in questions}
    uncovered = [
        (
            entry,
            intervals.without(
                [entry.interval],
                [
                    interval
                    for match in heard
                    if (entry.pk, match.pk) not in pairs
                    for interval in match.tally.counted
                ],
            ),
        )
        for entry in entries
    ]
    return _StatedSounds(uncovered, questions)


def _entries_of(match: Match, stated: _StatedSounds) -> Iterator[_Entry]:
    """Yield the plays of a match that is heard, and what exclusions take from it."""
    if not match.is_heard:
        return
    taken = stated.instead_of(match)
    for play in plays_of(match.segments):
        counted = play.counted(match.tally)
        parts = [
            (start, end)
            for start, end in intervals.without(counted, taken)
            if end - start >= UNKNOWN_MS or (start, end) in counted
        ]
        if parts:
            yield _Entry(parts, match, play.speech_pct, match.state)
        for interval in play.excluded(match.tally):
            yield _Entry([interval], match, play.speech_pct, CueStatus.EXCLUDED)


def _without_recording(line: Timeline) -> Iterator[_Entry]:
    """Yield sound without a recording that the sheet may name, and without an entry."""
    for piece in line.of(*_OF_PIECES):
        status: str = _OF_PIECES[piece.kind]
        if status == CueStatus.SUPPRESSED and any(match.wholly_excluded for match in piece.matches):
            status = CueStatus.EXCLUDED
        if piece.entry:
            continue
        if piece.length_ms >= UNKNOWN_MS or status == CueStatus.EXCLUDED:
            yield _Entry(
                [(piece.start_ms, piece.end_ms)],
                None,
                piece.speech_pct,
                status,
                piece.item,
                unclaimed=piece.matches,
            )


def _usage(entry: _Entry) -> Usage | None:
    if entry.entry is None:
        return usage_of(entry.speech_pct, entry.match)
    if not entry.entry.use:
        return None
    is_background = entry.entry.use == CueUse.BACKGROUND
    return Usage.BACKGROUND if is_background else Usage.FEATURED


def usage_of(speech_pct: float | None, match: Match | None = None) -> Usage | None:
    """Return how music is used: what a person heard, else by the estimate of speech."""
    if match is not None and match.speech_checked:
        return Usage.BACKGROUND if match.under_speech else Usage.FEATURED
    if speech_pct is None:
        return None
    return Usage.BACKGROUND if is_mostly_speech(speech_pct) else Usage.FEATURED
