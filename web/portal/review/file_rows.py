"""The music of one file in the order of time, as people walk through it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from django.db.models import prefetch_related_objects
from django.http import QueryDict
from django.urls import reverse

from base.accounts.models import User
from reports.cue_sheets import cue_sheet
from reports.cues import Cue, CueStatus
from reports.models import CueEntry, EntryKind
from reports.plays import plays_of
from review.choices import MatchState
from review.filters import MatchFilter
from review.models import Match
from scanning.models import ScannedFile
from web.portal.review.page import Lock
from web.portal.review.queue import Queue
from web.portal.review.rows import QueueRow, rows_of

_SOUNDS = (CueStatus.UNKNOWN, CueStatus.ENTERED)


@dataclass(frozen=True, slots=True)
class CueRow:
    """One row of the walk: a play of a match, sound that no match names, or neither.

    ``row`` is the match of a play. ``is_sound`` says that people may enter what they
    hear there; ``entry`` is what somebody entered.
    """

    start_ms: int
    end_ms: int
    status: str
    url: str = ""
    preview_url: str = ""
    cue: Cue | None = None
    row: QueueRow | None = None
    entry: CueEntry | None = None
    is_sound: bool = False
    plays: tuple[int, int] = (0, 0)
    """The number of this play of the match, and how many there are; 0 is none of them."""
    noted: CueEntry | None = None
    """What somebody noted about the sound without saying what it is."""
    is_judged: bool = False
    """Unknown because somebody rejected a match there, so nobody has to say more."""

    @property
    def name(self) -> str:
        """Return the name of the row on its page, which no decision changes."""
        if self.row is not None and self.plays[0] == 1:
            return self.row.match.uid
        kind = "sound" if self.is_sound else self.row.match.uid if self.row else "fact"
        return f"{self.start_ms}-{self.end_ms}-{kind}"

    @property
    def match(self) -> Match | None:
        """Return the match of a play."""
        return self.row.match if self.row else None

    @property
    def lock(self) -> Lock | None:
        """Return the review lock of the match."""
        return self.row.lock if self.row else None

    @property
    def subject(self) -> str:
        """Return the match that the row is about, or else the interval."""
        return self.row.match.uid if self.row else f"{self.start_ms}-{self.end_ms}"

    @property
    def note(self) -> str:
        """Return what somebody noted about the interval."""
        source = self.entry or self.noted
        return source.note if source else ""

    @property
    def is_done(self) -> bool:
        """Tell whether nobody has to say anything about the row any more."""
        if self.row is not None:
            return self.row.is_done or self.status == CueStatus.EXCLUDED
        return not self.is_sound or self.is_judged or self.entry is not None

    @property
    def token(self) -> str:
        """Return a text that differs as soon as the row looks different."""
        place = f"{self.start_ms}-{self.end_ms}-{self.status}"
        if self.row is not None:
            return f"{self.row.token}-{place}-{self.plays[1]}"
        source = self.entry or self.noted
        entered = f"{source.entered_at:%s%f}" if source else ""
        item = self.cue.item.uid if self.cue and self.cue.item else ""
        return f"{place}-{entered}-{item}"


def queue_of(file: ScannedFile, user: User) -> Queue:
    """Return the queue of the file's matches, from which their pages lead on."""
    filters = MatchFilter.from_query(QueryDict(f"file={file.uid}"))
    return Queue(user=user, filters=filters)


