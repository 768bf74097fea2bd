"""SoundExchange's report of use, 37 CFR 370.4, with a header and without.

One row for each recording and category. Services that may give tuning hours instead of
performances have one row for each recording and channel. The text file is in a ZIP of
the same name, as it is delivered.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date
from itertools import chain
from typing import BinaryIO, Final

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from plugins.monitoring.declarations.facts import DeclarationFacts, PlayFacts, RecordingFacts
from plugins.monitoring.declarations.formats import registry
from plugins.monitoring.declarations.formats.archive import entry
from plugins.monitoring.declarations.formats.base import (
    MissingValue,
    ValueSubject,
    WrittenDeclaration,
)
from plugins.monitoring.declarations.formats.checks import (
    artist_name,
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
    is_month,
    name_part,
    one_line,
    plain_decimal,
)

# B is a simulcast of music, C talk; H, I, J are the same for new subscription services,
# K is a business establishment service. D to G are reserved.
_CATEGORIES: Final = frozenset("ABCHIJK")
_HOURS_ALLOWED: Final = frozenset("HIJK")
_COLUMNS: Final = (
    "NAME_OF_SERVICE",
    "TRANSMISSION_CATEGORY",
    "FEATURED_ARTIST",
    "SOUND_RECORDING_TITLE",
    "ISRC",
    "ALBUM_TITLE",
    "MARKETING_LABEL",
    "ACTUAL_TOTAL_PERFORMANCES",
)
_HOURS_COLUMNS: Final = ("AGGREGATE_TUNING_HOURS", "CHANNEL_OR_PROGRAM_NAME", "PLAY_FREQUENCY")
_HEADER_CHARS: Final = 255
_DAYS_OF_MINIMUM_FEE: Final = 7
# With a header, the file may name others; the first do not occur in titles as a rule.
_TEXT_MARKS: Final = "^~`"
_DELIMITERS: Final = "|;\\"


class SoundExchangeReport:
    """Writes the report; ``key`` and label tell whether it has a header."""

    version = "81 FR 89868"
    media_type = "application/zip"

    def __init__(self, *, has_header: bool) -> None:
        self._has_header = has_header
        self.key = "soundexchange" if has_header else "soundexchange-bare"
        self.label: str | Promise = (
            gettext_lazy("SoundExchange report of use, with header")
            if has_header
            else gettext_lazy("SoundExchange report of use, without header")
        )

    def gaps(self, facts: DeclarationFacts) -> Iterator[MissingValue]:
        """Yield the mandatory values that the facts lack."""
        yield from _service_gaps(facts)
        if self._has_header:
            yield from _header_gaps(facts)
        for station in facts.stations:
            if station.soundexchange_category not in _CATEGORIES:
                why = _("The station has no category. Enter one of A, B, C, H, I, J and K.")
                yield MissingValue(ValueSubject.STATION, station.uid, "TRANSMISSION_CATEGORY", why)
        for recording in facts.recordings:
            yield from _recording_gaps(recording)
        yield from _play_gaps(facts)

    def file_name(self, facts: DeclarationFacts) -> str:
        """Return the name under which the ZIP is delivered."""
        return f"{_stem(facts)}.zip"

    def write(self, facts: DeclarationFacts, target: BinaryIO) -> WrittenDeclaration:
        """Write the ZIP; its lines are those of the text in it."""
        refuse_gaps(self, facts)
        totals = _Totals(facts)
        changes = ChangedValues()
        texts = {recording.uid: _texts(recording, changes) for recording in facts.recordings}
        service = _upper("NAME_OF_SERVICE", facts.service, changes)
        channels = {
            station.uid: _upper("CHANNEL_OR_PROGRAM_NAME", station.name, changes)
            for station in facts.stations
            if station.uid in totals.in_hours
        }
        marks = _Marks("^", "|")
        if self._has_header:
            marks = _marks(chain([service], channels.values(), chain.from_iterable(texts.values())))
        rows = _rows(totals, service, texts, channels)
        columns = _COLUMNS + _HOURS_COLUMNS if totals.in_hours else _COLUMNS
        head: list[str] = []
        if self._has_header:
            head = [
                # As it stands in the rows.
                marks.without(service),
                *_sender(facts, changes),
                *_about(facts, len(rows), marks),
                marks.between.join(columns),
            ]
        with (
            zipfile.ZipFile(target, "w") as archive,
            archive.open(entry(f"{_stem(facts)}.txt"), "w") as file,
        ):
            for line in head:
                file.write(f"{line}\r\n".encode("ascii"))
            for row in rows:
                cells = [marks.cell(cell, changes) for cell in row[: len(columns)]]
                file.write(f"{marks.between.join(cells)}\r\n".encode("ascii"))
        return WrittenDeclaration(
            totals.plays,
            totals.played_ms,
            len(totals.recordings),
            len(head) + len(rows),
            changes.sentences(),
        )


SOUNDEXCHANGE: Final = SoundExchangeReport(has_header=True)
SOUNDEXCHANGE_BARE: Final = SoundExchangeReport(has_header=False)


@dataclass(frozen=True, slots=True)
class _Text:
    """A cell that marks surround, with its column."""

    column: str
    value: str


_Cell = _Text | str


@dataclass(frozen=True, slots=True)
class _Marks:
    """The characters around texts and between cells."""

    around: str
    between: str

    def cell(self, cell: _Cell, changes: ChangedValues) -> str:
        """Return a cell; it must not contain either character."""
        if isinstance(cell, str):
            return cell
        if not cell.value:
            return ""
        written = changes.keep(cell.column, cell.value, self.without(cell.value))
        return f"{self.around}{written}{self.around}"

    def without(self, text: str) -> str:
        """Return text without either character."""
        return text.replace(self.between, "/").replace(self.around, "/")


@dataclass(slots=True)
class _PlaysHeard:
    """Plays of a recording by a station.

    ``performances`` are how often listeners heard them: each play, each listener once.
    """

    plays: int = 0
    performances: int = 0


class _Totals:
    """What the plays add up to, by station and recording, in the order of plays."""

    def __init__(self, facts: DeclarationFacts) -> None:
        self.plays = 0
        self.played_ms = 0
        self.stations = {station.uid: station for station in facts.stations}
        self.recordings: dict[str, None] = {}
        self.heard: dict[tuple[str, str], _PlaysHeard] = {}
        # Stations that give hours of listening instead of performances.
        self.in_hours: set[str] = set()
        for play in facts.plays:
            self._add(play)

    def _add(self, play: PlayFacts) -> None:
        self.plays += 1
        self.played_ms += play.played_ms
        self.recordings[play.recording] = None
        heard = self.heard.setdefault((play.station, play.recording), _PlaysHeard())
        heard.plays += 1
        if play.listeners is None:
            self.in_hours.add(play.station)
        else:
            heard.performances += play.listeners


def _rows(
    totals: _Totals, service: str, texts: Mapping[str, Sequence[str]], channels: Mapping[str, str]
) -> list[list[_Cell]]:
    """Return rows with all columns; the last three are empty beside performances."""
    performances: dict[tuple[str, str], int] = {}
    hours: list[tuple[str, str, _PlaysHeard]] = []
    for (station, recording), heard in totals.heard.items():
        if station in totals.in_hours:
            hours.append((station, recording, heard))
            continue
        key = (totals.stations[station].soundexchange_category, recording)
        performances[key] = performances.get(key, 0) + heard.performances
    rows = [
        [*_opening(service, category, texts[recording]), str(total), "", "", ""]
        for (category, recording), total in performances.items()
    ]
    for uid, recording, heard in hours:
        facts = totals.stations[uid]
        rows.append(
            [
                *_opening(service, facts.soundexchange_category, texts[recording]),
                "",
                plain_decimal(facts.listener_hours),
                _Text("CHANNEL_OR_PROGRAM_NAME", channels[uid]),
                str(heard.plays),
            ]
        )
    return rows


def _opening(service: str, category: str, texts: Sequence[str]) -> list[_Cell]:
    values = [service, category, *texts]
    return [_Text(*pair) for pair in zip(_COLUMNS[:-1], values, strict=True)]


def _texts(recording: RecordingFacts, changes: ChangedValues) -> tuple[str, ...]:
    """Return artist, title, ISRC, album and label."""
    return (
        _upper("FEATURED_ARTIST", artist_name(recording), changes),
        _upper("SOUND_RECORDING_TITLE", full_title(recording), changes),
        plain_isrc(recording.isrc),
        _upper("ALBUM_TITLE", recording.album, changes),
        _upper("MARKETING_LABEL", recording.label, changes),
    )


def _upper(column: str, text: str, changes: ChangedValues) -> str:
    """Return text in ASCII capitals; what ASCII cannot hold is left out."""
    plain = in_ascii(text)
    return changes.keep(column, text, "" if plain.lost else plain.text).upper()


def _marks(texts: Iterable[str]) -> _Marks:
    """Return characters that no text contains, or the usual ones if all occur."""
    used: set[str] = set()
    for text in texts:
        used.update(text)
    around = next((mark for mark in _TEXT_MARKS if mark not in used), _TEXT_MARKS[0])
    between = next((mark for mark in _DELIMITERS if mark not in used), _DELIMITERS[0])
    return _Marks(around, between)


def _sender(facts: DeclarationFacts, changes: ChangedValues) -> list[str]:
    """Return the header's rows 2 to 6."""
    sender = facts.sender
    rows = [
        ("CONTACT", sender.contact),
        ("STREET", sender.street),
        ("CITY_STATE_ZIP", sender.city),
        ("PHONE", sender.phone),
        ("EMAIL", sender.email),
    ]
    return [changes.keep(cell, text, in_ascii(text).text) for cell, text in rows]


