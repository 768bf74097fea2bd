"""One cue of a cue sheet: when music sounds, and what it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from django.utils.translation import gettext_lazy as _

from catalogue.models import Recording
from catalogue.selectors import shown_for
from reports.cue_questions import Question
from reports.models import CueEntry
from review import intervals
from review.choices import MatchState
from review.intervals import Interval
from review.models import Match
from review.programmes.choices import CueUse, MusicOrigin
from review.timeline import Occurs


class CueStatus(StrEnum):
    """What a cue without a claimed recording is."""

    EXCLUDED = "excluded"
    SUPPRESSED = "suppressed"
    UNKNOWN = "unknown"
    ENTERED = "entered"
    NOT_SCANNED = "not_scanned"
    NOT_DECODED = "not_decoded"


class Usage(StrEnum):
    """How the music is used, estimated from the speech over it."""

    FEATURED = "featured"
    BACKGROUND = "background"


WORDS: Final[Mapping[str, Mapping[str, object]]] = {
    "usage": {Usage.FEATURED: _("featured"), Usage.BACKGROUND: _("background")},
    "status": {
        **dict(MatchState.choices),
        CueStatus.EXCLUDED: _("Excluded, not counted"),
        CueStatus.SUPPRESSED: _("Suppressed match"),
        CueStatus.UNKNOWN: _("Unknown music"),
        CueStatus.ENTERED: _("Entered"),
        CueStatus.NOT_SCANNED: _("Not scanned"),
        CueStatus.NOT_DECODED: _("Not decoded"),
    },
    "use": dict(CueUse.choices),
    "origin": dict(MusicOrigin.choices),
}
"""The values of a sheet's columns in words."""


@dataclass(frozen=True, slots=True)
class Cue:
    """One piece of music, or of sound that nobody knows.

    ``counted`` are its intervals of the file: pauses and excluded time are not among
    them. ``match`` is None for sound without a recording that may be named, ``item`` the
    unknown sound that repeats, ``entry`` what a person hears in this interval. ``usage``
    is None if speech was not analysed; ``use`` and ``origin`` are what people said.
    ``questions`` are what matches ask about the entry, or one about "no music" here.
    ``unclaimed`` are suppressed and rejected matches, which pages name but no sheet.
    """

    number: int
    counted: Sequence[Interval]
    match: Match | None
    usage: Usage | None
    status: str
    item: Occurs | None = None
    entry: CueEntry | None = None
    unclaimed: Sequence[Match] = ()
    use: str = ""
    origin: str = ""
    questions: Sequence[Question] = ()

    @property
    def start_ms(self) -> int:
        """Return where the cue begins."""
        return self.counted[0][0]

    @property
    def end_ms(self) -> int:
        """Return where the cue ends."""
        return self.counted[-1][1]

    @property
    def recording(self) -> Recording | None:
        """Return the recording, if known; for a merged one that which stays."""
        return shown_for(self.match.recording) if self.match else None

    @property
    def length_ms(self) -> int:
        """Return how long the cue sounds."""
        return intervals.length(self.counted)

    @property
    def subject(self) -> str:
        """Return what the cue is, by which edits of a sheet find it after a rescan."""
        if self.entry is not None:
            return self.entry.uid
        if self.match is not None and self.status != CueStatus.EXCLUDED:
            return self.match.recording.uid
        return self.status

    @property
    def name(self) -> str:
        """Return the subject and the place of the cue, by which its page names it."""
        return f"{self.subject}|{self.start_ms}|{self.end_ms}"

    @property
    def title(self) -> str:
        """Return the title of the music; empty if nobody knows it."""
        if self.entry is not None:
            return self.entry.title
        return self.recording.full_title if self.recording else ""

    @property
    def use_label(self) -> str:
        """Return the use in words."""
        return str(CueUse(self.use).label) if self.use else ""

    @property
    def origin_label(self) -> str:
        """Return the origin in words."""
        return str(MusicOrigin(self.origin).label) if self.origin else ""
