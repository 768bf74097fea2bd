"""Rows of this capability for the browser's tests."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

from django.core.files.base import ContentFile
from django.urls import reverse

from base.accounts.models import User
from catalogue.models import Recording
from imports.models import ImportStatus
from plugins.monitoring.broadcasts.importing.importer import run as run_broadcast_import
from plugins.monitoring.broadcasts.models import BroadcastImport
from plugins.monitoring.broadcasts.services import add_broadcast, set_audience
from plugins.monitoring.declarations.models import Declaration, DeclarationProfile
from plugins.monitoring.streams.choices import (
    AirplayState,
    AlarmKind,
    GapCause,
    RunEdge,
    StreamState,
)
from plugins.monitoring.streams.models import (
    Airplay,
    Station,
    Stream,
    StreamAlarm,
    StreamGap,
    StreamHour,
    StreamNotice,
    StreamRun,
    StreamTitle,
)
from plugins.monitoring.unknown.figures import refresh_figures
from plugins.monitoring.unknown.models import KeptFile, Occurrence, UnknownItem, UnknownPolicy
from review.programmes.services import set_episode
from scanning.models import Container, ScannedFile
from tests.e2e.fill.every import MORE


def add_stream(_user: User) -> list[str]:
    """Add a paused stream with a play, a gap, a title and an alarm of today."""
    container = Container.objects.order_by("pk")[0]
    recording = Recording.objects.filter(duration_ms__gt=0).order_by("pk")[0]
    now = datetime.now(tz=UTC)
    station = Station.objects.create(name="Harbour FM", place="Port Alder")
    stream = Stream.objects.create(
        station=station,
        container=container,
        name="Harbour FM",
        urls=["https://radio.example/live"],
        enabled=False,
        state=StreamState.PAUSED,
    )
    begin = now - timedelta(minutes=9)
    run = StreamRun.objects.create(
        stream=stream,
        starts_at=begin,
        ends_at=now,
        duration_ms=540_000,
        codec="mp3",
        start_cause=RunEdge.STARTED,
    )
    for at_ms, state in ((60_000, AirplayState.ENDED), (400_000, AirplayState.PLAYING)):
        starts_at = begin + timedelta(milliseconds=at_ms)
        Airplay.objects.create(
            stream=stream,
            run=run,
            recording=recording,
            state=state,
            starts_at=starts_at,
            ends_at=starts_at + timedelta(minutes=2),
            start_ms=at_ms,
            end_ms=at_ms + 120_000,
            offset_ms=at_ms,
            score=96,
        )
    StreamTitle.objects.create(stream=stream, at=begin, text="Harbour FM - the best mix")
    StreamGap.objects.create(
        stream=stream,
        starts_at=now - timedelta(minutes=40),
        ends_at=begin,
        cause=GapCause.CONNECTION,
    )
    StreamHour.objects.create(stream=stream, starts_at=now - timedelta(hours=1), ends_at=begin)
    StreamAlarm.objects.create(stream=stream, kind=AlarmKind.AWAY, began_at=begin)
    StreamNotice.objects.create(stream=stream, event="stream.away", body="{}")
    return []


def add_broadcasts(user: User) -> list[str]:
    """Say when a file was broadcast and who listened; return its page and an import's."""
    file = ScannedFile.objects.exclude(media="").order_by("pk")[0]
    station = Station.objects.get(name="Harbour FM")
    values = {"series": "Pier Stories", "season": "2", "number": "5", "title": "Fog"}
    set_episode(scanned_file=file, values=values, user=user)
    add_broadcast(
        scanned_file=file,
        station=station,
        values={"starts_at": datetime(2026, 11, 3, 6, tzinfo=UTC)},
        user=user,
    )
    month = date(2026, 11, 1)
    figures = {"listeners": 400, "performances": 412, "tuning_hours": Decimal("1480.5")}
    set_audience(station=station, month=month, values=figures, user=user)
    # The second line has something to correct.
    text = "file_name,station,starts_at\nx,Harbour FM,2026-11-03 07:00\ny,z,soon\n"
    import_ = BroadcastImport.objects.create(
        file=ContentFile(text.encode(), name="schedule.csv"),
        file_name="schedule.csv",
        status=ImportStatus.CHECKED,
        made_by=user,
    )
    for name, value in run_broadcast_import(import_, lambda: None, dry=True).items():
        setattr(import_, name, value)
    import_.save()
    return [
        reverse("portal:file_broadcasts", args=[file.uid]),
        reverse("portal:broadcast_import_detail", args=[import_.uid]),
    ]


def add_unknown_sound(_user: User) -> list[str]:
    """Make sound that two files share, and a container that looks for it otherwise."""
    files = ScannedFile.objects.exclude(media="").order_by("pk")[:2]
    kept_files = [
        KeptFile.objects.get_or_create(scanned_file=file, defaults={"unmatched_ms": 60_000})[0]
        for file in files
    ]
    item = UnknownItem.objects.create(
        length_ms=9_000, best_file=kept_files[0], best_start_ms=1_000, best_end_ms=10_000
    )
    for file in kept_files:
        Occurrence.objects.create(
            item=item,
            file=file,
            start_ms=1_000,
            end_ms=10_000,
            item_start_ms=0,
            item_end_ms=9_000,
            bits=80,
            score=90,
        )
    refresh_figures([item])
    UnknownPolicy.objects.get_or_create(container=files[0].container)
    return []


def add_declaration(user: User) -> list[str]:
    """Make a declaration that lacks a value; return its page and its profile's."""
    profile = DeclarationProfile.objects.create(
        name="Example Society", format="cue-declaration", service="FM"
    )
    declared = Declaration.objects.create(
        profile=profile,
        profile_as_was=profile.snapshot,
        name="November",
        format=profile.format,
        begins=date(2026, 11, 1),
        ends=date(2026, 11, 30),
        run_by=user,
        run_by_name="admin",
        state="failed",
        message="1 mandatory value is missing. Enter it, then declare again.",
        gap_count=1,
        gaps=[
            {
                "subject": "profile",
                "uid": profile.uid,
                "name": profile.name,
                "cell": "SenderName",
                "why": "The sender is empty.",
                "plays": 1,
            }
        ],
    )
    return [declared.url, reverse("portal:declaration_profile", args=[profile.uid])]


MORE.register(
    {
        "streams": add_stream,
        "broadcasts": add_broadcasts,
        "unknown sound": add_unknown_sound,
        "declarations": add_declaration,
    }
)