def _about(facts: DeclarationFacts, rows: int, marks: _Marks) -> list[str]:
    """Return the header's rows 7 to 13; the last is blank."""
    return [
        compact_day(facts.begins),
        compact_day(facts.ends),
        compact_day(facts.created_at.astimezone(UTC).date()),
        str(rows),
        marks.around,
        marks.between,
        "",
    ]


def _stem(facts: DeclarationFacts) -> str:
    service = "".join(filter(str.isalnum, name_part(in_ascii(facts.service).text)))
    return f"{service}{compact_day(facts.begins)}-{compact_day(facts.ends)}"


def _service_gaps(facts: DeclarationFacts) -> Iterator[MissingValue]:
    yield from required(
        ValueSubject.PROFILE,
        "",
        [
            (
                "NAME_OF_SERVICE",
                facts.service,
                _("The service has no name. Enter the name under which it is licensed."),
            ),
            (
                "TRANSMISSION_CATEGORY",
                facts.stations or None,
                _("The declaration covers no station. Choose at least one."),
            ),
        ],
    )
    yield from unfit_ascii(ValueSubject.PROFILE, "", "NAME_OF_SERVICE", facts.service)
    if not (is_month(facts.begins, facts.ends) or _is_minimum_fee(facts.begins, facts.ends)):
        why = _(
            "A report covers a calendar month, or seven days for services at the "
            "minimum fee. Choose such a period."
        )
        yield MissingValue(ValueSubject.PROFILE, "", "START_DATE", why)


