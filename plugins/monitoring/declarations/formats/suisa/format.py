"""SUISA's radio report: 21 columns, one line for each play, as CSV or workbook.

The columns are those of an open program that reports to SUISA; the annex of the tariff,
which should define them, is not public.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import BinaryIO, Final

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from base.common.csv_safety import guard
from catalogue.identifiers import check_upc
from plugins.monitoring.declarations.facts import DeclarationFacts, RecordingFacts
from plugins.monitoring.declarations.formats import registry
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
    unfit_code,
)
from plugins.monitoring.declarations.formats.texts import (
    ChangedValues,
    compact_day,
    length_in_seconds,
    name_part,
    one_line,
    start_in_seconds,
)
from reports.cells import ColumnType, Dialect, ValueType, csv_pieces
from reports.tables import Sheet, write_xlsx

_NAMES: Final = (
    "Sender",
    "Titel des Musikwerks",
    "Name des Komponisten",
    "Interpret(en)",
    "Sendedatum",
    "Sendedauer",
    "Sendezeit",
    "ISRC",
    "Label",
    "Identifikationsnummer",
    "Eigenaufnahmen",
    "EAN / GTIN",
    "Albumtitel / Titel des Tonträgers",
    "Aufnahmedatum",
    "Aufnahmeland",
    "Erstveröffentlichungsdatum",
    "Katalog-Nummer / CD ID",
    "Werkverzeichnisangaben",
    "Bestellnummer",
    "Veröffentlichungsland",
    "Liveaufnahme",
)
_COLUMNS: Final = [ColumnType(name, ValueType.TEXT) for name in _NAMES]


class _SuisaReport:
    """What the CSV and the workbook share."""

    key: str
    version = "21"
    media_type: str
    _extension: str

    def gaps(self, facts: DeclarationFacts) -> Iterator[MissingValue]:
        """Yield what one of the first eleven columns lacks."""
        yield from required(
            ValueSubject.PROFILE,
            "",
            [
                (
                    "Sender",
                    facts.stations[0] if len(facts.stations) == 1 else None,
                    _("A report covers one station. Choose one."),
                )
            ],
        )
        if f"{facts.begins:%Y%m}" != f"{facts.ends:%Y%m}":
            why = _("A report lies within one calendar month. Choose such a period.")
            yield MissingValue(ValueSubject.PROFILE, "", "Sendedatum", why)
        for station in facts.stations:
            why = _("The station has no name. Enter it.")
            cells = [("Sender", station.name, why)]
            yield from required(ValueSubject.STATION, station.uid, cells)
        for recording in facts.recordings:
            yield from _recording_gaps(recording)
        for play in facts.plays:
            if play.own_recording is None:
                why = _(
                    "It is not known whether this is the station's own recording. Say whether it is."
                )
                yield MissingValue(ValueSubject.PLAY, play.uid, "Eigenaufnahmen", why)

    def file_name(self, facts: DeclarationFacts) -> str:
        """Return the name of the station, or of the service for several, and the month."""
        single = len(facts.stations) == 1
        name = name_part(facts.stations[0].name if single else facts.service)
        return f"{name}_{facts.begins:%Y_%m}.{self._extension}"


class SuisaLog(_SuisaReport):
    """Writes the report as CSV: UTF-8, comma, CRLF, formulas guarded."""

    key = "suisa"
    media_type = "text/csv; charset=utf-8"
    label: str | Promise = gettext_lazy("SUISA radio report (CSV)")
    _extension = "csv"

    def write(self, facts: DeclarationFacts, target: BinaryIO) -> WrittenDeclaration:
        """Write the file; its first line names the columns."""
        refuse_gaps(self, facts)
        rows = _PlayRows(facts)
        for column, value in rows.fixed_texts():
            rows.changes.keep(column, value, guard(value))
        dialect = Dialect(byte_order_mark=False)
        for piece in csv_pieces(rows, _COLUMNS, dialect):
            target.write(piece)
        return rows.written()


class SuisaWorkbook(_SuisaReport):
    """Writes the report as a workbook; a second sheet describes the declaration."""

    key = "suisa-xlsx"
    media_type = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
    label: str | Promise = gettext_lazy("SUISA radio report (XLSX)")
    _extension = "xlsx"

    def write(self, facts: DeclarationFacts, target: BinaryIO) -> WrittenDeclaration:
        """Write the file by way of a temporary one, since the library needs a path."""
        refuse_gaps(self, facts)
        rows = _PlayRows(facts)
        about = {
            "message_id": facts.message_id,
            "begins": facts.begins.isoformat(),
            "ends": facts.ends.isoformat(),
        }
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "report.xlsx"
            write_xlsx(path, [Sheet("Sendemeldung", _COLUMNS, rows)], about)
            with path.open("rb") as file:
                shutil.copyfileobj(file, target)
        return rows.written()


SUISA: Final = SuisaLog()
SUISA_XLSX: Final = SuisaWorkbook()


class _PlayRows:
    """Cells of each play, read once, and their totals."""

    def __init__(self, facts: DeclarationFacts) -> None:
        self.changes = ChangedValues()
        self._facts = facts
        self._stations = {
            station.uid: self._text("Sender", station.name) for station in facts.stations
        }
        self._recordings = {
            recording.uid: self._recording(recording) for recording in facts.recordings
        }
        self._played: dict[str, None] = {}
        self._plays = 0
        self._played_ms = 0

    def __iter__(self) -> Iterator[list[str]]:
        for play in self._facts.plays:
            self._plays += 1
            self._played_ms += play.played_ms
            self._played[play.recording] = None
            starts = start_in_seconds(play)
            cells = {
                "Sender": self._stations[play.station],
                **self._recordings[play.recording],
                "Sendedatum": starts.date().isoformat(),
                "Sendedauer": length_in_seconds(play),
                "Sendezeit": f"{starts:%H:%M:%S}",
                "Eigenaufnahmen": _yes_no(play.own_recording),
                "Aufnahmedatum": compact_day(play.recorded_on),
                "Aufnahmeland": one_line(play.recorded_in),
                "Veröffentlichungsland": one_line(play.published_in),
                "Liveaufnahme": _yes_no(play.live),
            }
            yield [cells.get(name, "") for name in _NAMES]

    def fixed_texts(self) -> Iterator[tuple[str, str]]:
        """Yield column and value of what does not depend on the play."""
        for name in self._stations.values():
            yield "Sender", name
        for cells in self._recordings.values():
            yield from cells.items()

    def written(self) -> WrittenDeclaration:
        """Return the totals of the rows that were read."""
        return WrittenDeclaration(
            self._plays,
            self._played_ms,
            len(self._played),
            self._plays + 1,
            self.changes.sentences(),
        )

    def _text(self, column: str, text: str) -> str:
        return self.changes.keep(column, text, one_line(text))

    def _recording(self, recording: RecordingFacts) -> Mapping[str, str]:
        texts = {
            "Titel des Musikwerks": full_title(recording),
            "Name des Komponisten": composer_names(recording),
            "Interpret(en)": artist_name(recording),
            "Label": recording.label,
            "Identifikationsnummer": recording.own_id,
            "Albumtitel / Titel des Tonträgers": recording.album,
            "Katalog-Nummer / CD ID": recording.catalogue_number,
        }
        return {
            **{column: self._text(column, text) for column, text in texts.items()},
            "ISRC": plain_isrc(recording.isrc),
            "EAN / GTIN": check_upc(recording.upc),
            "Erstveröffentlichungsdatum": compact_day(recording.released),
        }


def _yes_no(value: bool | None) -> str:
    if value is None:
        return ""
    return "ja" if value else "nein"


def _recording_gaps(recording: RecordingFacts) -> Iterator[MissingValue]:
    uid = recording.uid
    yield from required(
        ValueSubject.RECORDING,
        uid,
        [
            ("Titel des Musikwerks", recording.title, _("The recording has no title. Enter it.")),
            (
                "Name des Komponisten",
                composer_names(recording),
                _("The recording has no composer. Enter the writers of its work."),
            ),
            (
                "Interpret(en)",
                artist_name(recording),
                _("The recording has no artist. Enter the artist."),
            ),
            ("ISRC", recording.isrc, _("The recording has no ISRC. Enter it.")),
            ("Label", recording.label, _("The recording has no label. Enter it.")),
            (
                "Identifikationsnummer",
                recording.own_id,
                _("The recording has no custom ID. Enter one."),
            ),
        ],
    )
    yield from unfit_code(ValueSubject.RECORDING, uid, "ISRC", recording.isrc, plain_isrc)
    yield from unfit_code(ValueSubject.RECORDING, uid, "EAN / GTIN", recording.upc, check_upc)


registry.register_plain(SUISA, gettext_lazy("Rows are plays of one station in one month."), rank=30)
registry.register_plain(
    SUISA_XLSX, gettext_lazy("Rows are plays of one station in one month."), rank=31
)
