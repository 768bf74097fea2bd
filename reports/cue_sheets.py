"""Cue sheets: all music in a file in order, including unknown music."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import PurePosixPath

from django.utils.text import slugify
from django.utils.translation import gettext as _

from accounts.reach import seen_buckets, working_for
from common.words import lowered
from programmes.choices import CueUse
from programmes.models import MusicUse
from programmes.selectors import uses_of
from reports.cue_arrangement import arranged
from reports.cue_questions import Question, questions_between, spoken_entries
from reports.cues import Cue, CueStatus, Usage
from reports.divisions import division_of
from reports.models import CueEntry, EntryKind, SheetEdit
from reports.plays import plays_of
from review import selectors as review_selectors
from review.choices import MatchState
from review.counting import (
    NO_DIVISION,
    Division,
    Occurs,
    SoundKind,
    is_mostly_speech,
)
from review.models import Match
from review.services import intervals
from review.services.intervals import Interval
from scanning.choices import FileStatus
from scanning.models import ScannedFile

UNKNOWN_MS = 5_000
"""Shorter intervals without a match are not listed."""

_SCANNED = (FileStatus.READY, FileStatus.NO_MATCH)


_OF_PIECES = {
    SoundKind.ITEM: CueStatus.UNKNOWN,
    SoundKind.UNKNOWN: CueStatus.UNKNOWN,
    SoundKind.NOT_CLAIMED: CueStatus.UNKNOWN,
    SoundKind.NOT_SCANNED: CueStatus.NOT_SCANNED,
    SoundKind.NOT_DECODED: CueStatus.NOT_DECODED,
}


class NotScanned(Exception):
    """The file has no finished scan, so its music is unknown."""


@dataclass(frozen=True, slots=True)
class CueSheet:
    """The cues of a file, in order, and the division that they come from.

    ``idle`` are the edits that change nothing, because their cue is no longer there;
    ``matches`` are the live matches that the viewer may see, filled by
    ``with_segments``, in file order.
    """

    file: ScannedFile
    cues: Sequence[Cue]
    division: Division = NO_DIVISION
    idle: Sequence[SheetEdit] = ()
    matches: Sequence[Match] = ()

    @property
    def name(self) -> str:
        """Return the base name of its files."""
        programme = slugify(self.file.programme or PurePosixPath(self.file.name).stem)
        return f"cue-sheet-{programme[:80].strip('-') or self.file.uid.hex[:12]}"

    @property
    def unknown(self) -> int:
        """Return the number of cues whose music nobody has named."""
        return sum(
            cue.match is None and cue.status != CueStatus.ENTERED for cue in self.cues
        )


@dataclass(frozen=True, slots=True)
class _Entry:
    """A cue before it is numbered."""

    counted: Sequence[Interval]
    match: Match | None
    speech_pct: float | None
    status: str
    item: Occurs | None = None
    entry: CueEntry | None = None

    @property
    def order(self) -> tuple[int, int, str]:
        """Return by what entries are sorted."""
        start, end = self.counted[0][0], self.counted[-1][1]
        return start, end, self.match.uid if self.match else ""


def cue_sheet(*, file: ScannedFile) -> CueSheet:
    """Return the cue sheet for the current matches; raise ``NotScanned``."""
    if file.status not in _SCANNED:
        raise NotScanned(
            _("%(name)s is not scanned (%(state)s). A cue sheet needs a finished scan.")
            % {"name": file.name, "state": lowered(file.get_status_display())}
        )
    return listed_cues(file)


def listed_cues(file: ScannedFile) -> CueSheet:
    """Return the cue sheet for the current matches, also while a scan runs."""
    matches, hidden = _matches_of(file)
    division = division_of(file, [*matches, *hidden])
    said = _said_in(file, matches, hidden)
    entries = [
        *(entry for match in matches for entry in _entries_of(match, said)),
        *_after_entries(_without_recording(division, matches, hidden), said),
        *said.music(),
    ]
    uses = {use.recording_id: use for use in uses_of(file)}
    cues = [
        _cue(entry, uses, said)
        for entry in sorted(entries, key=lambda each: each.order)
    ]
    edits = SheetEdit.objects.filter(scanned_file=file)
    listed, idle = arranged(cues, edits)
    numbered = [
        replace(cue, number=number) for number, cue in enumerate(listed, start=1)
    ]
    return CueSheet(file, numbered, division, idle, matches)


def _cue(entry: _Entry, uses: Mapping[int, MusicUse], said: _Said) -> Cue:
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
        use=use.use if use else "",
        origin=use.origin if use else "",
        questions=[each for each in said.questions if _shows(entry, each)],
    )


def _shows(cue: _Entry, question: Question) -> bool:
    """Return whether a cue is the one line of a question."""
    if question.entry.kind != EntryKind.NO_MUSIC:
        return cue.entry == question.entry
    start, end = question.entry.interval
    overlaps = cue.counted[0][0] < end and cue.counted[-1][1] > start
    return cue.match == question.match and overlaps


def _matches_of(file: ScannedFile) -> tuple[list[Match], list[Match]]:
    """Return the file's matches, and those in buckets hidden from the viewer.

    A hidden match still fills its interval, or the sheet would deny the music.
    """
    live = Match.objects.filter(scanned_file=file)
    matches = review_selectors.with_segments(
        live.select_related("recording").order_by("first_start_ms", "pk")
    )
    for match in matches:
        # Rows read the file and its container, and would load them for each match.
        match.scanned_file = file
    seen = seen_buckets()
    if seen is None:
        return matches, []
    with working_for(None):
        rows = Match.objects.filter(scanned_file=file)
        hidden = rows.exclude(recording__bucket__in=seen)
        return matches, review_selectors.with_segments(hidden.order_by("pk"))


@dataclass(frozen=True, slots=True)
class _Said:
    """What people entered, what is left of each entry, and what matches ask about them.

    ``questions`` are those of matches that the viewer may see.
    """

    left: Sequence[tuple[CueEntry, Sequence[Interval]]]
    asked: Sequence[Question]
    questions: Sequence[Question]

    def music(self) -> Iterator[_Entry]:
        """Yield the music that people named."""
        for entry, left in self.left:
            if entry.kind == EntryKind.MUSIC and left:
                yield _Entry(left, None, None, CueStatus.ENTERED, entry=entry)

    def instead_of(self, match: Match) -> list[Interval]:
        """Return where the sheet shows an entry until the match's question is answered."""
        return [
            each.entry.interval
            for each in self.asked
            if each.match == match and each.entry.kind != EntryKind.NO_MUSIC
        ]


