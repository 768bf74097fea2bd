"""Alarms: one for each incident, email outside the quiet hours, signed webhooks."""

from __future__ import annotations

import json
from collections import namedtuple
from datetime import UTC, datetime, time, timedelta

import pytest
from django.core import mail
from pytest_django import Settings
from pytest_httpserver import HTTPServer

from base.jobs.choices import OPEN_STATES, Pool
from base.jobs.models import Job
from base.jobs.runner import run_next
from base.jobs.services import submit
from plugins.monitoring.streams import alarms, caretaking, recorders, services
from plugins.monitoring.streams.choices import AlarmKind, StreamState
from plugins.monitoring.streams.jobs import NOTICE
from plugins.monitoring.streams.models import StreamAlarm, StreamNotice
from plugins.monitoring.streams.recording import ring
from plugins.monitoring.streams.recording.ring import RingLog
from plugins.monitoring.streams.recording.run_files import RunFiles
from plugins.monitoring.tests.streams.radio import NOON, Radio, programme
from scanning.choices import DeliveryStatus
from scanning.services.outbound_callbacks import signature_headers

pytestmark = pytest.mark.django_db(transaction=True)


def after(minutes: float) -> datetime:
    return NOON + timedelta(minutes=minutes)


def send_all() -> None:
    while run_next(Pool.TALK) is not None:
        pass


def test_silence_is_one_alarm_whose_mail_waits_for_the_end_of_quiet_hours(radio: Radio) -> None:
    services.change_stream(
        stream=radio.stream,
        user=radio.user,
        alarm_emails=["night@radio.example"],
        # Noon is 13:00 at the station.
        quiet_from=time(12),
        quiet_until=time(13, 30),
    )
    radio.say(StreamState.LISTENING, NOON)
    radio.say(StreamState.SILENT, after(1))

    alarms.watch(now=after(2))
    assert not StreamAlarm.objects.filter(kind=AlarmKind.SILENT).exists()
    for minutes in (3, 4, 5):
        alarms.watch(now=after(minutes))
    send_all()
    assert not mail.outbox
    alarms.watch(now=after(31))
    alarms.watch(now=after(32))
    send_all()
    radio.say(StreamState.LISTENING, after(33))
    alarms.watch(now=after(33.2))

    alarm = StreamAlarm.objects.get(kind=AlarmKind.SILENT)
    assert (alarm.began_at, alarm.ended_at) == (after(1), after(33.2))
    silent = [mail for mail in mail.outbox if "Silence" in mail.subject]
    assert [mail.to for mail in silent] == [["night@radio.example"]]
    assert silent[0].body.startswith("Silence: Radio One, stream Radio One")
    # The station's clock comes first; its zone is named.
    assert "13:01:00 Europe/Berlin (12:01:00 UTC)" in silent[0].body
    assert f"/streams/{radio.stream.uid}/" in silent[0].body


def test_away_and_back_are_posted_and_tried_again(
    radio: Radio, httpserver: HTTPServer, settings: Settings
) -> None:
    settings.ACRPORTAL_ALLOW_PRIVATE_ADDRESSES = True
    httpserver.expect_request("/hook").respond_with_data("ok")
    services.change_stream(
        stream=radio.stream,
        user=radio.user,
        alarm_url=httpserver.url_for("/hook").replace("localhost", "127.0.0.2"),
    )
    radio.say(StreamState.LISTENING, NOON)

    radio.say(StreamState.AWAY, after(1), "The server answered 404.")
    radio.say(StreamState.AWAY, after(2), "The server answered 404.")
    radio.say(StreamState.LISTENING, after(3))
    notices = list(StreamNotice.objects.order_by("pk"))

    assert [notice.event for notice in notices] == ["stream.away", "stream.back"]
    assert json.loads(notices[0].body)["cause"] == "The server answered 404."

    # A webhook that cannot be reached is tried again.
    settings.ACRPORTAL_ALLOW_PRIVATE_ADDRESSES = False
    notice = StreamNotice.objects.create(
        stream=radio.stream,
        owner=radio.user,
        event="stream.away",
        url="http://127.0.0.1:9/",
        body="{}",
    )
    submit(NOTICE, notice)
    send_all()
    notice.refresh_from_db()
    assert notice.status == DeliveryStatus.WAITING
    assert "address" in notice.message
    assert signature_headers(secret="x", message_id="y", at=NOON, body=b"")


def test_a_recorder_that_is_gone_is_away(radio: Radio) -> None:
    radio.run("run-1", programme((900, 20)), ends=False)
    radio.say(StreamState.LISTENING, NOON)
    Job.objects.update(created_at=NOON)

    alarms.watch(now=after(6))

    assert StreamAlarm.objects.get().kind == AlarmKind.AWAY

    # An enabled stream never lacks a job.
    Job.objects.all().delete()
    alarms.watch()
    assert Job.objects.get(kind="stream").state in OPEN_STATES


def test_a_full_disk_takes_from_the_largest_ring_first(
    radio: Radio, monkeypatch: pytest.MonkeyPatch, settings: Settings
) -> None:
    """All of it is a minute old, and no hour holds it."""
    other_stream = services.add_stream(
        station=radio.station,
        container=radio.container,
        name="Television",
        urls=["http://radio.example/tv"],
        user=radio.user,
    )
    monkeypatch.setattr(ring, "FILE_BYTES", 2_000)
    monkeypatch.setattr(caretaking, "LEAST_RING_BYTES", 10_000)
    large, small = RingLog(recorders.folder_of(other_stream)), RingLog(radio.folder)
    for second in range(60):
        large.append(bytes(1_000), NOON.timestamp() + second)
        small.append(bytes(200), NOON.timestamp() + second)
    needed = settings.ACRPORTAL_STREAM_FREE_BYTES
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr("shutil.disk_usage", lambda _: usage(needed, 20_000, needed - 20_000))
    before, size_bytes = large.size_bytes, small.size_bytes

    assert caretaking.mind_disk(now=after(1))

    assert before - 24_000 < large.size_bytes <= before - 20_000
    assert small.size_bytes == size_bytes
    assert StreamAlarm.objects.filter(kind=AlarmKind.DISK, ended_at=None).count() == 2
    for _ in range(5):
        caretaking.mind_disk(now=after(1))
    assert 6_000 < large.size_bytes <= 12_000
    assert small.size_bytes >= 8_000


def test_what_is_kept_of_a_run_goes_with_its_bytes(radio: Radio) -> None:
    radio.stream.keep_hours = 1
    radio.stream.save()
    radio.run("sr_old", programme((1, 20)))
    radio.run("sr_later", programme((2, 20)), at=after(10))
    while radio.settle(after(60)):
        pass
    now = datetime.now(tz=UTC)
    radio.run("sr_new", programme((2, 20)), at=now - timedelta(minutes=5))
    for run in ("sr_old", "sr_new"):
        RunFiles(radio.folder, run).add_head(0, b"head")

    caretaking.look_after()

    assert [path.name for path in (radio.folder / "runs").iterdir()] == ["sr_new"]
