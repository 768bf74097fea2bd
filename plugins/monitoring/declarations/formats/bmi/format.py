"""BMI's electronic log for radio: lines of fixed width, as Rivendell writes them.

The heading names a station and a day, so each has a file of its own; all come in one ZIP.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from itertools import groupby
from typing import IO, BinaryIO, Final
from zoneinfo import ZoneInfo

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from plugins.monitoring.declarations.facts import (
    DeclarationFacts,
    PlayFacts,
    RecordingFacts,
    StationFacts,
)
from plugins.monitoring.declarations.formats import registry
from plugins.monitoring.declarations.formats.archive import entry
from plugins.monitoring.declarations.formats.base import (
    MissingValue,
    ValueSubject,
    WrittenDeclaration,
)
from plugins.monitoring.declarations.formats.checks import (
    artist_name,
    composer_names,
    full_title,
    plain_isrc,
    refuse_gaps,
    required,
    unfit_ascii,
    unfit_code,
)
from plugins.monitoring.declarations.formats.texts import (
    ChangedValues,
    compact_day,
    in_ascii,
    length_in_seconds,
    name_part,
    start_in_seconds,
)
from plugins.monitoring.streams.choices import StationType

LINE_CHARS: Final = 279
"""Characters of a play's line before its end."""
_HEADING_STATION: Final = 25
_LINE_STATION: Final = 40
_TEXT: Final = 40
# A longer time does not fit hh:mm:ss.
_MOST_MS: Final = 100 * 3_600_000 - 1

_TYPES: Final = {
    StationType.AM: "AM",
    StationType.FM: "FM",
    StationType.DAB: "OT",
    StationType.WEB: "OT",
    StationType.OTHER: "OT",
}
_USES: Final = {"Theme": "TT", "Background": "B"}
_USAGES: Final = {"featured": "F1", "background": "B"}


class BmiLog:
    """Writes a log for each day of each station."""

    key = "bmi-log"
    version = "1"
    media_type = "application/zip"
    label: str | Promise = gettext_lazy("BMI radio log (fixed width)")

    def gaps(self, facts: DeclarationFacts) -> Iterator[MissingValue]:
        """Yield the mandatory values of a line that the facts lack."""
        yield from required(
            ValueSubject.PROFILE,
            "",
            [
                (
                    "STATION",
                    facts.stations or None,
                    _("The declaration covers no station. Choose at least one."),
                )
            ],
        )
        for station in facts.stations:
            yield from _station_gaps(station)
        for recording in facts.recordings:
            yield from _recording_gaps(recording)
        for play in facts.plays:
            if not _use(play):
                why = _("How the music was used is not known. Say whether it was featured.")
                yield MissingValue(ValueSubject.PLAY, play.uid, "USE", why)
            if play.played_ms > _MOST_MS:
                why = _("The play is longer than 99 hours, which the log cannot hold.")
                yield MissingValue(ValueSubject.PLAY, play.uid, "LENGTH", why)

    def file_name(self, facts: DeclarationFacts) -> str:
        """Return the name of the ZIP."""
        service = name_part(in_ascii(facts.service).text)
        return f"BMI_{service}_{compact_day(facts.begins)}-{compact_day(facts.ends)}.zip"

    def write(self, facts: DeclarationFacts, target: BinaryIO) -> WrittenDeclaration:
        """Write the ZIP; lines are counted over all files, with first and last ones."""
        refuse_gaps(self, facts)
        log = _Logs(facts)
        stations = {station.uid: station for station in facts.stations}
        names = _names(facts)
        with zipfile.ZipFile(target, "w") as archive:
            for uid, plays in groupby(facts.plays, key=lambda play: play.station):
                for day, of_day in _days(plays):
                    name = f"{names[uid]}_{compact_day(day)}.txt"
                    with archive.open(entry(name), "w") as file:
                        log.write(stations[uid], day, of_day, file)
        return log.written()


BMI_LOG: Final = BmiLog()


