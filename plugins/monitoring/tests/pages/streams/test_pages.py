"""The pages of streams: now playing, log, day, alarms, and what people do there."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.test import Client
from django.urls import reverse

from base.accounts.models import User
from base.accounts.roles import Role
from plugins.monitoring.pages.streams.forms import StreamForm, StreamSettingsForm
from plugins.monitoring.streams import services
from plugins.monitoring.streams.choices import AirplayState, AlarmKind, GapCause, StreamState
from plugins.monitoring.streams.models import Airplay, Station, Stream, StreamHour
from plugins.monitoring.streams.recording import causes
from plugins.monitoring.streams.recording.tryout import TryOut
from plugins.monitoring.tests.factories.streams import (
    DAY,
    StationFactory,
    StreamAlarmFactory,
    StreamFactory,
    StreamGapFactory,
    StreamRunFactory,
    StreamTitleFactory,
    make_airplay,
)
from review.models import Match
from tests.factories.accounts import confirm
from tests.factories.catalogue import RecordingFactory
from tests.factories.review import make_match
from tests.factories.scanning import ContainerFactory
from tests.fixtures import MakeClient
from tests.portal.queries import queries_of

pytestmark = pytest.mark.django_db

NOON = DAY + timedelta(hours=12)
NOW_PLAYING = reverse("portal:streams")
LOG = reverse("portal:stream_log")
ADD = reverse("portal:stream_add")


def day_of(stream: Stream, query: str = "?date=2026-05-02") -> str:
    return reverse("portal:stream_day", args=[stream.uid]) + query


def text_of(client: Client, url: str) -> str:
    answer = client.get(url)
    assert answer.status_code == 200
    return answer.content.decode()


def settle(play: Airplay) -> Match:
    """Scan the hour of a play as a file, in which the play is a match."""
    match = make_match(
        (play.start_ms, play.end_ms, 0, play.end_ms - play.start_ms), recording=play.recording
    )
    segment = match.scan.detections.get().segments.get()
    Airplay.objects.filter(pk=play.pk).update(state=AirplayState.SETTLED, segment=segment)
    StreamHour.objects.create(
        stream=play.stream,
        starts_at=DAY,
        ends_at=DAY + timedelta(hours=1),
        scanned_file=match.scanned_file,
    )
    return match


@time_machine.travel(NOON, tick=False)
def test_each_stream_says_what_it_plays_or_how_long_it_is_away(signed_in: MakeClient) -> None:
    plays = StreamFactory.create(name="Harbour")
    make_airplay(
        plays,
        minute=12 * 60 - 1,
        seconds=55,
        state=AirplayState.PLAYING,
        recording=RecordingFactory.create(title="Blue Lantern"),
    )
    StreamTitleFactory.create(
        stream=plays, at=NOON - timedelta(seconds=50), text="Ferrymen - Blue Lantern"
    )
    away = StreamFactory.create(
        name="Fjord", state=StreamState.AWAY, cause="refused the connection"
    )
    StreamGapFactory.create(stream=away, starts_at=NOON - timedelta(minutes=2), ends_at=NOON)
    StreamAlarmFactory.create(stream=away)
    # The last run of these ended five minutes ago: two are still away.
    heard = StreamFactory.create()
    silent, both = StreamFactory.create_batch(2, state=StreamState.AWAY)
    for stream in (heard, silent, both):
        StreamRunFactory.create(stream=stream, ends_at=NOON - timedelta(minutes=5))
    StreamGapFactory.create(
        stream=both, starts_at=NOON - timedelta(minutes=5), ends_at=NOON - timedelta(minutes=1)
    )

    rows = {row.stream: row for row in signed_in(Role.VIEWER).get(NOW_PLAYING).context["rows"]}

    assert rows[plays].play.title == "Blue Lantern"
    assert rows[plays].play.elapsed_ms == 60_000
    assert rows[plays].title == "Ferrymen - Blue Lantern"
    assert rows[plays].says == ""
    assert rows[away].play is None
    assert rows[away].says == "refused the connection"
    assert [alarm.kind for alarm in rows[away].alarms] == [AlarmKind.AWAY]
    assert {stream: row.gap_ms for stream, row in rows.items()} == {
        plays: 0,
        away: 120_000,
        heard: 0,
        silent: 300_000,
        both: 300_000,
    }


def test_queries_do_not_grow_with_the_streams(signed_in: MakeClient) -> None:
    client = signed_in(Role.VIEWER)
    make_airplay(StreamFactory.create())
    few = [queries_of(client, NOW_PLAYING), queries_of(client, LOG)]

    for _ in range(5):
        make_airplay(StreamFactory.create(), state=AirplayState.PLAYING)
        make_airplay(StreamFactory.create())

    assert [queries_of(client, NOW_PLAYING), queries_of(client, LOG)] == few


def test_the_log_shows_titles_beside_plays_and_filters(signed_in: MakeClient) -> None:
    stream = StreamFactory.create(station__time_zone="Europe/Zurich")
    blue = RecordingFactory.create(title="Blue Lantern")
    make_airplay(stream, minute=1, recording=blue)
    make_airplay(stream, minute=23 * 60)
    make_airplay(StreamFactory.create(), minute=2, state=AirplayState.WITHDRAWN)
    StreamTitleFactory.create(stream=stream, text="Harbour FM - the best mix")
    client = signed_in(Role.MANAGER)

    def rows(query: str = "") -> list[Any]:  # Any: rows of the page
        return list(client.get(LOG + query).context["rows"])

    assert len(rows()) == 2
    (row,) = rows(f"?recording={blue.uid}&stream={stream.uid}")
    assert (row.title, row.sent) == ("Blue Lantern", "Harbour FM - the best mix")
    assert row.differs is True
    assert row.clock.endswith("02:01:00")  # the station's
    # 23:00 UTC is the next day in Zürich.
    assert len(rows(f"?stream={stream.uid}&until=2026-05-02")) == 1
    assert len(rows("?state=play_withdrawn")) == 1
    assert rows("?station=999&until=never") == rows()

    # Plays of a deleted stream stay as long as its container.
    services.delete_stream(stream=stream, user=User.objects.get())
    (row,) = rows(f"?recording={blue.uid}")
    assert (row.stream_name, row.day_url) == (stream.name, "")
    stream.container.deleted_at = NOON
    stream.container.save()
    assert not rows()


def test_the_log_can_be_downloaded(signed_in: MakeClient) -> None:
    make_airplay(
        StreamFactory.create(name="Harbour"),
        recording=RecordingFactory.create(title="=Blue Lantern"),
    )
    reviewer = signed_in(Role.REVIEWER)

    def report(form: str) -> str:
        return reverse("portal:stream_log_report", args=[form])

    lines = b"".join(reviewer.get(report("csv"))).decode("utf-8-sig").splitlines()

    assert len(lines) == 2
    assert "'=Blue Lantern" in lines[1]
    assert "2026-05-02" in lines[1]
    assert signed_in(Role.VIEWER).get(report("csv")).status_code == 403
    for form in ("jsonl", "xlsx", "parquet"):
        assert reviewer.get(report(form)).status_code == 200
    assert reviewer.get(report("pdf")).status_code == 404


@time_machine.travel(NOON, tick=False)
def test_a_day_shows_plays_gaps_and_titles_by_hour(signed_in: MakeClient) -> None:
    stream = StreamFactory.create()
    StreamRunFactory.create(
        stream=stream, ends_at=DAY + timedelta(hours=7), duration_ms=7 * 3_600_000
    )
    StreamRunFactory.create(
        stream=stream, starts_at=DAY + timedelta(hours=7, minutes=2), ends_at=NOON, duration_ms=1
    )
    settled = make_airplay(stream, minute=5)
    match = settle(settled)
    live = make_airplay(stream, minute=7 * 60 + 58, seconds=240)
    StreamGapFactory.create(stream=stream)
    StreamGapFactory.create(
        stream=stream,
        starts_at=DAY + timedelta(hours=9),
        ends_at=DAY + timedelta(hours=9, minutes=1),
        cause=GapCause.SILENT,
    )
    StreamTitleFactory.create(stream=stream, at=live.starts_at)

    answer = signed_in(Role.VIEWER).get(day_of(stream, "?date=2026-05-02&hour=7"))
    day = answer.context["shown"]

    hours = day.picture.rows
    assert len(hours) == 24
    assert (hours[0].boxes[0].url, hours[0].boxes[0].state) == (match.review_url, "pending")
    assert [len(hours[hour].boxes) for hour in (7, 8)] == [1, 1]
    assert [box.state for box in hours[7].gaps + hours[9].gaps] == ["gap", "not-scanned"]
    assert [len(row.titles) for row in hours[6:9]] == [0, 1, 0]
    assert [[(box.x, box.width) for box in hours[hour].searched] for hour in (6, 7, 12)] == [
        [("0%", "100%")],
        [("3.333%", "96.667%")],
        [],
    ]
    assert [row.is_gap for row in day.rows] == [True, False]
    assert (day.gap_ms, day.gaps, day.plays, day.left_ms) == (120_000, 1, 2, 0)
    assert day.searched_ms == 12 * 3_600_000 - 120_000
    first = signed_in(Role.VIEWER).get(day_of(stream, "?date=2026-05-02&hour=0"))
    assert str(match.scanned_file.uid) in first.context["shown"].hour_url


@time_machine.travel(NOON, tick=False)
def test_a_day_lists_gaps_below_a_second_and_says_why_a_stream_is_held_back(
    signed_in: MakeClient,
) -> None:
    stream = StreamFactory.create(
        station__time_zone="UTC", state=StreamState.LISTENING, cause=causes.TOO_FAST
    )
    StreamGapFactory.create(
        stream=stream,
        starts_at=DAY + timedelta(hours=7),
        ends_at=DAY + timedelta(hours=7, milliseconds=40),
    )

    text = text_of(signed_in(Role.VIEWER), day_of(stream, "?date=2026-05-02&hour=7"))

    assert text.count("&lt; 1 s") >= 2  # the sum and the row
    assert ">0:00<" not in text
    assert "The server sends sound faster than it plays" in text


@time_machine.travel(datetime(2026, 10, 26, 12, tzinfo=UTC), tick=False)
def test_days_have_their_hours_and_bad_ones_show_today(signed_in: MakeClient) -> None:
    stream = StreamFactory.create(station__time_zone="Europe/Zurich")
    client = signed_in(Role.VIEWER)

    def context(query: str) -> Any:  # Any: the context of the page
        answer = client.get(day_of(stream, query))
        assert answer.status_code == 200, query
        return answer.context

    # Clocks changed on two of these.
    lengths = [
        len(context(f"?date={on}")["shown"].picture.rows)
        for on in ("2026-03-29", "2026-10-25", "2026-10-26")
    ]
    assert lengths == [23, 25, 24]
    for query in ("?date=soon", "?date=9999-12-31", "?hour=77"):
        assert context(query)["is_today"], query


def heard(cause: str = "") -> TryOut:
    return TryOut(
        url="https://user:secret@radio.example/live?key=secret",
        codec="" if cause else "mp3",
        sample_rate=44_100,
        channels=2,
        bitrate=128_000,
        titles=("Ferrymen - Blue Lantern",),
        landmarks=None,
        cause=cause,
    )


@pytest.fixture
def radio(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Answer try-outs, as the recorder does; the returned text is the cause if any."""
    cause: list[str] = []
    # Tests of the recorder listen to real servers.
    monkeypatch.setattr(services, "try_stream", lambda _urls, _seconds: heard("".join(cause)))
    return cause


