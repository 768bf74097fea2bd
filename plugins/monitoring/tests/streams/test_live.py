"""Plays are shown while they go on; settled hours confirm or withdraw them."""

from __future__ import annotations

import json
from datetime import datetime, timedelta

import pytest

from plugins.monitoring.streams import alarms, selectors, services
from plugins.monitoring.streams.choices import AirplayState, AlarmKind, StreamState
from plugins.monitoring.streams.models import Airplay, StreamAlarm, StreamNotice
from plugins.monitoring.streams.recording.events import Anchored
from plugins.monitoring.tests.streams.radio import NOON, Radio, keep, programme, started
from tests.fixtures import Worker

pytestmark = pytest.mark.django_db(transaction=True)

UNKNOWN = 900
ON_AIR = ((UNKNOWN, 20), (1, 25), (UNKNOWN + 1, 35))


def test_a_play_is_shown_and_told_while_it_goes_on_and_its_hour_confirms_it(
    radio: Radio, run_worker: Worker
) -> None:
    services.change_stream(
        stream=radio.stream,
        user=radio.user,
        alarm_url="https://hooks.example/radio",
        alarm_emails=["night@radio.example"],
    )
    services.ban_recording(station=radio.station, recording=radio.songs[0], user=radio.user)
    heard = programme(*ON_AIR)
    radio.sink.take(started("run-1", NOON))
    radio.sink.take(Anchored(run="run-1", run_ms=0, at=NOON))
    states: list[tuple[int, str]] = []

    for ms in range(4000, heard.duration_ms + 1, 4000):
        keep(radio.folder, "run-1", heard, ms)
        radio.listen()
        states += [(ms, play.state) for play in Airplay.objects.all()]

    begun = next(ms for ms, state in states if state == AirplayState.PLAYING)
    ended = next(ms for ms, state in states if state == AirplayState.ENDED)
    assert begun - 20_000 <= 12_000
    assert ended - 45_000 <= 20_000
    (logged,) = radio.log()
    assert logged[0] == "Song 1"
    assert logged[2] == pytest.approx(20, abs=1)
    assert logged[3] == pytest.approx(45, abs=1)

    # It was told, and the banned recording alarmed.
    play = Airplay.objects.get()
    contents, alarm = (json.loads(notice.body) for notice in StreamNotice.objects.order_by("pk"))
    assert contents["type"] == "match.found"
    assert contents["airplay"]["recording"]["title"] == "Song 1"
    assert contents["station"]["name"] == "Radio One"
    assert alarm["alarm"]["kind"] == AlarmKind.BANNED
    assert StreamAlarm.objects.get().airplay == play

    radio.end("run-1", NOON + timedelta(seconds=80), 80_000)
    radio.settle(NOON + timedelta(hours=1))
    run_worker()
    settled = Airplay.objects.get()
    assert settled.pk == play.pk
    assert settled.state == AirplayState.SETTLED
    assert settled.segment is not None


def test_what_the_hour_does_not_confirm_is_withdrawn(radio: Radio, run_worker: Worker) -> None:
    radio.run("run-1", programme((UNKNOWN, 20), (1, 25), (UNKNOWN + 1, 10)))
    run = radio.stream.runs.get()
    false = Airplay.objects.create(
        stream=radio.stream,
        run=run,
        recording=radio.songs[1],
        state=AirplayState.ENDED,
        starts_at=NOON + timedelta(seconds=2),
        ends_at=NOON + timedelta(seconds=12),
        start_ms=2000,
        end_ms=12_000,
        offset_ms=2000,
        score=55,
    )

    radio.settle(NOON + timedelta(hours=1))
    run_worker()

    false.refresh_from_db()
    assert false.state == AirplayState.WITHDRAWN
    assert [title for title, state, *_ in radio.log() if state == "play_settled"] == ["Song 1"]


def test_nothing_plays_on_a_stream_of_which_nothing_arrives(radio: Radio) -> None:
    def play(hours: int) -> datetime:
        """Let something play for the first time in its hour; return the time."""
        at = NOON + timedelta(hours=hours)
        radio.say(StreamState.LISTENING, at)
        radio.live(f"run-{hours}", programme((UNKNOWN, 20), (1, 25)), at=at)
        assert selectors.now_playing().count() == 1
        return at + timedelta(seconds=45)

    def state() -> str:
        return Airplay.objects.latest("pk").state

    # A play ends where its recorder died.
    died = play(0)
    alarms.watch(now=died + timedelta(seconds=5))
    assert state() == AirplayState.PLAYING
    alarms.watch(now=died + timedelta(seconds=75))
    assert state() == AirplayState.ENDED

    gone = play(1)
    radio.say(StreamState.AWAY, gone)
    assert not selectors.now_playing().exists()
    alarms.watch(now=gone + timedelta(seconds=5))
    assert state() == AirplayState.ENDED

    paused = play(2)
    services.pause_stream(stream=radio.stream, user=radio.user)
    assert not selectors.now_playing().exists()
    alarms.watch(now=paused + timedelta(seconds=5))
    assert state() == AirplayState.ENDED
    assert Airplay.objects.count() == 3
