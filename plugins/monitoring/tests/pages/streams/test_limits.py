"""People with access limits see streams of their containers and plays of their buckets."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse

from base.accounts.roles import Role
from plugins.monitoring.streams.choices import AirplayState, AlarmKind
from plugins.monitoring.streams.models import Stream
from plugins.monitoring.tests.factories.streams import (
    StreamAlarmFactory,
    StreamFactory,
    make_airplay,
)
from tests.factories.accounts import make_limited
from tests.factories.catalogue import RecordingFactory

pytestmark = pytest.mark.django_db

PAGES = ("stream_day", "stream_edit", "stream_delete")


@pytest.fixture
def own() -> Stream:
    return StreamFactory.create(name="Own stream")


@pytest.fixture
def limited(own: Stream, client: Client) -> Client:
    """Sign a manager in who sees one container, and no bucket."""
    containers = [own.container_id]
    client.force_login(make_limited(Role.MANAGER, containers=containers, buckets=[]))
    return client


def test_streams_elsewhere_do_not_exist(limited: Client, own: Stream) -> None:
    other_stream = StreamFactory.create(name="Other stream")

    assert [row.stream for row in limited.get(reverse("portal:streams")).context["rows"]] == [own]
    for name in PAGES:
        url = reverse(f"portal:{name}", args=[other_stream.uid])
        assert limited.get(url).status_code == 404
    act = reverse("portal:stream_act", args=[other_stream.uid])
    assert limited.post(act, {"verb": "pause"}).status_code == 404
    station = limited.get(reverse("portal:station", args=[other_stream.station.uid]))
    assert "Other stream" not in station.content.decode()


def test_plays_of_hidden_recordings_are_not_shown(limited: Client, own: Stream) -> None:
    hidden = RecordingFactory.create(title="Hidden Jingle")
    play = make_airplay(own, recording=hidden, state=AirplayState.PLAYING)
    StreamAlarmFactory.create(stream=own, kind=AlarmKind.BANNED, airplay=play)
    own.station.banned.add(hidden)

    for url in (
        reverse("portal:streams"),
        reverse("portal:stream_log"),
        reverse("portal:stream_alarms"),
        reverse("portal:stream_day", args=[own.uid]) + "?date=2026-05-02&hour=0",
        reverse("portal:station", args=[own.station.uid]),
    ):
        answer = limited.get(url)
        assert answer.status_code == 200
        assert "Hidden Jingle" not in answer.content.decode(), url

    bans = reverse("portal:station_banned", args=[own.station.uid])
    assert limited.post(bans, {"banned": ""}).status_code == 302
    # What a person does not see they do not allow either.
    assert own.station.banned.count() == 1