def new_stream(**values: object) -> dict[str, object]:
    return {
        "urls": "https://radio.example/live",
        "container": ContainerFactory.create().pk,
        "station_name": "Harbour FM",
        "time_zone": "Europe/Zurich",
        "keep_hours": 24,
    } | values


def test_a_stream_is_heard_before_it_is_added(signed_in: MakeClient, radio: list[str]) -> None:
    client, values = signed_in(Role.REVIEWER), new_stream()

    radio.append("The server sent a web page, no sound.")
    failed = client.post(ADD, values | {"listen": "yes"}).content.decode()
    assert "The server sent a web page, no sound." in failed
    assert "Add it anyway" in failed

    radio.clear()
    listened = client.post(ADD, values | {"listen": "yes"}).content.decode()
    assert not Stream.objects.exists()
    assert "MP3, 44.1 kHz" in listened
    assert "128 kbit/s" in listened
    assert "Ferrymen - Blue Lantern" in listened
    assert "secret" not in listened

    added = client.post(ADD, values | {"add": "yes"})
    stream = Stream.objects.get()
    assert added.headers["Location"] == day_of(stream, "")
    assert (stream.name, stream.station.time_zone) == ("Harbour FM", "Europe/Zurich")
    assert stream.created_by == User.objects.get()
    again = client.post(ADD, values | {"add": "yes"})
    assert again.status_code == 422
    assert "Choose it from the list" in again.content.decode()