class _Logs:
    """Writes logs and counts their entries."""

    def __init__(self, facts: DeclarationFacts) -> None:
        self._changes = ChangedValues()
        self._created_at = facts.created_at
        self._texts = {recording.uid: self._recording(recording) for recording in facts.recordings}
        self._recordings: dict[str, None] = {}
        self._plays = 0
        self._played_ms = 0
        self._lines = 0

    def write(
        self, station: StationFacts, day: date, plays: Sequence[PlayFacts], file: IO[bytes]
    ) -> None:
        """Write the log of a day; the last line counts all lines."""
        created = self._created_at.astimezone(ZoneInfo(station.time_zone))
        name = _station_name(station)
        short = self._fixed("HEDR station", name, _HEADING_STATION)
        _line(file, f"HEDRSTA{short}{created:%Y%m%d%H%M%S}{compact_day(day)}FMDT")
        full = self._fixed("STATION", name, _LINE_STATION)
        # The kind of music that a station plays is not recorded.
        opening = f"FMDT{full}{_TYPES[StationType(station.type)]}{'':25}"
        for play in plays:
            _line(file, f"{opening}{self._play(play)}")
        records = len(plays) + 2
        _line(file, f"TRLR{records:012d}")
        self._lines += records

    def written(self) -> WrittenDeclaration:
        """Return the totals of all logs."""
        return WrittenDeclaration(
            self._plays,
            self._played_ms,
            len(self._recordings),
            self._lines,
            self._changes.sentences(),
        )

    def _play(self, play: PlayFacts) -> str:
        self._plays += 1
        self._played_ms += play.played_ms
        self._recordings[play.recording] = None
        texts, isrc = self._texts[play.recording]
        starts = start_in_seconds(play)
        day = compact_day(starts.date())
        return (
            f"{day[:6]}01{day}{starts:%H:%M:%S}000000001{texts}"
            f"{length_in_seconds(play)}{'':11}{isrc:>12}{_use(play):2}{'':22}"
        )

    def _recording(self, recording: RecordingFacts) -> tuple[str, str]:
        """Return title, artist and composer side by side, and the ISRC."""
        texts = (
            self._fixed("TITLE", full_title(recording), _TEXT),
            self._fixed("ARTIST", artist_name(recording), _TEXT),
            self._fixed("COMPOSER", composer_names(recording), _TEXT),
        )
        return "".join(texts), plain_isrc(recording.isrc)

    def _fixed(self, cell: str, text: str, width: int) -> str:
        plain = in_ascii(text)
        written = "" if plain.lost else plain.text.upper()[:width].rstrip()
        if written != text.upper():
            self._changes.keep(cell, text, written)
        return written.ljust(width)


def _days(plays: Iterable[PlayFacts]) -> Iterator[tuple[date, list[PlayFacts]]]:
    """Yield local days with their plays, holding no more than two days."""
    held: dict[date, list[PlayFacts]] = {}
    for play in plays:
        day = play.starts_at.date()
        held.setdefault(day, []).append(play)
        # Where clocks are put back at midnight, the day before comes again.
        for past in [held_day for held_day in held if (day - held_day).days > 1]:
            yield past, held.pop(past)
    yield from sorted(held.items())


def _line(file: IO[bytes], text: str) -> None:
    file.write(f"{text}\r\n".encode("ascii"))


def _station_name(station: StationFacts) -> str:
    return station.call_sign or station.name


def _use(play: PlayFacts) -> str:
    """Return the code of the use, or "" where the log has none for it."""
    return _USES.get(play.use) or _USAGES.get(play.usage, "")


def _names(facts: DeclarationFacts) -> dict[str, str]:
    """Return how the names of a station's files begin, for no two stations the same."""
    names: dict[str, str] = {}
    for number, station in enumerate(facts.stations, start=1):
        name = name_part(in_ascii(_station_name(station)).text)
        names[station.uid] = f"{number:02d}_{name}"
    return names


def _station_gaps(station: StationFacts) -> Iterator[MissingValue]:
    why = _("The station has neither a call sign nor a name. Enter one.")
    name = _station_name(station)
    yield from required(ValueSubject.STATION, station.uid, [("STATION", name, why)])
    yield from unfit_ascii(ValueSubject.STATION, station.uid, "STATION", name)
    if station.type not in _TYPES:
        why = _("The log is for radio: choose a type of radio for the station.")
        yield MissingValue(ValueSubject.STATION, station.uid, "TYPE", why)


def _recording_gaps(recording: RecordingFacts) -> Iterator[MissingValue]:
    uid = recording.uid
    texts = [
        ("TITLE", full_title(recording), _("The recording has no title. Enter it.")),
        ("ARTIST", artist_name(recording), _("The recording has no artist. Enter the artist.")),
    ]
    yield from required(ValueSubject.RECORDING, uid, texts)
    for cell, text, _why in texts:
        yield from unfit_ascii(ValueSubject.RECORDING, uid, cell, text)
    yield from unfit_code(ValueSubject.RECORDING, uid, "ISRC", recording.isrc, plain_isrc)


registry.register_plain(
    BMI_LOG, gettext_lazy("Rows are plays; each station and day has a file in a ZIP."), rank=40
)
