"""What people say about broadcasts: kept, told in the audit trail, never lost."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from base.accounts.roles import Role
from base.audit.models import Event
from plugins.monitoring.broadcasts import services
from plugins.monitoring.broadcasts.choices import RightsType, Showing
from plugins.monitoring.broadcasts.models import Audience, Broadcast, Revenue
from plugins.monitoring.broadcasts.selectors import broadcasts_of, list_broadcasts
from plugins.monitoring.tests.factories.broadcasts import NOVEMBER, make_broadcast
from plugins.monitoring.tests.factories.streams import StationFactory
from review.models import Match
from review.programmes.choices import CueUse, MusicOrigin
from review.programmes.errors import ProgrammeRefused
from review.programmes.models import Episode, MusicUse
from review.programmes.selectors import episode_of, use_of
from review.programmes.services import set_episode, set_use
from review.programmes.values import state_of
from scanning.services.filing import delete_files
from tests.factories.accounts import make_user
from tests.factories.catalogue import RecordingFactory
from tests.factories.review import make_match
from tests.factories.scanning import ScannedFileFactory

pytestmark = pytest.mark.django_db

EPISODE = {"series": "Pier Stories", "season": "2", "number": "5", "title": "Fog"}
SEVEN = datetime.fromisoformat("2026-11-03T07:00")
MONTH = date(2026, 11, 1)


def last_event(case: str) -> Event:
    event = Event.objects.filter(case=case).order_by("sequence").last()
    assert event is not None
    return event


def test_an_episode_is_kept_once_and_told_before_and_after() -> None:
    file, user = ScannedFileFactory.create(), make_user(Role.REVIEWER)
    seen = state_of(Episode())
    assert set_episode(scanned_file=file, values=EPISODE, user=user, seen=seen)
    assert not set_episode(scanned_file=file, values=EPISODE, user=user)
    # A change of what somebody else changed meanwhile is refused.
    with pytest.raises(ProgrammeRefused, match="Somebody else") as refused:
        set_episode(scanned_file=file, values={"season": "3"}, user=user, seen=seen)
    assert refused.value.code == "stale"
    assert set_episode(scanned_file=file, values={"title": "  Fog lifts "}, user=user)
    row = episode_of(file)
    assert row is not None
    assert (row.title, row.season) == ("Fog lifts", "2")
    event = last_event(f"file:{file.uid}")
    assert event.before["title"] == "Fog"
    assert event.after["title"] == "Fog lifts"
    assert Event.objects.filter(action="file.episode_changed").count() == 2
    # One without values is no episode.
    set_episode(scanned_file=file, values=dict.fromkeys(Episode.VALUES, ""), user=None)
    assert not Episode.objects.exists()


def test_an_isan_is_kept_in_groups_and_a_wrong_one_refused() -> None:
    file = ScannedFileFactory.create()
    values = EPISODE | {"isan": "00000000D07A0090Q"}
    set_episode(scanned_file=file, values=values, user=None)
    assert Episode.objects.get().isan == "0000-0000-D07A-0090-Q"
    with pytest.raises(ProgrammeRefused, match="should be Q") as refused:
        set_episode(scanned_file=file, values={"isan": "0000-0000-D07A-0090-X"}, user=None)
    assert refused.value.field == "isan"
    # One that was kept before it was checked does not stand in the way of others.
    Episode.objects.update(isan="unknown")
    fields = {"isan": "unknown", "title": "Fog lifts"}
    assert set_episode(scanned_file=file, values=fields, user=None)


def test_viewers_change_nothing_and_reviewers_no_revenue() -> None:
    match, station = make_match(), StationFactory.create()
    file, viewer = match.scanned_file, make_user(Role.VIEWER)
    broadcast = make_broadcast(file, station)
    attempts: list[Callable[[], object]] = [
        lambda: set_episode(scanned_file=file, values=EPISODE, user=viewer),
        lambda: services.delete_broadcast(broadcast=broadcast, user=viewer),
        lambda: set_use(
            scanned_file=file,
            recording=match.recording,
            values={"use": CueUse.THEME},
            user=viewer,
        ),
        lambda: services.set_audience(
            station=station, month=MONTH, values={"listeners": 1}, user=viewer
        ),
        lambda: services.set_revenue(
            station=station,
            month=MONTH,
            rights_type=RightsType.PERFORMING,
            values={"net_revenue": Decimal(1), "currency": "CHF"},
            user=make_user(Role.REVIEWER),
        ),
    ]
    for attempt in attempts:
        with pytest.raises(ProgrammeRefused) as refused:
            attempt()
        assert refused.value.code == "not_allowed"


def test_a_broadcast_is_listed_once_in_the_zone_of_its_station() -> None:
    file = ScannedFileFactory.create()
    row = make_broadcast(file, starts_at=SEVEN, length_ms=1_800_000)
    assert row.starts_at == datetime(2026, 11, 3, 6, tzinfo=UTC)
    assert row.time_zone == "Europe/Zurich"
    after = last_event(f"file:{file.uid}").after
    assert after["local_time"] == "2026-11-03 07:00:00+01:00"
    with pytest.raises(ProgrammeRefused, match="already in the list"):
        make_broadcast(file, row.station, SEVEN)
    later = make_broadcast(file, row.station, NOVEMBER + timedelta(days=1))
    with pytest.raises(ProgrammeRefused, match="already in the list"):
        services.change_broadcast(
            broadcast=later, station=row.station, values={"starts_at": row.starts_at}, user=None
        )
    assert broadcasts_of(file).count() == 2

    # A deleted file has no broadcasts and takes no more.
    delete_files(files=[file], user=None, reason="withdrawn")
    assert not list_broadcasts().exists()
    with pytest.raises(ProgrammeRefused, match="was deleted"):
        make_broadcast(file)


def test_a_broadcast_moves_to_another_station_with_its_audience() -> None:
    file = ScannedFileFactory.create()
    row, other_station = make_broadcast(file), StationFactory.create(time_zone="Asia/Tokyo")
    services.set_audience(station=row.station, broadcast=row, values={"listeners": 400}, user=None)
    assert services.change_broadcast(
        broadcast=row,
        station=other_station,
        values={"starts_at": SEVEN, "showing": Showing.REPEAT},
        user=None,
        seen=services.broadcast_state(row),
    )
    now = Broadcast.objects.get()
    assert (now.station, now.time_zone) == (other_station, "Asia/Tokyo")
    assert Audience.objects.get().station == other_station
    with pytest.raises(ProgrammeRefused, match="Somebody else"):
        services.delete_broadcast(broadcast=row, user=None, seen=services.broadcast_state(row))
    services.delete_broadcast(broadcast=now, user=None)
    assert not Audience.objects.exists()
    assert last_event(f"file:{file.uid}").before["audience"] == {"listeners": 400}


def test_impossible_lengths_are_refused() -> None:
    file = ScannedFileFactory.create()
    for length in (0, -1, 8 * 24 * 3_600_000):
        with pytest.raises(ProgrammeRefused, match="at most a week"):
            make_broadcast(file, length_ms=length)


def test_a_use_is_of_a_recording_that_the_file_has_a_match_with() -> None:
    match, user = make_match(), make_user(Role.REVIEWER)
    values = {
        "use": CueUse.ON_SCREEN,
        "origin": MusicOrigin.PREEXISTING,
        "own_recording": False,
        "live": True,
        "recorded_on": date(2025, 4, 1),
        "recorded_in": "ch",
    }
    file = match.scanned_file
    set_use(scanned_file=file, recording=match.recording, values=values, user=user)
    row = use_of(file, match.recording)
    assert row is not None
    assert (row.recorded_in, row.own_recording) == ("CH", False)
    assert last_event(f"file:{file.uid}").after["live"] is True
    # It outlives the match that a rescan removes.
    Match.objects.all().delete()
    nothing = dict.fromkeys(MusicUse.VALUES)
    assert set_use(scanned_file=file, recording=match.recording, values=nothing, user=user)
    assert not MusicUse.objects.exists()
    with pytest.raises(ProgrammeRefused, match="no match"):
        set_use(scanned_file=file, recording=RecordingFactory.create(), values=values, user=user)


def test_values_that_do_not_exist_are_refused() -> None:
    match = make_match()
    for values in (
        {"recorded_in": "XX"},
        {"use": "Jingle"},
        {"origin": "nobody knows"},
    ):
        with pytest.raises(ProgrammeRefused):
            set_use(
                scanned_file=match.scanned_file, recording=match.recording, values=values, user=None
            )


def test_figures_of_a_month_are_told_on_the_case_of_the_station() -> None:
    station, user = StationFactory.create(), make_user(Role.REVIEWER)
    values = {"listeners": 0, "tuning_hours": Decimal("1480.5")}
    assert services.set_audience(station=station, month=MONTH, values=values, user=user)
    assert not services.set_audience(station=station, month=MONTH, values=values, user=user)
    assert last_event(f"station:{station.uid}").after == {
        "month": "2026-11",
        "listeners": 0,
        "tuning_hours": "1480.5",
    }
    with pytest.raises(ProgrammeRefused):
        services.set_audience(station=station, month=MONTH, values={"listeners": -1}, user=user)


def test_revenue_is_told_apart_from_the_station() -> None:
    station, user = StationFactory.create(), make_user(Role.MANAGER)
    services.set_revenue(
        station=station,
        month=MONTH,
        rights_type=RightsType.PERFORMING,
        values={"net_revenue": Decimal("250000.00"), "currency": "chf"},
        user=user,
    )
    assert Revenue.objects.get().currency == "CHF"
    assert not Event.objects.filter(case=f"station:{station.uid}").exists()
    assert last_event(f"revenue:{station.uid}").after["net_revenue"] == "250000.00"
    with pytest.raises(ProgrammeRefused, match="three letters"):
        services.set_revenue(
            station=station,
            month=MONTH,
            rights_type=RightsType.MECHANICAL,
            values={"net_revenue": Decimal(1), "currency": "francs"},
            user=user,
        )