def test_one_person_at_a_time_tries_out_a_stream(
    signed_in: MakeClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    client, other_client = signed_in(Role.REVIEWER), signed_in(Role.MANAGER)
    meanwhile: list[str] = []

    def listen(_urls: object, _seconds: object) -> TryOut:
        answer = other_client.post(ADD, new_stream(listen="yes"))
        meanwhile.append(answer.content.decode())
        return heard()

    monkeypatch.setattr(services, "try_stream", listen)

    answer = client.post(ADD, new_stream(listen="yes"))

    assert "MP3, 44.1 kHz" in answer.content.decode()
    assert "Somebody else is trying out a stream" in meanwhile[0]


def test_wrong_values_are_refused(signed_in: MakeClient, radio: list[str]) -> None:
    values = new_stream(add="yes")

    for wrong in (
        {"urls": "file:///etc/passwd"},
        {"urls": ""},
        {"urls": "\n".join(f"https://radio.example/{n}" for n in range(9))},
        {"station_name": ""},
        {"time_zone": "Mars/Olympus"},
        {"keep_hours": "99999"},
        {"container": "0"},
    ):
        assert set(StreamForm(values | wrong).errors) == set(wrong)
    refused = signed_in(Role.REVIEWER).post(ADD, values | {"urls": "file:///etc/passwd"})
    assert refused.status_code == 422
    assert not Stream.objects.exists()


def test_makers_and_managers_change_a_stream(signed_in: MakeClient) -> None:
    stream = StreamFactory.create()
    act = reverse("portal:stream_act", args=[stream.uid])
    edit = reverse("portal:stream_edit", args=[stream.uid])
    delete = reverse("portal:stream_delete", args=[stream.uid])
    reviewer = signed_in(Role.REVIEWER)

    assert reviewer.post(act, {"verb": "pause"}).status_code == 403
    assert reviewer.get(edit).status_code == 403
    assert reviewer.post(delete).status_code == 403

    manager = signed_in(Role.MANAGER)
    confirm(manager)
    for says in ("is paused", "already paused"):
        page = manager.post(act, {"verb": "pause"}, follow=True).content.decode()
        assert says in page
    for verb in ("resume", "restart", "fly"):
        assert manager.post(act, {"verb": verb}).status_code == 302
    stream.refresh_from_db()
    assert stream.enabled
    values = {
        "name": "Harbour",
        "urls": "https://radio.example/a\nhttps://radio.example/b",
        "keep_hours": 48,
        "title_charset": "windows-1251",
        "away_minutes": 10,
        "quiet_from": "22:00",
        "quiet_until": "06:00",
        "alarm_emails": "desk@radio.example",
    }
    assert manager.post(edit, values).status_code == 302
    stream.refresh_from_db()
    assert stream.urls == ["https://radio.example/a", "https://radio.example/b"]
    assert stream.title_charset == "windows-1251"
    assert (stream.silent_minutes, stream.away_minutes) == (None, 10)
    assert stream.alarm_emails == ["desk@radio.example"]
    for wrong in (
        {"quiet_until": ""},
        {"title_charset": "utf-99"},
        {"alarm_emails": "nobody"},
        {"alarm_url": "https://user@:bad"},
    ):
        assert StreamSettingsForm(values | wrong, instance=stream).errors, wrong
    assert manager.post(edit, values | {"quiet_until": ""}).status_code == 422
    assert manager.post(delete).status_code == 302
    assert manager.get(day_of(stream)).status_code == 404


def test_managers_change_stations_and_what_they_must_not_play(signed_in: MakeClient) -> None:
    client = signed_in(Role.MANAGER)
    banned = RecordingFactory.create()
    values = {
        "name": "Harbour FM",
        "time_zone": "Europe/Zurich",
        "type": "fm_radio",
        "territory": "ch",
    }

    added = client.post(reverse("portal:station_add"), values)

    station = Station.objects.get()
    page = reverse("portal:station", args=[station.uid])
    assert added.headers["Location"] == page
    assert station.territory == "CH"
    edit = reverse("portal:station_edit", args=[station.uid])
    assert client.post(edit, values | {"place": "Zürich"}).status_code == 302
    assert client.post(edit, values | {"territory": "ZZ"}).status_code == 422
    StationFactory.create(name="Other")
    assert client.post(edit, values | {"name": "Other"}).status_code == 422
    bans = reverse("portal:station_banned", args=[station.uid])
    assert client.post(bans, {"banned": banned.uid}).status_code == 302
    assert list(station.banned.all()) == [banned]
    assert client.post(bans, {"banned": "nothing"}).status_code == 422
    assert client.post(bans, {"banned": ""}).status_code == 302
    assert not station.banned.exists()
    viewer = signed_in(Role.VIEWER)
    assert viewer.get(page).status_code == 200
    assert viewer.post(edit, values).status_code == 403
    assert viewer.post(bans, {}).status_code == 403


def test_alarms_say_what_and_how_long(signed_in: MakeClient) -> None:
    stream = StreamFactory.create(name="Harbour")
    play = make_airplay(stream, recording=RecordingFactory.create(title="Old Jingle"))
    StreamAlarmFactory.create(stream=stream, kind=AlarmKind.BANNED, airplay=play, ended_at=NOON)
    StreamAlarmFactory.create(stream=stream)

    text = text_of(signed_in(Role.VIEWER), reverse("portal:stream_alarms"))

    assert "Old Jingle" in text
    assert text.count("Stream away") == 1
    assert text.count("ongoing") == 1
    assert "Settings" not in text


def test_pages_without_anything_say_what_to_do(signed_in: MakeClient) -> None:
    client = signed_in(Role.MANAGER)

    for name in ("streams", "stream_log"):
        assert 'class="empty"' in text_of(client, reverse(f"portal:{name}")), name


@time_machine.travel(NOON, tick=False)
def test_programs_read_streams_and_pause_them(signed_in: MakeClient) -> None:
    stream = StreamFactory.create()
    play = make_airplay(stream, minute=719, seconds=50, state=AirplayState.PLAYING)
    StreamGapFactory.create(stream=stream)
    client = signed_in(Role.MANAGER)
    address = f"/api/portal/v1/streams/{stream.uid}/"

    (row,) = client.get("/api/portal/v1/streams/").json()
    day = client.get(f"{address}day/?date=2026-05-02").json()

    assert [play["uid"] for play in row["playing"]] == [play.uid]
    assert [gap["cause"] for gap in day["gaps"]] == ["connection"]
    times = ("searched_ms", "gap_ms", "unaccounted_ms")
    assert sum(day[name] for name in times) == 12 * 3_600_000
    assert client.get(f"{address}day/?date=never").status_code == 422
    paused = client.post(address, {"verb": "pause"}, content_type="application/json")
    assert (paused.status_code, paused.json()["enabled"]) == (200, False)
    again = client.post(address, {"verb": "pause"}, content_type="application/json")
    assert again.status_code == 422
    viewer = signed_in(Role.VIEWER)
    answer = viewer.post(address, {"verb": "resume"}, content_type="application/json")
    assert answer.status_code == 403


def test_the_dashboard_and_the_palette_know_streams(signed_in: MakeClient) -> None:
    away = StreamFactory.create(name="Fjord live", state=StreamState.AWAY)
    make_airplay(StreamFactory.create(), state=AirplayState.PLAYING)
    client = signed_in(Role.VIEWER)

    dashboard = text_of(client, reverse("portal:dashboard"))
    page = text_of(client, reverse("portal:search") + "?q=Fjord")
    station = text_of(
        client, reverse("portal:search") + f"?q={away.station.name.replace(' ', '+')}"
    )

    assert "1 of 2 streams play a recording of ours" in dashboard
    assert "1 is away" in dashboard
    assert day_of(away, "") in page
    assert reverse("portal:station", args=[away.station.uid]) in station
