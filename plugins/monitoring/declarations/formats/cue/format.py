"""Our own cue declaration, ``cue-declaration/1``: one row per play, CSV.

It has the columns of the cue sheet, then those of the broadcast. Cues are counted anew
in each broadcast.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from typing import BinaryIO, Final

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from plugins.monitoring.declarations.facts import (
    Contributor,
    DeclarationFacts,
    PlayFacts,
    RecordingFacts,
)
from plugins.monitoring.declarations.formats import registry
from plugins.monitoring.declarations.formats.base import (
    MissingValue,
    ValueSubject,
    WrittenDeclaration,
)
from plugins.monitoring.declarations.formats.checks import refuse_gaps, required
from plugins.monitoring.declarations.formats.texts import in_ascii, name_part
from reports.cells import Cell, ColumnType, Dialect, ValueType, csv_pieces, offset
from reports.cue_sheet_files import FIELDS as SHEET_FIELDS

FIELDS: Final = (
    *SHEET_FIELDS,
    ColumnType("station", ValueType.TEXT),
    ColumnType("broadcast_start", ValueType.ENUM),
    ColumnType("series", ValueType.TEXT),
    ColumnType("season", ValueType.TEXT),
    ColumnType("episode", ValueType.TEXT),
    ColumnType("episode_title", ValueType.TEXT),
    ColumnType("run", ValueType.ENUM),
    ColumnType("use", ValueType.ENUM),
    ColumnType("origin", ValueType.ENUM),
    ColumnType("writer_ipi", ValueType.LIST),
    ColumnType("publisher_ipi", ValueType.LIST),
    ColumnType("society", ValueType.LIST),
)
_RUN = {"first_run": "first", "repeat_run": "repeat"}


class CueDeclaration:
    """Writes ``cue-declaration/1``; title, writers, use and origin are mandatory."""

    key = "cue-declaration"
    version = "cue-declaration/1"
    media_type = "text/csv; charset=utf-8"
    label = gettext_lazy("Cue declaration (CSV)")

    def gaps(self, facts: DeclarationFacts) -> Iterator[MissingValue]:
        """Yield titles, writers, uses and origins that nobody has entered."""
        for recording in facts.recordings:
            yield from required(
                ValueSubject.RECORDING,
                recording.uid,
                (
                    ("title", recording.title, _("The recording has no title. Enter it.")),
                    (
                        "writers",
                        recording.writers or None,
                        _("The work has no writer. Enter its writers."),
                    ),
                ),
            )
        for play in facts.plays:
            yield from required(
                ValueSubject.PLAY,
                play.uid,
                (
                    ("use", play.use, _("The use of the music is not stated. Enter it.")),
                    ("origin", play.origin, _("The origin of the music is not stated. Enter it.")),
                ),
            )

    def file_name(self, facts: DeclarationFacts) -> str:
        """Return the service and the period, such as ``FM_2026-11-01_2026-11-30.csv``."""
        service = name_part(in_ascii(facts.service).text) or "cue-declaration"
        return f"{service}_{facts.begins}_{facts.ends}.csv"

    def write(self, facts: DeclarationFacts, target: BinaryIO) -> WrittenDeclaration:
        """Write UTF-8 with a byte order mark and CRLF, guarded against formulas."""
        refuse_gaps(self, facts)
        recordings = {recording.uid: recording for recording in facts.recordings}
        stations = {station.uid: station.name for station in facts.stations}
        rows = (
            _cells(number, play, recordings[play.recording], stations[play.station])
            for _broadcast, plays in groupby(facts.plays, key=lambda play: play.broadcast)
            for number, play in enumerate(plays, start=1)
        )
        for piece in csv_pieces(rows, FIELDS, Dialect()):
            target.write(piece)
        return WrittenDeclaration(
            plays=len(facts.plays),
            played_ms=sum(play.played_ms for play in facts.plays),
            recordings=len(recordings),
            lines=len(facts.plays) + 1,
        )


def _cells(number: int, play: PlayFacts, recording: RecordingFacts, station: str) -> list[Cell]:
    writers, publishers = recording.writers, recording.publishers
    episode, share = play.episode, recording.own_share
    return [
        str(number),
        recording.title,
        recording.version_title,
        _names(writers),
        _names(publishers),
        list(recording.artists),
        recording.label,
        recording.isrc,
        recording.iswc,
        play.usage,
        offset(play.start_ms),
        offset(play.end_ms),
        offset(play.played_ms),
        None if share is None else f"{share:.2f}",
        play.state,
        play.match,
        station,
        play.broadcast_starts_at.isoformat(timespec="seconds"),
        episode.series or episode.programme,
        episode.season,
        episode.number,
        episode.title,
        _RUN.get(play.showing, ""),
        play.use,
        play.origin,
        # As long as the names, so that each stands beside its own.
        _beside(writer.ipi for writer in writers),
        _beside(publisher.ipi for publisher in publishers),
        _beside(writer.society for writer in writers),
    ]


def _names(people: tuple[Contributor, ...]) -> list[str]:
    return [person.name for person in people]


def _beside(codes: Iterator[str]) -> list[str]:
    cells = list(codes)
    return cells if any(cells) else []


FORMAT = CueDeclaration()


registry.register_plain(
    FORMAT,
    gettext_lazy("Rows are plays, with the columns of a cue sheet and the broadcast."),
    rank=50,
)