def rows_in(file: ScannedFile, user: User) -> list[CueRow]:
    """Return the rows of a file in the order of time; raise ``NotScanned``.

    They are the cues of its cue sheet, the matches that people rejected, and the sound
    that somebody took off the sheet, so that no decision takes a row away; and notes.
    """
    sheet = cue_sheet(file=file)
    cues = sheet.cues
    claimed = {match.pk: match for cue in cues if (match := _match_of(cue))}
    rejected = {
        match.pk: match
        for match in sheet.timeline.matches
        if not match.is_heard and match.state != MatchState.SUPPRESSED
    }
    queue = queue_of(file, user)
    matches = [*claimed.values(), *rejected.values()]
    prefetch_related_objects(matches, "locked_by", "assignee")
    match_rows = rows_of(matches, queue, filled=True)
    of_match = {row.match.pk: row for row in match_rows}
    kinds = (EntryKind.NO_MUSIC, EntryKind.NOTE)
    unlisted = CueEntry.objects.filter(scanned_file=file, kind__in=kinds)
    # A match that asks about "no music" has the row.
    questioned = {question.entry.pk for cue in cues for question in cue.questions}
    notes = {
        (entry.start_ms, entry.end_ms): entry for entry in unlisted if entry.kind == EntryKind.NOTE
    }
    sounds = [
        _of_sound(file, cue, notes.pop((cue.start_ms, cue.end_ms), None))
        for cue in cues
        if _match_of(cue) is None
    ]
    plays = [
        *((match.pk, cue.start_ms, cue.end_ms, cue) for cue in cues if (match := _match_of(cue))),
        *(
            (pk, play.start_ms, play.end_ms, None)
            for pk in rejected
            for play in plays_of(of_match[pk].match.segments)
        ),
    ]
    rows = [
        *_of_matches(file, plays, of_match, queue),
        *sounds,
        *(
            CueRow(
                entry.start_ms,
                entry.end_ms,
                entry.kind,
                preview_url=_sound_url(file, entry.start_ms, entry.end_ms),
                entry=entry,
                is_sound=True,
            )
            for entry in unlisted
            if (entry.kind == EntryKind.NO_MUSIC and entry.pk not in questioned)
            or (entry.start_ms, entry.end_ms) in notes
        ),
    ]
    return sorted(rows, key=lambda row: (row.start_ms, row.is_sound, row.end_ms))


def _match_of(cue: Cue) -> Match | None:
    """Return the match of a cue, or one that asks about what somebody entered there."""
    if cue.match is None and cue.questions:
        return cue.questions[0].match
    return cue.match


def _of_matches(
    file: ScannedFile,
    plays: Sequence[tuple[int, int, int, Cue | None]],
    of_match: Mapping[int, QueueRow],
    queue: Queue,
) -> Iterator[CueRow]:
    """Yield the rows of plays: the key of a match, start, end and cue of each."""
    here = reverse("portal:file_review", args=[file.uid])
    counts, numbers = (Counter(pk for pk, *_, cue in plays if _counts(cue)), Counter[int]())
    for pk, start, end, cue in sorted(plays, key=lambda play: play[1:3]):
        row = of_match[pk]
        preview = reverse("portal:match_preview", args=[row.match.uid])
        counted = row.match.tally.segments
        segment = next((segment.number for segment in counted if segment.end_ms > start), 1)
        numbers[pk] += _counts(cue)
        yield CueRow(
            start,
            end,
            cue.status if cue else row.match.state,
            url=queue.url_of(row.match, segment=segment, list=here),
            preview_url=f"{preview}{queue.query(segment=segment, list=here)}",
            cue=cue,
            row=row,
            plays=(numbers[pk] if _counts(cue) else 0, counts[pk]),
        )


def _counts(cue: Cue | None) -> bool:
    return cue is None or cue.status != CueStatus.EXCLUDED


def _of_sound(file: ScannedFile, cue: Cue, noted: CueEntry | None) -> CueRow:
    is_sound = cue.status in _SOUNDS
    item = cue.item
    return CueRow(
        cue.start_ms,
        cue.end_ms,
        cue.status,
        url=item.url if item else "",
        preview_url=_sound_url(file, cue.start_ms, cue.end_ms) if is_sound else "",
        cue=cue,
        entry=cue.entry,
        noted=noted,
        is_sound=is_sound,
        is_judged=is_sound and bool(cue.unclaimed),
    )


def _sound_url(file: ScannedFile, start_ms: int, end_ms: int) -> str:
    address = reverse("portal:file_review_sound", args=[file.uid])
    return f"{address}?start={start_ms}&end={end_ms}"
