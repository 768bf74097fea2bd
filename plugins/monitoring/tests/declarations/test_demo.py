"""Declarations of the demo's programmes, read by others and compared with the truth."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from types import ModuleType
from zoneinfo import ZoneInfo

import pytest
from django.conf import settings

from base.accounts.models import User
from catalogue.models import Recording
from plugins.monitoring.broadcasts.choices import RightsType
from plugins.monitoring.broadcasts.models import Audience, Revenue
from plugins.monitoring.declarations import services
from plugins.monitoring.streams.choices import CommercialModel
from plugins.monitoring.streams.models import Station
from plugins.monitoring.tests.declarations.making import (
    ZURICH,
    a_broadcast,
    a_draft,
    a_profile,
    a_station,
    a_user,
)
from plugins.monitoring.tests.declarations.readers import bmi, dsr, soundexchange, suisa
from plugins.monitoring.tests.declarations.readers.plays import ReadPlay
from reports.choices import RunState
from review.choices import Verb
from review.decisions.decide import decide
from review.decisions.verbs import Decision
from review.models import Match
from review.programmes.choices import CueUse, MusicOrigin
from review.programmes.models import MusicUse
from scanning.models import ScannedFile
from tests.fixtures import Worker
from web.portal.management import demo

Reader = Callable[[bytes, str], list[ReadPlay]]
DEMO = Path(settings.BASE_DIR) / "demo"
BEGINS = {
    "programme-morning.opus": datetime(2026, 11, 3, 7, tzinfo=ZoneInfo(ZURICH)),
    "programme-evening.opus": datetime(2026, 11, 4, 19, 30, tzinfo=ZoneInfo(ZURICH)),
    "programme-uploads.opus": datetime(2026, 11, 5, 21, tzinfo=ZoneInfo(ZURICH)),
}
SENDER = {
    "sender": "Harbour Radio AG",
    "sender_dpid": "PADPIDA2099010101X",
    "recipient": "Example Society",
    "recipient_dpid": "PADPIDA2099010102V",
    "contact": "A. Muster",
    "street": "Pier 1",
    "city": "Zurich",
    "phone": "+41 44 000 00 00",
    "email": "a@harbour.example",
}


@dataclass(frozen=True, slots=True)
class TruePlay:
    """A play as the demo was mixed; edges under speech are less sharp."""

    own_id: str
    starts_at: datetime
    length: timedelta
    title: str
    artist: str
    edge: timedelta


def truth() -> list[TruePlay]:
    with (DEMO / "catalogue.csv").open(newline="") as file:
        recordings = {row["custom_id"]: row for row in csv.DictReader(file)}
    with (DEMO / "programmes" / "truth.csv").open(newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["kind"] == "track"]
    plays = [
        TruePlay(
            row["custom_id"],
            BEGINS[row["programme"]].replace(tzinfo=None)
            + timedelta(seconds=float(row["start_s"])),
            timedelta(seconds=float(row["end_s"]) - float(row["start_s"])),
            recordings[row["custom_id"]]["title"],
            recordings[row["custom_id"]]["artists"],
            # Some formats have whole seconds.
            timedelta(seconds=3.5 if row["music_over_speech_db"] else 1.5),
        )
        for row in rows
    ]
    return sorted(plays, key=lambda play: play.starts_at)


@pytest.fixture
def station(run_worker: Worker) -> Station:
    """Scan, confirm and broadcast the programmes; tell all that formats ask."""
    user: User = a_user()
    bucket = demo.ensure_catalogue(user)
    run_worker()
    container = demo.ensure_container(bucket, user)
    demo.ensure_programmes(container, user)
    run_worker()
    waiting = {match.uid: match.version for match in Match.objects.all()}
    decided = decide(versions=waiting, decision=Decision(verb=Verb.CONFIRM), user=user)
    assert len(decided.done) == 14
    for number, recording in enumerate(Recording.objects.order_by("custom_id"), 1):
        recording.isrc = recording.isrc_normalised = f"QZAA026{number:05d}"
        recording.label, recording.writers = "Harbour Lights", ["Anna Muster"]
        recording.save()
    for match in Match.objects.all():
        MusicUse.objects.create(
            scanned_file=match.scanned_file,
            recording=match.recording,
            use=CueUse.ON_SCREEN,
            origin=MusicOrigin.PREEXISTING,
            own_recording=False,
        )
    made = a_station(
        name="Harbour FM",
        territory="CH",
        commercial_model=CommercialModel.ADVERTISEMENT,
        soundexchange_category="K",
    )
    for file in ScannedFile.objects.all():
        a_broadcast(file, made, BEGINS[file.name])
    month = date(2026, 11, 1)
    Audience.objects.create(
        station=made, month=month, listeners=200, tuning_hours=Decimal("1480.5")
    )
    Revenue.objects.create(
        station=made,
        month=month,
        rights_type=RightsType.PERFORMING,
        net_revenue=Decimal(250_000),
        currency="CHF",
    )
    return made


def declared(station: Station, layout: str, reader: Reader) -> list[ReadPlay]:
    profile = a_profile(station, format=layout, rights_type=RightsType.PERFORMING, **SENDER)
    made = services.declare_now(a_draft(profile))
    assert made.state == RunState.READY, made.message
    return reader(b"".join(made.file.chunks()), made.file_name)


def plays_of(module: ModuleType) -> Reader:
    """Return the reader of a module, whatever it calls its reports."""

    def read(content: bytes, name: str) -> list[ReadPlay]:
        read_all = getattr(module, "parse_all", None)
        reports = read_all(content, name) if read_all else [module.parse(content, name)]
        return [play for report in reports for play in report.plays()]

    return read


def cues(content: bytes, _name: str) -> list[ReadPlay]:
    rows = csv.DictReader(io.StringIO(content.decode("utf-8-sig"), newline=""))
    return [
        ReadPlay(
            station=row["station"],
            recording="",
            title=row["title"],
            artist=row["performers"],
            isrc=row["isrc"],
            count=1,
            starts_at=datetime.fromisoformat(row["broadcast_start"]) + _length(row["time_in"]),
            played_ms=_length(row["duration"]) // timedelta(milliseconds=1),
        )
        for row in rows
    ]


def _length(text: str) -> timedelta:
    hours, minutes, seconds = text.split(":")
    return timedelta(hours=int(hours), minutes=int(minutes), seconds=float(seconds))


@pytest.mark.soak
@pytest.mark.slow
def test_every_declaration_of_the_demo_says_the_truth(station: Station) -> None:
    """One scan for all formats, since it takes long."""
    true = truth()
    isrcs = dict(Recording.objects.values_list("custom_id", "isrc_normalised"))

    for layout, reader in (
        ("suisa", plays_of(suisa)),
        ("suisa-xlsx", plays_of(suisa)),
        ("bmi-log", plays_of(bmi)),
        ("cue-declaration", cues),
    ):
        plays = sorted(declared(station, layout, reader), key=lambda play: str(play.starts_at))
        assert len(plays) == len(true) == 16, layout
        for play, item in zip(plays, true, strict=True):
            _says_the_truth(play, item, isrcs[item.own_id])

    for layout, module in (("dsr-radio", dsr), ("soundexchange", soundexchange)):
        counted: Counter[str] = Counter()
        for play in declared(station, layout, plays_of(module)):
            counted[play.isrc] += play.count
        assert counted == Counter(isrcs[truth.own_id] for truth in true), layout


def _says_the_truth(play: ReadPlay, truth: TruePlay, isrc: str) -> None:
    assert play.title.casefold() == truth.title.casefold()
    assert play.artist.casefold() == truth.artist.casefold()
    assert play.station.casefold() == "harbour fm"
    assert play.isrc == isrc
    assert play.starts_at is not None
    assert play.played_ms is not None
    starts_at = play.starts_at.replace(tzinfo=None)
    assert abs(starts_at - truth.starts_at) <= truth.edge
    assert abs(timedelta(milliseconds=play.played_ms) - truth.length) <= 2 * truth.edge
