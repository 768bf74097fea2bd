"""Plays are shown while they go on; settled hours confirm or withdraw them."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from monitoring.streams import alarms, selectors, services
from monitoring.streams.choices import AirplayState, AlarmKind, StreamState
from monitoring.streams.models import Airplay, StreamAlarm, StreamNotice
from tests.conftest import Worker
from tests.monitoring.streams.radio import NOON, Radio, keep, programme, started

pytestmark = pytest.mark.django_db(transaction=True)

UNKNOWN = 900
ON_AIR = ((UNKNOWN, 20), (1, 25), (UNKNOWN + 1, 35))


def test_a_play_is_shown_while_it_goes_on(radio: Radio) -> None:
    heard = programme(*ON_AIR)
    radio.sink.take(started("run-1", NOON))
    shown: list[tuple[int, str]] = []

    for ms in range(4000, heard.duration_ms + 1, 4000):
        keep(radio.folder, "run-1", heard, ms)
        radio.listen()
        shown += [(ms, play.state) for play in Airplay.objects.all()]

    begun = next(ms for ms, state in shown if state == AirplayState.PLAYING)
    ended = next(ms for ms, state in shown if state == AirplayState.ENDED)
    assert begun - 20_000 <= 12_000
    assert ended - 45_000 <= 20_000
    (play,) = radio.log()
    assert play[0] == "Song 1"
    assert play[2] == pytest.approx(20, abs=1)
    assert play[3] == pytest.approx(45, abs=1)


def test_the_hour_confirms_what_was_heard_live(
    radio: Radio, run_worker: Worker
) -> None:
    radio.live("run-1", programme(*ON_AIR))
    play = Airplay.objects.get()
    radio.end("run-1", NOON + timedelta(seconds=80), 80_000)

    radio.settle(NOON + timedelta(hours=1))
    run_worker()

    settled = Airplay.objects.get()
    assert settled.pk == play.pk
    assert settled.state == AirplayState.SETTLED
    assert settled.segment is not None


def test_what_the_hour_does_not_confirm_is_withdrawn(
    radio: Radio, run_worker: Worker
) -> None:
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
    assert [title for title, state, *_ in radio.log() if state == "play_settled"] == [
        "Song 1"
    ]


def test_a_play_is_told_and_a_banned_recording_alarms(radio: Radio) -> None:
    services.change_stream(
        stream=radio.stream,
        user=radio.user,
        alarm_url="https://hooks.example/radio",
        alarm_emails=["night@radio.example"],
    )
    services.ban_recording(
        station=radio.station, recording=radio.songs[0], user=radio.user
    )

    radio.live("run-1", programme(*ON_AIR))

    found, alarm = (
        json.loads(notice.body) for notice in StreamNotice.objects.order_by("pk")
    )
    assert found["type"] == "match.found"
    assert found["airplay"]["recording"]["title"] == "Song 1"
    assert found["station"]["name"] == "Radio One"
    assert alarm["alarm"]["kind"] == AlarmKind.BANNED
    assert StreamAlarm.objects.get().airplay == Airplay.objects.get()


@pytest.mark.parametrize("is_paused", [False, True])
def test_nothing_plays_on_a_stream_of_which_nothing_arrives(
    radio: Radio, is_paused: bool
) -> None:
    radio.say(StreamState.LISTENING, NOON)
    radio.live("run-1", programme((UNKNOWN, 20), (1, 25)))
    on_air = NOON + timedelta(seconds=45)
    assert selectors.now_playing().count() == 1

    if is_paused:
        services.pause_stream(stream=radio.stream, user=radio.user)
    else:
        radio.say(StreamState.AWAY, on_air)

    assert not selectors.now_playing().exists()
    alarms.watch(now=on_air + timedelta(seconds=5))
    assert Airplay.objects.get().state == AirplayState.ENDED


def test_a_play_ends_where_its_recorder_died(radio: Radio) -> None:
    radio.say(StreamState.LISTENING, NOON)
    radio.live("run-1", programme((UNKNOWN, 20), (1, 25)))

    alarms.watch(now=NOON + timedelta(seconds=50))
    assert Airplay.objects.get().state == AirplayState.PLAYING
    alarms.watch(now=NOON + timedelta(seconds=120))

    assert Airplay.objects.get().state == AirplayState.ENDED
