"""DDEX Digital Sales Report, flat file, RadioBroadcastProfile 1.0.

One summary for each station, one block for each recording, and in it one line for each
station that played it. The profile counts broadcasts; it has no times.

The text of profile 1.0 names the profile BroadcastReportingProfile, its schema and the
set of allowed values RadioBroadcastProfile; the latter is written. How a tab or a bar
inside a value is escaped differs between editions, so such values are changed instead.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date
from typing import BinaryIO, Final

from babel.numbers import list_currencies
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from base.common.territories import TERRITORIES
from catalogue.identifiers import check_dpid, check_ipi_name, check_iswc
from plugins.monitoring.broadcasts.choices import RightsType
from plugins.monitoring.declarations.facts import (
    Contributor,
    DeclarationFacts,
    RecordingFacts,
    StationFacts,
)
from plugins.monitoring.declarations.formats import registry
from plugins.monitoring.declarations.formats.base import (
    MissingValue,
    ValueSubject,
    WrittenDeclaration,
)
from plugins.monitoring.declarations.formats.checks import (
    ARRANGERS,
    AUTHORS,
    artist_name,
    plain_isrc,
    refuse_gaps,
    required,
    unfit_code,
    with_roles,
)
from plugins.monitoring.declarations.formats.texts import (
    ChangedValues,
    is_month,
    name_part,
    one_line,
    plain_decimal,
)
from plugins.monitoring.streams.choices import CommercialModel, StationType

_PROFILE: Final = "RadioBroadcastProfile"
_MESSAGE_VERSION: Final = "dsrf/30"
# Bars part lists; the open reader takes a backslash for an escape.
_FITTING: Final = str.maketrans({"|": "/", "\\": "/"})
_USE_TYPES: Final = {
    StationType.AM: "Broadcast",
    StationType.FM: "Broadcast",
    StationType.DAB: "Broadcast",
    StationType.WEB: "Webcast",
}


class DsrRadio:
    """Writes the profile in one file."""

    key = "dsr-radio"
    version = "1.0"
    media_type = "text/tab-separated-values; charset=utf-8"
    label: str | Promise = gettext_lazy("DDEX sales report, radio (DSR, RadioBroadcastProfile 1.0)")

    def gaps(self, facts: DeclarationFacts) -> Iterator[MissingValue]:
        """Yield the mandatory values that the profile lacks."""
        yield from _profile_gaps(facts)
        for station in facts.stations:
            yield from _station_gaps(station)
        for recording in facts.recordings:
            yield from _recording_gaps(recording)

    def file_name(self, facts: DeclarationFacts) -> str:
        """Return the name; a territory that is not one is left out."""
        territories = {station.territory for station in facts.stations}
        parts = [
            "DSR",
            name_part(facts.recipient.dpid),
            name_part(facts.sender.dpid),
            name_part(facts.service),
            _period(facts.begins, facts.ends),
            name_part(territories.pop()) if len(territories) == 1 else "",
            "1of1",
            f"{facts.created_at.astimezone(UTC):%Y%m%dT%H%M%S}.tsv",
        ]
        return "_".join(parts)

    def write(self, facts: DeclarationFacts, target: BinaryIO) -> WrittenDeclaration:
        """Write the file; its lines are those of FOOT."""
        refuse_gaps(self, facts)
        counts, plays, played_ms = _count(facts)
        changes = ChangedValues()
        lines = _Lines(target)
        lines.add(_head(facts, changes))
        for number, station in enumerate(facts.stations, start=1):
            broadcasts = sum(counts.get(station.uid, {}).values())
            lines.add(_summary(facts, station, number, broadcasts, changes))
        blocks = 0
        transactions = 0
        for recording in facts.recordings:
            uses = [
                (number, counts[station.uid][recording.uid])
                for number, station in enumerate(facts.stations, start=1)
                if recording.uid in counts.get(station.uid, {})
            ]
            if not uses:
                continue
            blocks += 1
            lines.add(_resource(recording, f"BL{blocks}", changes))
            for number, broadcasts in uses:
                transactions += 1
                lines.add(
                    [
                        "SU05",
                        f"BL{blocks}",
                        str(number),
                        f"T{transactions}",
                        "1",
                        "true",
                        str(broadcasts),
                        "",
                        "",
                    ]
                )
        total = str(lines.written + 1)
        block_count = str(blocks)
        lines.add(["FOOT", total, total, str(len(facts.stations)), block_count, block_count])
        return WrittenDeclaration(plays, played_ms, blocks, lines.written, changes.sentences())


DSR_RADIO: Final = DsrRadio()


@dataclass(slots=True)
class _Lines:
    """Writes and counts lines."""

    target: BinaryIO
    written: int = 0

    def add(self, cells: Sequence[str]) -> None:
        self.target.write(("\t".join(cells) + "\r\n").encode())
        self.written += 1


def _count(facts: DeclarationFacts) -> tuple[dict[str, dict[str, int]], int, int]:
    """Return plays by station and recording, their number, and how long they sounded."""
    counts: dict[str, dict[str, int]] = {}
    plays = played_ms = 0
    for play in facts.plays:
        of_station = counts.setdefault(play.station, {})
        of_station[play.recording] = of_station.get(play.recording, 0) + 1
        plays += 1
        played_ms += play.played_ms
    return counts, plays, played_ms


def _head(facts: DeclarationFacts, changes: ChangedValues) -> list[str]:
    return [
        "HEAD",
        _MESSAGE_VERSION,
        _PROFILE,
        "1.0",
        _text("MessageId", facts.message_id, changes),
        f"{facts.created_at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}",
        "1",
        "1",
        facts.begins.isoformat(),
        facts.ends.isoformat(),
        check_dpid(facts.sender.dpid),
        _text("SenderName", facts.sender.name, changes),
        _service(facts, changes),
        check_dpid(facts.recipient.dpid),
        _text("RecipientName", facts.recipient.name, changes),
        "",
    ]


def _summary(
    facts: DeclarationFacts,
    station: StationFacts,
    number: int,
    broadcasts: int,
    changes: ChangedValues,
) -> list[str]:
    whole, _point, cents = plain_decimal(station.net_revenue).partition(".")
    return [
        "SY08",
        str(number),
        "",
        "",
        _service(facts, changes),
        _text("BroadcastStationOrChannel", station.name, changes),
        station.commercial_model,
        _USE_TYPES[StationType(station.type)],
        station.territory,
        str(broadcasts),
        # The schema means how often listeners heard a recording, which are performances.
        "" if station.performances is None else str(station.performances),
        plain_decimal(station.listener_hours),
        station.currency,
        f"{whole}.{cents:0<2}",
        *("", "", "", ""),
        station.rights_type if station.rights_type in RightsType.values else "",
        *("", "", ""),
    ]


def _resource(recording: RecordingFacts, block: str, changes: ChangedValues) -> list[str]:
    authors = with_roles(recording.writers, AUTHORS)
    arrangers = with_roles(recording.writers, ARRANGERS)
    roles = {writer.role for writer in recording.writers} - AUTHORS - ARRANGERS
    contributors = with_roles(recording.writers, frozenset(roles))
    publishers = tuple(publisher for publisher in recording.publishers if one_line(publisher.name))
    return [
        "AS02.01",
        block,
        "1",
        _text("DspResourceId", recording.own_id, changes),
        plain_isrc(recording.isrc),
        _text("Title", recording.title, changes),
        _text("SubTitle", recording.version_title, changes),
        _text("DisplayArtistName", artist_name(recording), changes),
        f"ISNI::{recording.artist_isni}" if recording.artist_isni else "",
        _duration(recording.duration_ms),
        "SoundRecording",
        check_iswc(recording.iswc),
        *_people("ComposerAuthor", authors, changes),
        *_people("Arranger", arrangers, changes),
        *_people("MusicPublisher", publishers, changes),
        *_people("WorkContributor", contributors, changes),
        # It needs the namespace of who gave the number, which is not recorded.
        "",
    ]


def _people(cell: str, people: Sequence[Contributor], changes: ChangedValues) -> list[str]:
    """Return names, and the ids that stand at the same places."""
    names = [_text(cell, person.name, changes) for person in people]
    ipis = [check_ipi_name(person.ipi) for person in people]
    ids = [f"IPI::{ipi}" if ipi else "" for ipi in ipis]
    return ["|".join(names), "|".join(ids) if any(ids) else ""]


def _text(cell: str, text: str, changes: ChangedValues) -> str:
    return changes.keep(cell, text, one_line(text).translate(_FITTING))


def _service(facts: DeclarationFacts, changes: ChangedValues) -> str:
    # In the file's name too, and both must be equal.
    return changes.keep("ServiceDescription", facts.service, name_part(facts.service))


def _duration(total_ms: int | None) -> str:
    # None was refused as a gap, here and in the figures below.
    seconds, ms = divmod(total_ms or 0, 1000)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    fraction = f".{ms:03d}".rstrip("0") if ms else ""
    if hours:
        return f"PT{hours}H{minutes}M{seconds}{fraction}S"
    if minutes:
        return f"PT{minutes}M{seconds}{fraction}S"
    return f"PT{seconds}{fraction}S"


def _period(begins: date, ends: date) -> str:
    """Return a year, quarter, month or day by its name, other periods by their ends."""
    if begins == ends:
        return begins.isoformat()
    if is_month(begins, ends):
        return begins.isoformat()[:7]
    is_whole = begins.day == 1 and is_month(ends.replace(day=1), ends)
    if begins.year == ends.year and is_whole:
        if (begins.month, ends.month) == (1, 12):
            return begins.isoformat()[:4]
        if begins.month % 3 == 1 and ends.month == begins.month + 2:
            return f"{begins.isoformat()[:4]}-Q{ends.month // 3}"
    return f"{begins.isoformat()}--{ends.isoformat()}"


def _profile_gaps(facts: DeclarationFacts) -> Iterator[MissingValue]:
    yield from required(
        ValueSubject.PROFILE,
        "",
        [
            ("MessageId", facts.message_id, _("The declaration has no message id.")),
            (
                "SenderPartyId",
                facts.sender.dpid,
                _("The sender has no DPID. Get one from DDEX free of charge and enter it."),
            ),
            (
                "SenderName",
                facts.sender.name,
                _("The sender has no name. Enter the name of your organisation."),
            ),
            (
                "ServiceDescription",
                name_part(facts.service),
                _("The service has no name. Enter one such as FM."),
            ),
            (
                "RecipientPartyId",
                facts.recipient.dpid,
                _("The recipient has no DPID. Ask the society for it and enter it."),
            ),
            (
                "RecipientName",
                facts.recipient.name,
                _("The recipient has no name. Enter the name of the society."),
            ),
            (
                "SummaryRecordId",
                facts.stations or None,
                _("The declaration covers no station. Choose at least one."),
            ),
        ],
    )
    for cell, dpid in (
        ("SenderPartyId", facts.sender.dpid),
        ("RecipientPartyId", facts.recipient.dpid),
    ):
        yield from unfit_code(ValueSubject.PROFILE, "", cell, dpid, check_dpid)


def _station_gaps(station: StationFacts) -> Iterator[MissingValue]:
    yield from _station_values(station)
    yield from required(
        ValueSubject.FIGURES,
        station.uid,
        [
            (
                "ListenerHours",
                station.listener_hours,
                _("The hours of listening in the period are not known. Enter them."),
            ),
            (
                "NetRevenue",
                station.net_revenue,
                _("The net revenue in the period is not known. Enter it."),
            ),
        ],
    )
    if station.currency not in list_currencies():
        why = (
            _("“%(code)s” is not a currency. Enter a code of three letters such as EUR.")
            % {"code": station.currency}
            if station.currency
            else _("The currency of the revenue is not known. Enter it.")
        )
        yield MissingValue(ValueSubject.FIGURES, station.uid, "Currency", why)


def _station_values(station: StationFacts) -> Iterator[MissingValue]:
    uid = station.uid
    yield from required(
        ValueSubject.STATION,
        uid,
        [("BroadcastStationOrChannel", station.name, _("The station has no name. Enter it."))],
    )
    if station.commercial_model not in CommercialModel.values:
        why = _("How the station earns its money is not known. Choose it.")
        yield MissingValue(ValueSubject.STATION, uid, "CommercialModel", why)
    if station.type not in _USE_TYPES:
        why = _(
            "The report is for radio: the station's type must be AM, FM, digital or "
            "web radio. Choose the type."
        )
        yield MissingValue(ValueSubject.STATION, uid, "UseType", why)
    if station.territory not in TERRITORIES:
        why = _("The station has no territory. Enter a code of two letters such as GB.")
        yield MissingValue(ValueSubject.STATION, uid, "Territory", why)


def _recording_gaps(recording: RecordingFacts) -> Iterator[MissingValue]:
    uid = recording.uid
    yield from required(
        ValueSubject.RECORDING,
        uid,
        [
            ("DspResourceId", recording.own_id, _("The recording has no custom ID. Enter one.")),
            ("Title", recording.title, _("The recording has no title. Enter it.")),
            (
                "DisplayArtistName",
                artist_name(recording),
                _("The recording has no artist. Enter the artist."),
            ),
            (
                "Duration",
                recording.duration_ms or None,
                _("The length of the recording is not known. Enter it."),
            ),
        ],
    )
    for cell, code, check in _codes(recording):
        yield from unfit_code(ValueSubject.RECORDING, uid, cell, code, check)


def _codes(recording: RecordingFacts) -> Iterable[tuple[str, str, Callable[[str], str]]]:
    yield "ISRC", recording.isrc, plain_isrc
    yield "ISWC", recording.iswc, check_iswc
    for writer in recording.writers:
        yield "ComposerAuthorPartyId", writer.ipi, check_ipi_name
    for publisher in recording.publishers:
        yield "MusicPublisherPartyId", publisher.ipi, check_ipi_name


registry.register_plain(
    DSR_RADIO, gettext_lazy("Rows are recordings, and recordings by station."), rank=10
)
