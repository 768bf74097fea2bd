"""What a template may put into a column: each value by name, and where it is entered."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Final, TypeAlias

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from reports.declarations.facts import (
    DeclarationFacts,
    PlayFacts,
    RecordingFacts,
    StationFacts,
)
from reports.declarations.formats.base import Subject


@dataclass(frozen=True, slots=True)
class ClockTime:
    """The time of day of a moment, as its station's clock showed it."""

    at: datetime


@dataclass(frozen=True, slots=True)
class DayOf:
    """The day of a moment, as its station's calendar showed it."""

    at: datetime


Plain: TypeAlias = (
    str
    | int
    | bool
    | Decimal
    | date
    | datetime
    | timedelta
    | ClockTime
    | DayOf
    | tuple[str, ...]
    | None
)


@dataclass(frozen=True, slots=True)
class Row:
    """One play with all that belongs to it."""

    facts: DeclarationFacts
    play: PlayFacts
    recording: RecordingFacts
    station: StationFacts


@dataclass(frozen=True, slots=True)
class Known:
    """One value: its label, the record in which it is entered, and how to read it."""

    label: str | Promise
    subject: Subject
    read: Callable[[Row], Plain]

    def uid_of(self, row: Row) -> str:
        """Return the id by which a gap names the record."""
        if self.subject == Subject.RECORDING:
            return row.recording.uid
        if self.subject in (Subject.STATION, Subject.FIGURES):
            return row.station.uid
        return "" if self.subject == Subject.PROFILE else row.play.uid


def _ms(length: int | None) -> timedelta | None:
    return None if length is None else timedelta(milliseconds=length)


_RUNS: Final = {"first_run": "first", "repeat_run": "repeat"}
_R, _P, _S, _E = Subject.RECORDING, Subject.PLAY, Subject.STATION, Subject.EPISODE
_B, _F, _O = Subject.BROADCAST, Subject.FIGURES, Subject.PROFILE

VALUES: Final[Mapping[str, Known]] = {
    "station": Known(_("Station"), _S, lambda row: row.station.name),
    "call_sign": Known(_("Call sign"), _S, lambda row: row.station.call_sign),
    "territory": Known(_("Country of the station"), _S, lambda r: r.station.territory),
    "title": Known(_("Title"), _R, lambda row: row.recording.title),
    "version_title": Known(_("Version"), _R, lambda row: row.recording.version_title),
    "artists": Known(_("Artists"), _R, lambda row: row.recording.artists),
    "isrc": Known("ISRC", _R, lambda row: row.recording.isrc),
    "own_id": Known(_("Custom ID"), _R, lambda row: row.recording.own_id),
    "length": Known(
        _("Length of the recording"), _R, lambda row: _ms(row.recording.duration_ms)
    ),
    "label": Known(_("Label"), _R, lambda row: row.recording.label),
    "label_code": Known(_("Label code"), _R, lambda row: row.recording.label_code),
    "album": Known(_("Album"), _R, lambda row: row.recording.album),
    "upc": Known("UPC", _R, lambda row: row.recording.upc),
    "catalogue_number": Known(
        _("Catalogue number"), _R, lambda row: row.recording.catalogue_number
    ),
    "released": Known(_("First release"), _R, lambda row: row.recording.released),
    "iswc": Known("ISWC", _R, lambda row: row.recording.iswc),
    "work_number": Known(_("Work number"), _R, lambda row: row.recording.work_number),
    "writers": Known(
        _("Writers"), _R, lambda row: tuple(e.name for e in row.recording.writers)
    ),
    "writer_ipis": Known(
        _("IPI numbers of the writers"),
        _R,
        lambda row: tuple(e.ipi for e in row.recording.writers if e.ipi),
    ),
    "publishers": Known(
        _("Publishers"), _R, lambda row: tuple(e.name for e in row.recording.publishers)
    ),
    "publisher_ipis": Known(
        _("IPI numbers of the publishers"),
        _R,
        lambda row: tuple(e.ipi for e in row.recording.publishers if e.ipi),
    ),
    "our_share": Known(
        _("Our share in percent"), _R, lambda row: row.recording.own_share
    ),
    "play_date": Known(
        _("Date of the play"), _B, lambda row: DayOf(row.play.starts_at)
    ),
    "play_time": Known(
        _("Time of the play"), _B, lambda row: ClockTime(row.play.starts_at)
    ),
    "play_start": Known(
        _("Date and time of the play"), _B, lambda row: row.play.starts_at
    ),
    "played": Known(_("Time played"), _P, lambda row: _ms(row.play.played_ms)),
    "played_seconds": Known(
        _("Seconds played"), _P, lambda row: Decimal(row.play.played_ms) / 1000
    ),
    "time_in": Known(
        _("Start in the broadcast"), _P, lambda row: _ms(row.play.start_ms)
    ),
    "time_out": Known(_("End in the broadcast"), _P, lambda row: _ms(row.play.end_ms)),
    "featured": Known(_("Featured or background"), _P, lambda row: row.play.usage),
    "use": Known(_("Use"), _P, lambda row: row.play.use),
    "origin": Known(_("Origin"), _P, lambda row: row.play.origin),
    "own_recording": Known(_("Own recording"), _P, lambda row: row.play.own_recording),
    "live": Known(_("Live recording"), _P, lambda row: row.play.live),
    "recorded_on": Known(_("Recorded on"), _P, lambda row: row.play.recorded_on),
    "recorded_in": Known(_("Recorded in"), _P, lambda row: row.play.recorded_in),
    "published_in": Known(_("Published in"), _P, lambda row: row.play.published_in),
    "broadcast_start": Known(
        _("Start of the broadcast"), _B, lambda row: row.play.broadcast_starts_at
    ),
    "broadcast_length": Known(
        _("Length of the broadcast"), _B, lambda row: _ms(row.play.broadcast_ms)
    ),
    "run": Known(
        _("First broadcast or repeat"), _B, lambda row: _RUNS.get(row.play.showing, "")
    ),
    "listeners": Known(
        _("Listeners"), Subject.AUDIENCE, lambda row: row.play.listeners
    ),
    "programme": Known(_("Programme"), _E, lambda row: row.play.episode.programme),
    "series": Known(_("Series"), _E, lambda row: row.play.episode.series),
    "season": Known(_("Season"), _E, lambda row: row.play.episode.season),
    "episode": Known(_("Episode number"), _E, lambda row: row.play.episode.number),
    "episode_title": Known(_("Episode title"), _E, lambda row: row.play.episode.title),
    "also_known_as": Known(
        _("Also known as"), _E, lambda row: row.play.episode.also_known_as
    ),
    "production_company": Known(
        _("Production company"), _E, lambda row: row.play.episode.production_company
    ),
    "isan": Known("ISAN", _E, lambda row: row.play.episode.isan),
    "play_id": Known(_("ID of the play"), _P, lambda row: row.play.uid),
    "match_id": Known(_("ID of the match"), _P, lambda row: row.play.match),
    "state": Known(_("State of the match"), _P, lambda row: row.play.state),
    "service": Known(_("Service"), _O, lambda row: row.facts.service),
    "sender": Known(_("Sender"), _O, lambda row: row.facts.sender.name),
    "recipient": Known(_("Recipient"), _O, lambda row: row.facts.recipient.name),
    "message_id": Known(
        _("ID of the declaration"), _O, lambda row: row.facts.message_id
    ),
}