def _said_in(
    file: ScannedFile, matches: Sequence[Match], hidden: Sequence[Match]
) -> _Said:
    """Return what people entered.

    A match comes before an entry about which it does not ask, and the entry keeps the
    rest.
    """
    entries = list(spoken_entries().filter(scanned_file=file))
    heard = [match for match in (*matches, *hidden) if match.is_heard]
    asked = questions_between([(match, match.tally.heard) for match in heard], entries)
    pairs = {(each.entry.pk, each.match.pk) for each in asked}
    left = [
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
    return _Said(left, asked, [each for each in asked if each.match in matches])


def _entries_of(match: Match, said: _Said) -> Iterator[_Entry]:
    """Yield the plays of a match that is heard, and what exclusions take from it."""
    if not match.is_heard:
        return
    taken = said.instead_of(match)
    for play in plays_of(match.segments):
        counted = play.counted(match.tally)
        rest = [
            (start, end)
            for start, end in intervals.without(counted, taken)
            if end - start >= UNKNOWN_MS or (start, end) in counted
        ]
        if rest:
            yield _Entry(rest, match, play.speech_pct, match.state)
        for interval in play.excluded(match.tally):
            yield _Entry([interval], match, play.speech_pct, CueStatus.EXCLUDED)


def _without_recording(
    division: Division, matches: Sequence[Match], hidden: Sequence[Match]
) -> Iterator[_Entry]:
    """Yield sound without a recording that the sheet may name."""
    suppressed = {match.pk for match in matches if match.state == MatchState.SUPPRESSED}
    excluded = {match.pk for match in matches if match.wholly_excluded}
    for piece in division.of(*_OF_PIECES):
        status = _OF_PIECES[piece.heard]
        if piece.match in suppressed:
            status = (
                CueStatus.EXCLUDED if piece.match in excluded else CueStatus.SUPPRESSED
            )
        if piece.length_ms >= UNKNOWN_MS or status == CueStatus.EXCLUDED:
            interval = (piece.start_ms, piece.end_ms)
            yield _Entry([interval], None, piece.speech_pct, status, piece.item)
    # What named matches cover is on the sheet already.
    named = [
        interval
        for match in matches
        if match.is_heard
        for interval in match.tally.heard
    ]
    for match in hidden:
        if match.is_heard:
            for start, end in intervals.without(match.tally.counted, named):
                if end - start >= UNKNOWN_MS:
                    yield _Entry([(start, end)], None, None, CueStatus.UNKNOWN)
            named += match.tally.counted


def _usage(entry: _Entry) -> Usage | None:
    if entry.entry is None:
        return usage_of(entry.speech_pct, entry.match)
    if not entry.entry.use:
        return None
    is_background = entry.entry.use == CueUse.BACKGROUND
    return Usage.BACKGROUND if is_background else Usage.FEATURED


def _after_entries(unnamed: Iterator[_Entry], said: _Said) -> Iterator[_Entry]:
    """Yield unknown sound without the intervals in which people hear something else.

    Sound that somebody calls unknown music keeps the interval of that entry.
    """
    taken = intervals.union(part for _entry, left in said.left for part in left)
    for sound in unnamed:
        if sound.status != CueStatus.UNKNOWN:
            yield sound
            continue
        for start, end in intervals.without(sound.counted, taken):
            if end - start >= UNKNOWN_MS:
                yield replace(sound, counted=[(start, end)])
    for entry, left in said.left:
        if entry.kind == EntryKind.UNKNOWN and left:
            yield _Entry(left, None, None, CueStatus.UNKNOWN, entry=entry)


def usage_of(speech_pct: float | None, match: Match | None = None) -> Usage | None:
    """Return how music is used: what a person heard, else by the estimate of speech."""
    if match is not None and match.speech_checked:
        return Usage.BACKGROUND if match.under_speech else Usage.FEATURED
    if speech_pct is None:
        return None
    return Usage.BACKGROUND if is_mostly_speech(speech_pct) else Usage.FEATURED
