"""Programmes on the air, matches in them, and profiles that declare them."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

from base.accounts.models import User
from base.accounts.roles import Role
from catalogue.models import Recording
from plugins.monitoring.broadcasts.models import Broadcast
from plugins.monitoring.declarations import services
from plugins.monitoring.declarations.models import Declaration, DeclarationProfile
from plugins.monitoring.streams.models import Station
from plugins.monitoring.tests.factories.streams import StationFactory
from review.choices import MatchState
from review.models import Match
from review.programmes.choices import CueUse, MusicOrigin
from review.programmes.models import MusicUse
from scanning.choices import FileStatus
from scanning.models import ScannedFile
from tests.factories.accounts import make_user
from tests.factories.catalogue import RecordingFactory
from tests.factories.review import make_match
from tests.factories.scanning import ScanFactory, ScannedFileFactory

ZURICH = "Europe/Zurich"
NOVEMBER = (date(2026, 11, 1), date(2026, 11, 30))
COLUMNS = "Title = title !\nDate = play_date\nTime = play_time\nPlayed = played_seconds"


def a_user(name: str = "", role: Role = Role.MANAGER) -> User:
    return make_user(role, username=name)


def a_station(**options: Any) -> Station:
    return StationFactory.create(**{"time_zone": ZURICH, **options})


def a_file(duration_ms: int = 3_600_000, **options: Any) -> ScannedFile:
    return ScannedFileFactory.create(length_ms=duration_ms, status=FileStatus.READY, **options)


def a_match(
    file: ScannedFile,
    *intervals: tuple[int, int, int, int],
    recording: Recording | None = None,
    state: str = MatchState.CONFIRMED,
    use: str = CueUse.BACKGROUND,
) -> Match:
    """Return a match in a file, with its use; a file has one scan."""
    scan = file.scans.first() or ScanFactory.create(scanned_file=file)
    recording = recording or RecordingFactory.create(writers=["Anna Muster"])
    match = make_match(*intervals, scan=scan, recording=recording, match={"state": state})
    if use:
        MusicUse.objects.create(
            scanned_file=file, recording=recording, use=use, origin=MusicOrigin.PREEXISTING
        )
    return match


def a_broadcast(file: ScannedFile, station: Station, at: datetime, **options: Any) -> Broadcast:
    return Broadcast.objects.create(
        scanned_file=file, station=station, starts_at=at, time_zone=station.time_zone, **options
    )


def a_profile(*stations: Station, **options: Any) -> DeclarationProfile:
    made = DeclarationProfile.objects.create(
        **{
            "name": f"Profile {DeclarationProfile.objects.count()}",
            "format": "cue-declaration",
            "service": "FM",
            **options,
        }
    )
    made.stations.set(stations)
    return made


def a_draft(
    profile: DeclarationProfile, days: tuple[date, date] = NOVEMBER, **options: Any
) -> Declaration:
    return services.draft(
        profile=profile, begins=days[0], ends=days[1], **{"user": "command", **options}
    )


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)  # type: ignore[misc,arg-type]  # year to second
