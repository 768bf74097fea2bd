"""Entries of cue sheets and matches in the same seconds: one question, never two lines.

Until a person answers, the sheet shows the entry. Whoever takes the match removes the
entry, whose use, origin and note go over to the match; whoever keeps the entry rejects
the match.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from django.db.models import QuerySet
from django.utils.translation import gettext as _

from base.accounts.models import User
from base.accounts.reach import working_for
from base.common.phrases import lowered
from reports.models import CueEntry, EntryKind
from review.choices import WAITING_STATES, RejectCode
from review.intervals import Interval
from review.models import Match
from review.services import grounds
from review.services.questions import contradict
from review.subjects import heard_of
from scanning.models import ScannedFile


@dataclass(frozen=True, slots=True)
class Question:
    """An entry, and a match that waits and says something else of the same seconds."""

    entry: CueEntry
    match: Match

    @property
    def text(self) -> str:
        """Return the question in words."""
        names = {"entry": self.entry, "title": self.match.shown.full_title}
        if self.entry.kind == EntryKind.MUSIC:
            return _("%(entry)s is now %(title)s: replace the cue?") % names
        return _("%(entry)s was entered here; a scan hears %(title)s. Is it?") % names

    @property
    def refusal(self) -> RejectCode:
        """Return why a match is rejected whose entry is kept."""
        if self.entry.kind == EntryKind.NO_MUSIC:
            return RejectCode.NOISE
        return RejectCode.WRONG_RECORDING


def spoken_entries() -> QuerySet[CueEntry]:
    """Return the entries that name a sound; notes name none."""
    return CueEntry.objects.exclude(kind=EntryKind.NOTE)


def questions_of(match: Match) -> list[Question]:
    """Return what a match asks about the entries of its file's cue sheet."""
    entries = spoken_entries().filter(scanned_file=match.scanned_file_id)
    if match.state not in WAITING_STATES or not (entered := list(entries)):
        return []
    return questions_between([(match, heard_of(match))], entered)


def questions_between(
    matches: Iterable[tuple[Match, Sequence[Interval]]], entries: Iterable[CueEntry]
) -> list[Question]:
    """Return what matches, which are heard in these seconds, ask about entries."""
    waiting = [(match, heard) for match, heard in matches if match.state in WAITING_STATES]
    return [
        Question(entry, match)
        for entry in entries
        for match, heard in waiting
        if contradict(entry.interval, heard)
    ]


def questions_about(entry: CueEntry) -> list[Question]:
    """Return what matches that the viewer may see ask about an entry."""
    if entry.kind == EntryKind.NOTE:
        return []
    near = _near(entry.scanned_file, entry.interval)
    return questions_between([(match, heard_of(match)) for match in near], [entry])


@working_for(None)
def settled_in(file: ScannedFile, span: Interval) -> Match | None:
    """Return a match that is decided, and says what is heard in these seconds."""
    rows = _near(file, span).filter(Match.heard()).exclude(state__in=WAITING_STATES)
    return next((match for match in rows if contradict(span, heard_of(match))), None)


def why_settled(match: Match | None) -> str:
    """Return why nobody enters anything else where a match is decided.

    None is one that the viewer may not see.
    """
    if match is None:
        return _("A match that you may not see is decided in these seconds.")
    return _(
        "%(title)s is %(state)s in these seconds. Set its use, or undo that decision first."
    ) % {"title": match.shown.title, "state": lowered(match.get_state_display())}


@working_for(None)
def ask_again(
    file: ScannedFile, spans: Iterable[Interval], user: User, *, without: Match | None = None
) -> None:
    """Evaluate the matches that begin or cease to ask about these seconds."""
    near = {
        match.pk: match
        for span in spans
        for match in _near(file, span).filter(state__in=WAITING_STATES)
        if match != without and contradict(span, heard_of(match))
    }
    grounds.again(matches=near.values(), actor=user)


def _near(file: ScannedFile, span: Interval) -> QuerySet[Match]:
    start, end = span
    rows = Match.objects.filter(scanned_file=file).select_related("recording")
    return rows.filter(first_start_ms__lt=end, last_end_ms__gt=start).order_by("pk")
