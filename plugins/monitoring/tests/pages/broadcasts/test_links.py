"""Links of files are sent with the broadcast of the form."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import pytest
from django.test import Client
from pytest_httpserver import HTTPServer

from plugins.monitoring.broadcasts.models import Broadcast
from plugins.monitoring.tests.factories.streams import StationFactory
from review.programmes.models import Episode
from scanning.models import Container, ScannedFile
from tests.scanning.test_link_batches import RSS, client, container, local_allowed, pasted_links

__all__ = ["client", "container", "local_allowed"]  # fixtures

_SAID = {
    "series": "Pier Stories",
    "season": "2",
    "episode_title": "Fog",
    "starts_at": "2026-11-03 07:00",
    "showing": "repeat_run",
}


def test_pasted_links_get_the_episode_and_the_broadcast_of_the_form(
    client: Client, container: Container
) -> None:
    station = StationFactory.create(time_zone="Europe/Zurich")
    fields = {"container": container.pk, "station": station.uid}

    # A time that no clock shows and a missing one submit no link.
    form = fields | {"links": pasted_links(1)[0]}
    skipped = client.post("/links/", form | {"starts_at": "2026-03-29 02:30"})
    missing = client.post("/links/", form)
    assert "summer time began" in skipped.content.decode()
    assert skipped.context["form"]["links"].value() == form["links"]
    assert "Enter when the broadcast began." in missing.content.decode()
    assert not ScannedFile.objects.exists()

    page = client.post("/links/", _SAID | fields | {"links": "\n".join(pasted_links(2))})

    assert "2 links were accepted" in page.content.decode()
    episodes = Episode.objects.values_list("series", "season", "title")
    assert list(episodes) == [("Pier Stories", "2", "Fog")] * 2
    for row in Broadcast.objects.all():
        assert (row.station, row.showing) == (station, "repeat_run")
        assert row.starts_at == datetime(2026, 11, 3, 6, tzinfo=UTC)
    assert Broadcast.objects.count() == 2


def test_links_sent_before_are_scanned_again_with_what_the_form_said(
    client: Client, container: Container
) -> None:
    station = StationFactory.create(time_zone="Europe/Zurich")
    fields = _SAID | {"station": station.uid, "container": container.pk}
    links = fields | {"links": pasted_links(1)[0]}
    client.post("/links/", {"container": container.pk, "links": pasted_links(1)[0]})

    page = client.post("/links/", links).content.decode()
    assert not Episode.objects.exists()
    hidden = dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', page))
    client.post("/links/", hidden)

    assert hidden["scan_again"] == "on"
    newest = ScannedFile.objects.latest("pk")
    assert Episode.objects.get().scanned_file == newest
    assert Broadcast.objects.get().scanned_file == newest


@pytest.mark.usefixtures("local_allowed")
def test_items_of_a_feed_get_the_episode_and_the_broadcast_of_the_form(
    client: Client, container: Container, httpserver: HTTPServer
) -> None:
    httpserver.expect_request("/feed").respond_with_data(RSS)
    station = StationFactory.create(time_zone="Europe/Zurich")
    offered = client.post("/links/feed/", {"feed_url": httpserver.url_for("/feed")})
    sent = _SAID | {
        "container": container.pk,
        "signed": offered.context["signed"],
        "station": station.uid,
        "chosen": ["1"],
    }

    wrong = client.post("/links/feed/items/", sent | {"starts_at": "soon"})
    page = client.post("/links/feed/items/", sent)

    # The list stays, with its ticks, when a field is wrong.
    text = wrong.content.decode()
    assert "Write date and time as 2026-11-03 07:00." in text
    assert [ticked for _item, ticked in wrong.context["form"].rows()] == [False, True]
    assert "The Show" in text
    assert "1 link was accepted" in page.content.decode()
    file = ScannedFile.objects.get()
    assert (file.name, file.episode.series) == ("First", "Pier Stories")
    assert Broadcast.objects.get().station == station