def _is_minimum_fee(begins: date, ends: date) -> bool:
    """Tell whether a period is one of those that services at the minimum fee report."""
    return (ends - begins).days + 1 == _DAYS_OF_MINIMUM_FEE


def _header_gaps(facts: DeclarationFacts) -> Iterator[MissingValue]:
    sender = facts.sender
    rows = [
        ("CONTACT", sender.contact, _("The report has no contact. Enter one.")),
        ("STREET", sender.street, _("The sender has no street address. Enter it.")),
        ("CITY_STATE_ZIP", sender.city, _("The sender has no city. Enter it.")),
        ("PHONE", sender.phone, _("The sender has no telephone number. Enter it.")),
        ("EMAIL", sender.email, _("The sender has no email address. Enter it.")),
    ]
    yield from required(ValueSubject.PROFILE, "", rows)
    for cell, text, _why in rows:
        yield from unfit_ascii(ValueSubject.PROFILE, "", cell, text)
    for cell, text in [("NAME_OF_SERVICE", facts.service), *(row[:2] for row in rows)]:
        if len(in_ascii(text).text) > _HEADER_CHARS:
            why = _("%(cell)s is longer than %(most)s characters. Shorten it.") % {
                "cell": cell,
                "most": _HEADER_CHARS,
            }
            yield MissingValue(ValueSubject.PROFILE, "", cell, why)


def _recording_gaps(recording: RecordingFacts) -> Iterator[MissingValue]:
    uid = recording.uid
    texts = [
        (
            "FEATURED_ARTIST",
            artist_name(recording),
            _("The recording has no artist. Enter the artist."),
        ),
        (
            "SOUND_RECORDING_TITLE",
            full_title(recording),
            _("The recording has no title. Enter it."),
        ),
    ]
    yield from required(ValueSubject.RECORDING, uid, texts)
    for cell, text, _why in texts:
        yield from unfit_ascii(ValueSubject.RECORDING, uid, cell, text)
    if one_line(recording.isrc):
        yield from unfit_code(ValueSubject.RECORDING, uid, "ISRC", recording.isrc, plain_isrc)
        return
    if not one_line(recording.album) or not one_line(recording.label):
        why = _(
            "The recording has neither an ISRC nor both an album and a label. "
            "Enter the ISRC, or album and label."
        )
        yield MissingValue(ValueSubject.RECORDING, uid, "ISRC", why)
    for cell, text in (("ALBUM_TITLE", recording.album), ("MARKETING_LABEL", recording.label)):
        yield from unfit_ascii(ValueSubject.RECORDING, uid, cell, text)


def _play_gaps(facts: DeclarationFacts) -> Iterator[MissingValue]:
    """Yield plays without listeners, and stations that may give hours but lack them."""
    stations = {station.uid: station for station in facts.stations}
    in_hours: dict[str, None] = {}
    is_minimum_fee = _is_minimum_fee(facts.begins, facts.ends)
    for play in facts.plays:
        if play.listeners is not None:
            continue
        category = stations[play.station].soundexchange_category
        if is_minimum_fee or category in _HOURS_ALLOWED:
            in_hours[play.station] = None
            continue
        why = _(
            "How many people heard the play is not known. Enter the listeners of "
            "the broadcast or of the station's hour."
        )
        yield MissingValue(ValueSubject.AUDIENCE, play.uid, "ACTUAL_TOTAL_PERFORMANCES", why)
    for uid in in_hours:
        station = stations[uid]
        if station.listener_hours is None:
            why = _(
                "Neither the listeners of all plays nor the hours of listening in the "
                "period are known. Enter the hours."
            )
            yield MissingValue(ValueSubject.FIGURES, uid, "AGGREGATE_TUNING_HOURS", why)
        yield from unfit_ascii(ValueSubject.STATION, uid, "CHANNEL_OR_PROGRAM_NAME", station.name)


registry.register_plain(SOUNDEXCHANGE, gettext_lazy("Rows are recordings by category."), rank=20)
registry.register_plain(
    SOUNDEXCHANGE_BARE, gettext_lazy("Rows are recordings by category."), rank=21
)
