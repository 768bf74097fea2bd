"""Live streams on the wire, in the form of ACRCloud's broadcast monitoring."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import time_machine
from django.contrib.auth.models import Group
from pytest_django import Settings

from base.accounts.models import AccessLimit
from base.accounts.roles import Role
from base.audit.models import Event
from plugins.monitoring.streams import excerpts, notices
from plugins.monitoring.streams.choices import AirplayState, GapCause, StreamState
from plugins.monitoring.streams.models import Station, Stream, StreamCallbacks, StreamNotice
from plugins.monitoring.streams.recording.cutting import CutFacts
from plugins.monitoring.streams.recording.ring import RingGone
from plugins.monitoring.tests.factories.streams import (
    DAY,
    StreamFactory,
    StreamGapFactory,
    StreamRunFactory,
    make_airplay,
)
from scanning.models import Container
from tests.acrapi.conftest import Api, MakeApi
from tests.factories.catalogue import BucketFactory, RecordingFactory
from tests.factories.scanning import ContainerFactory

PROJECTS = "/api/bm-cs-projects"
URL = "https://radio.example/live"


@pytest.fixture
def container(db: None) -> Container:
    return ContainerFactory.create(name="Radio")


@pytest.fixture
def stream(container: Container) -> Stream:
    return StreamFactory.create(container=container)


def streams_of(container: Container, suffix: str = "") -> str:
    return f"{PROJECTS}/{container.pk}/streams{suffix}"


def path_of(stream: Stream, suffix: str = "") -> str:
    return streams_of(stream.container, f"/{stream.uid}{suffix}")


def test_containers_are_projects(api: Api, stream: Stream) -> None:
    StreamFactory.create(container=stream.container, enabled=False)
    bucket = BucketFactory.create()

    made = api.call("POST", PROJECTS, {"name": "New", "buckets": [bucket.pk], "type": "BM-ACRC"})

    assert made.status_code == 201
    rows = api.get(PROJECTS).json()["data"]
    assert [row["monitoring_num"] for row in rows] == [0, 1]
    assert rows[0] == made.json()["data"]
    assert set(rows[0]) == {
        *("id", "uid", "name", "region", "type", "buckets", "monitoring_num"),
        *("created_at", "updated_at"),
    }
    local = api.call("POST", PROJECTS, {"name": "L", "buckets": [bucket.pk], "type": "BM-LOCAL"})
    assert (local.status_code, "listens itself" in local.json()["message"]) == (422, True)
    address = f"{PROJECTS}/{stream.container_id}"
    assert api.call("PUT", address, {"name": "Radio 2"}).json()["data"]["name"] == "Radio 2"
    assert api.call("DELETE", address).status_code == 204
    assert not Stream.objects.present().exists()
    assert api.get(address).status_code == 404


def test_streams_are_added_changed_paused_and_deleted(api: Api, container: Container) -> None:
    answer = api.call(
        "POST",
        streams_of(container),
        {
            "stream_urls": [URL],
            "name": "Harbour",
            "config_id": 4,
            "user_defined": {"desk": "north"},
        },
    )

    assert answer.status_code == 201
    row = answer.json()["data"]
    stream = Stream.objects.get(uid=row["id"])
    assert stream.station == Station.objects.get(name="Harbour")
    assert (row["stream_urls"], row["user_defined"]) == ([URL], {"desk": "north"})
    assert row["state"] == "Other"
    assert [stream["id"] for stream in api.get(streams_of(container)).json()["data"]] == [
        stream.uid
    ]
    changed = api.call("PUT", path_of(stream), {"stream_urls": [URL, f"{URL}/2"]})
    assert changed.json()["data"]["stream_urls"] == [URL, f"{URL}/2"]
    for method in ("PUT", "POST"):
        paused = api.call(method, path_of(stream, "/pause"))
        assert paused.json()["data"][0]["state"] == "Paused"
    restarted = api.call("PUT", path_of(stream, "/restart")).json()["data"]
    assert restarted[0]["state"] != "Paused"
    assert api.call("DELETE", path_of(stream)).status_code == 204
    assert api.get(path_of(stream)).status_code == 404


def test_forms_with_brackets_are_read_and_wrong_streams_refused(
    api: Api, container: Container
) -> None:
    bodies: tuple[dict[str, object], ...] = (
        {"stream_urls": []},
        {"stream_urls": ["file:///etc/passwd"]},
        {"stream_urls": [f"{URL}/{number}" for number in range(11)]},
        {"name": ""},
        {"user_defined": "no object"},
    )
    for wrong in bodies:
        body = {"stream_urls": [URL], "name": "Harbour"} | wrong
        assert api.call("POST", streams_of(container), body).status_code == 422, wrong
    assert not Stream.objects.exists()

    answer = api.upload(
        streams_of(container), {"stream_urls[]": [URL, f"{URL}/2"], "name": "Harbour"}
    )
    assert answer.status_code == 201
    assert answer.json()["data"]["stream_urls"] == [URL, f"{URL}/2"]


def test_states_have_their_names(api: Api, stream: Stream) -> None:
    for state, named in (
        (StreamState.LISTENING, "Running"),
        (StreamState.SILENT, "Mute"),
        (StreamState.AWAY, "Timeout"),
        (StreamState.CONNECTING, "Other"),
    ):
        Stream.objects.filter(pk=stream.pk).update(state=state)
        assert api.get(path_of(stream)).json()["data"]["state"] == named


def test_a_result_has_the_documented_fields(api: Api, stream: Stream) -> None:
    recording = RecordingFactory.create(title="Blue Lantern")
    make_airplay(stream, minute=611.5, seconds=192.5, recording=recording)

    (row,) = api.get(path_of(stream, "/results?type=day&date=20260502")).json()["data"]

    assert row["status"] == {"msg": "Success", "code": 0, "version": "1.0"}
    assert row["result_type"] == 0
    heard = row["metadata"]
    assert (heard["type"], heard["timestamp_utc"]) == ("delay", "2026-05-02 10:11:30")
    assert heard["played_duration"] == 192.5
    (file,) = heard["custom_files"]
    assert (file["title"], file["acrid"]) == ("Blue Lantern", recording.acr_id)
    assert (file["score"], file["db_end_time_offset_ms"]) == (96, 192_500)


def test_results_are_filtered(api: Api, stream: Stream) -> None:
    short = make_airplay(stream, minute=1, seconds=20)
    swiss = make_airplay(
        stream, minute=5, recording=RecordingFactory.create(isrc_normalised="CHA010000001")
    )
    make_airplay(stream, minute=9, state=AirplayState.WITHDRAWN)
    make_airplay(stream, minute=12, state=AirplayState.PLAYING)
    day = "/results?date=20260502"

    def begins(suffix: str) -> list[str]:
        answer = api.get(path_of(stream, suffix))
        assert answer.status_code == 200, answer.json()
        return [row["metadata"]["timestamp_utc"][11:] for row in answer.json()["data"]]

    first, second = f"{short.starts_at:%H:%M:%S}", f"{swiss.starts_at:%H:%M:%S}"
    assert begins(day) == [first, second]
    assert begins("/results?type=last") == [second]
    assert begins(f"{day}&min_duration=60") == [second]
    assert begins(f"{day}&max_duration=60") == [first]
    assert begins(f"{day}&isrc_country=ch") == [second]
    assert begins("/results") == []
    for wrong in ("type=week", "date=2026-05-02", "date=00010101", "min_duration=x"):
        assert api.get(path_of(stream, f"/results?{wrong}")).status_code == 422


@time_machine.travel(DAY + timedelta(hours=12), tick=False)
def test_the_state_lists_the_gaps_of_a_day(api: Api, stream: Stream) -> None:
    StreamGapFactory.create(stream=stream)
    StreamGapFactory.create(
        stream=stream,
        starts_at=DAY + timedelta(hours=9),
        ends_at=DAY + timedelta(hours=9, minutes=1),
        cause=GapCause.SILENT,
    )

    rows = api.get(path_of(stream, "/state")).json()["data"]

    assert rows[0] == {
        "state": "Timeout",
        "cause": "connection",
        "begin_utc": "2026-05-02 07:00:00",
        "end_utc": "2026-05-02 07:02:00",
        "duration": 120,
    }
    assert rows[1]["state"] == "Mute"
    assert api.get(path_of(stream, "/state?date=20260503")).json()["data"] == []


def test_the_sound_of_a_play_can_be_downloaded(
    api: Api, stream: Stream, monkeypatch: pytest.MonkeyPatch
) -> None:
    StreamRunFactory.create(stream=stream, duration_ms=3_600_000)
    intervals: list[tuple[int, int]] = []

    def cut(_folder: Path, _run: str, start: int, end: int, target: Path) -> CutFacts:
        intervals.append((start, end))
        if start == 0:
            raise RingGone
        target.write_bytes(b"sound")
        return CutFacts(start, end, ".mp3", "mp3")

    # The tests of the ring cut real sound.
    monkeypatch.setattr(excerpts, "cut_audio", cut)
    suffix = "/recordings?timestamp_utc=20260502001000&played_duration=60"

    answer = api.get(path_of(stream, f"{suffix}&record_before=10&record_after=5"))

    assert answer.status_code == 200
    assert b"".join(answer) == b"sound"
    assert answer.headers["Content-Type"] == "audio/mpeg"
    assert intervals == [(590_000, 665_000)]
    gone = api.get(path_of(stream, f"{suffix}&record_before=900"))
    assert gone.status_code == 422
    gone = api.get(path_of(stream, "/recordings?timestamp_utc=20260502000000&played_duration=60"))
    assert (gone.status_code, gone.json()["code"]) == (404, "recording_elsewhere")
    never = path_of(stream, "/recordings?timestamp_utc=20250502000000&played_duration=60")
    assert api.get(never).status_code == 404
    assert api.get(path_of(stream, "/recordings")).status_code == 422


def set_callback(api: Api, stream: Stream, name: str, url: str) -> Any:  # Any: JSON
    return api.call("PUT", f"{PROJECTS}/{stream.container_id}/{name}", {"url": url})


def test_settled_plays_and_states_are_posted(api: Api, stream: Stream) -> None:
    for name in ("result-callback", "state-notification"):
        answer = set_callback(api, stream, name, f"https://client.example/{name}")
        assert answer.status_code == 200, answer.json()
        rows = api.get(f"{PROJECTS}/{stream.container_id}/{name}").json()["data"]
        assert rows == {"url": f"https://client.example/{name}"}
    play = make_airplay(stream)

    notices.play_settled.send(sender=type(play), airplay=play)
    notices.tell_away(stream, at=DAY, cause="gone")
    notices.tell_back(stream, at=DAY)

    posted = StreamNotice.objects.order_by("pk")
    assert [notice.url.rpartition("/")[2] for notice in posted] == [
        "result-callback",
        *("state-notification",) * 2,
    ]
    bodies = [json.loads(notice.body) for notice in posted]
    assert [body["status"] for body in bodies] == [1, 0, 1]
    assert all(
        (body["stream_id"], body["stream_url"]) == (stream.uid, stream.current_url)
        for body in bodies
    )
    assert bodies[0]["data"]["metadata"]["type"] == "delay"
    assert Event.objects.filter(action="container.stream_callback_changed").count() == 2
    set_callback(api, stream, "result-callback", "")
    notices.play_settled.send(sender=type(play), airplay=play)
    assert StreamNotice.objects.count() == 3


def test_callbacks_go_to_public_addresses_only(
    api: Api, stream: Stream, settings: Settings
) -> None:
    settings.ACRPORTAL_ALLOW_PRIVATE_ADDRESSES = False

    for url in ("ftp://client.example/", "http://127.0.0.1/", "http://user:x@:1/"):
        answer = set_callback(api, stream, "result-callback", url)
        assert answer.status_code == 422, url
    assert not StreamCallbacks.objects.exists()


def test_roles_and_limits_hold(make_api: MakeApi, stream: Stream) -> None:
    other_container = ContainerFactory.create()
    elsewhere = StreamFactory.create(container=other_container)
    hidden = make_airplay(elsewhere)
    reviewer = make_api(Role.REVIEWER)
    desk = Group.objects.create(name="desk")
    AccessLimit.objects.create(group=desk, containers=[stream.container_id], buckets=[])
    reviewer.owner.groups.add(desk)
    make_airplay(stream, recording=hidden.recording)

    assert reviewer.get(path_of(elsewhere)).status_code == 404
    mixed = streams_of(stream.container, f"/{elsewhere.uid}")
    assert reviewer.get(mixed).status_code == 404
    # The recording lies in a hidden bucket.
    day = path_of(stream, "/results?date=20260502")
    assert reviewer.get(day).json()["data"] == []
    # Somebody else added the stream.
    assert reviewer.call("PUT", path_of(stream, "/pause")).status_code == 422
    assert set_callback(reviewer, stream, "result-callback", URL).status_code == 403
    viewer = make_api(Role.VIEWER)
    body = {"stream_urls": [URL], "name": "Harbour"}
    assert viewer.call("POST", streams_of(other_container), body).status_code == 403


def test_what_is_not_documented_is_a_clear_404(api: Api, stream: Stream) -> None:
    for path in (path_of(stream, "/report"), f"{PROJECTS}/1/radios", "/api/bm-bd-projects"):
        answer = api.get(path)
        assert answer.status_code == 404
        assert "broadcast monitoring" in answer.json()["message"]
