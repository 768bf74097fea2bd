"""What a template may put into a column: each value by name, and where it is entered."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Final, TypeAlias

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from plugins.monitoring.declarations.facts import (
    DeclarationFacts,
    PlayFacts,
    RecordingFacts,
    StationFacts,
)
from plugins.monitoring.declarations.formats.base import ValueSubject


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
class KnownValue:
    """One value: its label, the record in which it is entered, and how to read it."""

    label: str | Promise
    subject: ValueSubject
    read: Callable[[Row], Plain]

    def uid_of(self, row: Row) -> str:
        """Return the id by which a gap names the record."""
        if self.subject == ValueSubject.RECORDING:
            return row.recording.uid
        if self.subject in (ValueSubject.STATION, ValueSubject.FIGURES):
            return row.station.uid
        return "" if self.subject == ValueSubject.PROFILE else row.play.uid


def _ms(length: int | None) -> timedelta | None:
    return None if length is None else timedelta(milliseconds=length)


_RUNS: Final = {"first_run": "first", "repeat_run": "repeat"}
_R, _P, _S, _E = (
    ValueSubject.RECORDING,
    ValueSubject.PLAY,
    ValueSubject.STATION,
    ValueSubject.EPISODE,
)
_B, _F, _O = ValueSubject.BROADCAST, ValueSubject.FIGURES, ValueSubject.PROFILE

VALUES: Final[Mapping[str, KnownValue]] = {
    "station": KnownValue(_("Station"), _S, lambda row: row.station.name),
    "call_sign": KnownValue(_("Call sign"), _S, lambda row: row.station.call_sign),
    "territory": KnownValue(_("Country of the station"), _S, lambda r: r.station.territory),
    "title": KnownValue(_("Title"), _R, lambda row: row.recording.title),
    "version_title": KnownValue(_("Version"), _R, lambda row: row.recording.version_title),
    "artists": KnownValue(_("Artists"), _R, lambda row: row.recording.artists),
    "isrc": KnownValue("ISRC", _R, lambda row: row.recording.isrc),
    "own_id": KnownValue(_("Custom ID"), _R, lambda row: row.recording.own_id),
    "length": KnownValue(
        _("Length of the recording"), _R, lambda row: _ms(row.recording.duration_ms)
    ),
    "label": KnownValue(_("Label"), _R, lambda row: row.recording.label),
    "label_code": KnownValue(_("Label code"), _R, lambda row: row.recording.label_code),
    "album": KnownValue(_("Album"), _R, lambda row: row.recording.album),
    "upc": KnownValue("UPC", _R, lambda row: row.recording.upc),
    "catalogue_number": KnownValue(
        _("Catalogue number"), _R, lambda row: row.recording.catalogue_number
    ),
    "released": KnownValue(_("First release"), _R, lambda row: row.recording.released),
    "iswc": KnownValue("ISWC", _R, lambda row: row.recording.iswc),
    "work_number": KnownValue(_("Work number"), _R, lambda row: row.recording.work_number),
    "writers": KnownValue(
        _("Writers"), _R, lambda row: tuple(e.name for e in row.recording.writers)
    ),
    "writer_ipis": KnownValue(
        _("IPI numbers of the writers"),
        _R,
        lambda row: tuple(e.ipi for e in row.recording.writers if e.ipi),
    ),
    "publishers": KnownValue(
        _("Publishers"), _R, lambda row: tuple(e.name for e in row.recording.publishers)
    ),
    "publisher_ipis": KnownValue(
        _("IPI numbers of the publishers"),
        _R,
        lambda row: tuple(e.ipi for e in row.recording.publishers if e.ipi),
    ),
    "our_share": KnownValue(_("Our share in percent"), _R, lambda row: row.recording.own_share),
    "play_date": KnownValue(_("Date of the play"), _B, lambda row: DayOf(row.play.starts_at)),
    "play_time": KnownValue(_("Time of the play"), _B, lambda row: ClockTime(row.play.starts_at)),
    "play_start": KnownValue(_("Date and time of the play"), _B, lambda row: row.play.starts_at),
    "played": KnownValue(_("Time played"), _P, lambda row: _ms(row.play.played_ms)),
    "played_seconds": KnownValue(
        _("Seconds played"), _P, lambda row: Decimal(row.play.played_ms) / 1000
    ),
    "time_in": KnownValue(_("Start in the broadcast"), _P, lambda row: _ms(row.play.start_ms)),
    "time_out": KnownValue(_("End in the broadcast"), _P, lambda row: _ms(row.play.end_ms)),
    "featured": KnownValue(_("Featured or background"), _P, lambda row: row.play.usage),
    "use": KnownValue(_("Use"), _P, lambda row: row.play.use),
    "origin": KnownValue(_("Origin"), _P, lambda row: row.play.origin),
    "own_recording": KnownValue(_("Own recording"), _P, lambda row: row.play.own_recording),
    "live": KnownValue(_("Live recording"), _P, lambda row: row.play.live),
    "recorded_on": KnownValue(_("Recorded on"), _P, lambda row: row.play.recorded_on),
    "recorded_in": KnownValue(_("Recorded in"), _P, lambda row: row.play.recorded_in),
    "published_in": KnownValue(_("Published in"), _P, lambda row: row.play.published_in),
    "broadcast_start": KnownValue(
        _("Start of the broadcast"), _B, lambda row: row.play.broadcast_starts_at
    ),
    "broadcast_length": KnownValue(
        _("Length of the broadcast"), _B, lambda row: _ms(row.play.broadcast_ms)
    ),
    "run": KnownValue(
        _("First broadcast or repeat"), _B, lambda row: _RUNS.get(row.play.showing, "")
    ),
    "listeners": KnownValue(_("Listeners"), ValueSubject.AUDIENCE, lambda row: row.play.listeners),
    "programme": KnownValue(_("Programme"), _E, lambda row: row.play.episode.programme),
    "series": KnownValue(_("Series"), _E, lambda row: row.play.episode.series),
    "season": KnownValue(_("Season"), _E, lambda row: row.play.episode.season),
    "episode": KnownValue(_("Episode number"), _E, lambda row: row.play.episode.number),
    "episode_title": KnownValue(_("Episode title"), _E, lambda row: row.play.episode.title),
    "also_known_as": KnownValue(_("Also known as"), _E, lambda row: row.play.episode.also_known_as),
    "production_company": KnownValue(
        _("Production company"), _E, lambda row: row.play.episode.production_company
    ),
    "isan": KnownValue("ISAN", _E, lambda row: row.play.episode.isan),
    "play_id": KnownValue(_("ID of the play"), _P, lambda row: row.play.uid),
    "match_id": KnownValue(_("ID of the match"), _P, lambda row: row.play.match),
    "state": KnownValue(_("State of the match"), _P, lambda row: row.play.state),
    "service": KnownValue(_("Service"), _O, lambda row: row.facts.service),
    "sender": KnownValue(_("Sender"), _O, lambda row: row.facts.sender.name),
    "recipient": KnownValue(_("Recipient"), _O, lambda row: row.facts.recipient.name),
    "message_id": KnownValue(_("ID of the declaration"), _O, lambda row: row.facts.message_id),
}
