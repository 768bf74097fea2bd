"""Facts of a declaration with the values of the specification's samples."""

from __future__ import annotations

import io
import zipfile
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from plugins.monitoring.declarations.facts import (
    Contributor,
    DeclarationFacts,
    PartyFacts,
    PlayFacts,
    RecordingFacts,
    StationFacts,
)
from plugins.monitoring.declarations.formats.base import DeclarationFormat, WrittenDeclaration

ZURICH = ZoneInfo("Europe/Zurich")

STATION = StationFacts(
    uid="st_harbour",
    name="Harbour FM",
    type="fm_radio",
    territory="CH",
    time_zone="Europe/Zurich",
    commercial_model="AdvertisementSupportedModel",
    soundexchange_category="B",
    listener_hours=Decimal("1480.50"),
    net_revenue=Decimal("250000.00"),
    currency="CHF",
    rights_type="PerformingRight",
)
RECORDING = RecordingFacts(
    uid="rec_blue",
    own_id="r_01",
    title="Blue Lantern",
    artists=("The Ferrymen",),
    isrc="QZAA02600001",
    duration_ms=192_000,
    label="Harbour Lights",
    album="Night Pier",
    upc="2000000000015",
    catalogue_number="NP001",
    released=date(2026, 3, 1),
    iswc="T9000000011",
    writers=(Contributor("Anna Muster", "CA", "00000815140"),),
    publishers=(Contributor("Example Music", "E", "00000471148"),),
)
SENDER = PartyFacts(
    name="Harbour Radio AG",
    dpid="PADPIDA2099010101X",
    contact="A. Muster",
    street="Pier 1",
    city="Harbour, CH, 9999",
    phone="+41 00 000 00 00",
    email="desk@harbour.example",
)
RECIPIENT = PartyFacts(name="Example Society", dpid="PADPIDA2099010102V")


def play(number: int = 1, **values: object) -> PlayFacts:
    """Return a play of the recording; each number begins a day later."""
    starts_at = datetime(2026, 11, 3, 7, 15, 4, tzinfo=ZURICH)
    play = PlayFacts(
        uid=f"play_{number}",
        station=STATION.uid,
        broadcast=f"bc_{number}",
        broadcast_starts_at=datetime(2026, 11, 3, 7, tzinfo=ZURICH),
        broadcast_ms=3_600_000,
        starts_at=starts_at + timedelta(days=number - 1),
        start_ms=904_000,
        end_ms=1_096_000,
        played_ms=192_000,
        recording=RECORDING.uid,
        match=f"m_{number}",
        file=f"f_{number}",
        state="confirmed",
        usage="featured",
        own_recording=False,
        listeners=137 if number < 3 else 138,
    )
    return replace(play, **values)  # type: ignore[arg-type]  # fields by name


def facts(**values: object) -> DeclarationFacts:
    facts = DeclarationFacts(
        message_id="HFM-2026-11-1",
        created_at=datetime(2026, 12, 2, 9, tzinfo=UTC),
        begins=date(2026, 11, 1),
        ends=date(2026, 11, 30),
        service="FM",
        sender=SENDER,
        recipient=RECIPIENT,
        stations=(STATION,),
        recordings=(RECORDING,),
        plays=(play(1), play(2), play(3)),
    )
    return replace(facts, **values)  # type: ignore[arg-type]  # fields by name


def with_recording(**values: object) -> DeclarationFacts:
    changed = replace(RECORDING, **values)  # type: ignore[arg-type]  # by name
    return facts(recordings=(changed,))


def with_station(**values: object) -> DeclarationFacts:
    changed = replace(STATION, **values)  # type: ignore[arg-type]  # by name
    return facts(stations=(changed,))


def written(
    layout: DeclarationFormat, declared: DeclarationFacts
) -> tuple[bytes, WrittenDeclaration]:
    target = io.BytesIO()
    totals = layout.write(declared, target)
    return target.getvalue(), totals


def unzipped(content: bytes) -> dict[str, str]:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert archive.testzip() is None
        return {name: archive.read(name).decode() for name in archive.namelist()}


def missing(layout: DeclarationFormat, declared: DeclarationFacts) -> list[str]:
    """Return subject, uid if it has one, and cell of each gap."""
    return [
        " ".join(filter(None, (gap.subject, gap.uid, gap.cell))) for gap in layout.gaps(declared)
    ]
