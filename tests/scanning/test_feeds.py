"""Feeds are read as podcast programs read them, and their dates rightly or not at all."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pytest_django import Settings
from pytest_httpserver import HTTPServer

from base.common.exchanges import FetchFailed
from scanning.sources import feeds
from scanning.sources.feed_dates import read_date
from scanning.sources.feed_parser import feed_rows
from scanning.sources.feeds import Feed

ITEM = (
    "<item><title>{title}</title><pubDate>{date}</pubDate>"
    '<enclosure url="/ep1.mp3" type="audio/mpeg" length="1"/></item>'
)
XML = '<?xml version="1.0" encoding="UTF-8"?>'
Expand = Callable[[str | bytes], Feed]


def rss(*items: str) -> str:
    return f"<rss><channel><title>The Show</title>{''.join(items)}</channel></rss>"


def feed_of_item(title: str = "One", date: str = "") -> str:
    return rss(ITEM.format(title=title, date=date))


@pytest.fixture
def expand(httpserver: HTTPServer, settings: Settings) -> Expand:
    """Return a function that reads a feed from a local server."""
    settings.ACRPORTAL_ALLOW_PRIVATE_ADDRESSES = True

    def read(content: str | bytes) -> Feed:
        httpserver.clear()
        httpserver.expect_request("/feed").respond_with_data(content)
        return feeds.expand(httpserver.url_for("/feed"))

    return read


def test_a_feed_that_is_no_xml_is_read(expand: Expand) -> None:
    cases: list[tuple[str | bytes, str]] = [
        ("\n\n" + XML + feed_of_item(), "One"),
        ("\ufeff \r\n" + XML + feed_of_item(), "One"),
        (XML + feed_of_item("Tom & Jerry"), "Tom & Jerry"),
        (XML + feed_of_item("Tom&nbsp;&amp; Jerry &hellip;"), "Tom & Jerry …"),
        (XML + feed_of_item("Tom &amp;amp; Jerry"), "Tom & Jerry"),
        ((XML + feed_of_item("Café – Désirée")).encode("windows-1252"), "Café – Désirée"),
        ((XML + feed_of_item("Zażółć Paweł")).encode("windows-1250"), "Zażółć Paweł"),
        ((XML + feed_of_item("Утренний эфир")).encode("windows-1251"), "Утренний эфир"),
        (feed_of_item("Café").encode("utf-16"), "Café"),
        (XML + feed_of_item("<b>One").replace("</channel>", ""), "<b>One"),
        (feed_of_item("One").replace("<rss>", "<!DOCTYPE rss><rss>"), "One"),
    ]
    for content, title in cases:
        feed = expand(content)

        (item,) = feed.items
        assert (feed.title, item.title) == ("The Show", title), content
        assert item.url.endswith("/ep1.mp3"), content


def test_the_sound_is_taken_whatever_its_place(expand: Expand) -> None:
    for enclosures in [
        '<enclosure url="/cover.jpg" type="image/jpeg"/>'
        '<enclosure url="/ep1.mp3" type="audio/mpeg"/>',
        '<enclosure url="/ep1.mp4" type="video/mp4"/><enclosure url="/ep1.mp3?a=b"/>',
        '<enclosure url="/notes.pdf"/><enclosure url="/ep1.mp3" type=""/>',
        '<enclosure url="/ep1.mp3" type="audio/mpeg"/>'
        '<enclosure url="/ep2.mp3" type="audio/mpeg"/>',
        '<enclosure url="/cover.jpg" type="image/jpeg"/><media:content '
        'xmlns:media="http://search.yahoo.com/mrss/" url="/ep1.mp3" medium="audio"/>',
        '<enclosure url="/cover.jpg" type="image/jpeg"/><link>/ep1.mp3</link>',
    ]:
        (item,) = expand(rss(f"<item><title>x</title>{enclosures}</item>")).items

        assert "/ep1.mp3" in item.url, enclosures


def test_atom_has_bases_several_enclosures_and_updates(expand: Expand) -> None:
    (item,) = expand(
        '<feed xmlns="http://www.w3.org/2005/Atom" xml:base="https://cdn.example/a/">'
        "<title>Atom</title><entry><title>x</title>"
        '<link rel="enclosure" type="image/png" href="b.png"/>'
        '<link rel="enclosure" type="audio/mpeg" href="b.mp3"/>'
        '<link rel="enclosure" type="audio/ogg" href="b.ogg"/>'
        "<updated>2026-11-01T10:00:00+02:00</updated></entry></feed>"
    ).items

    assert item.url == "https://cdn.example/a/b.mp3"
    assert item.published_at == datetime(2026, 11, 1, 8, tzinfo=UTC)


JSON_FEED = {
    "version": "https://jsonfeed.org/version/1.1",
    "title": "The Show",
    "items": [
        {
            "id": "1",
            "title": "One",
            "date_published": "2026-11-01T10:00:00+02:00",
            "authors": [{"name": "Bo"}],
            "attachments": [
                {"url": "/cover.jpg", "mime_type": "image/jpeg"},
                {"url": "/ep1.mp3", "mime_type": "audio/mpeg"},
            ],
        },
        {"id": "2", "url": "https://pod.example/two"},
        {"id": "3", "title": "no address"},
        "no item",
    ],
}


def test_a_json_feed_is_read_wherever_its_version_stands(expand: Expand) -> None:
    last = dict(reversed(JSON_FEED.items()))
    for content in (json.dumps(JSON_FEED), "\ufeff" + json.dumps(last, indent=9)):
        one_item, two = expand(content).items

        assert one_item.url.endswith("/ep1.mp3")
        assert (one_item.title, one_item.account) == ("One", "Bo")
        assert one_item.published_at == datetime(2026, 11, 1, 8, tzinfo=UTC)
        assert (two.url, two.account) == ("https://pod.example/two", "The Show")


def test_a_packed_feed_is_read_without_a_header(expand: Expand) -> None:
    for content in (feed_of_item(), json.dumps(JSON_FEED)):
        assert expand(gzip.compress(content.encode())).items[0].title == "One"
    with pytest.raises(FetchFailed, match="larger than a feed"):
        expand(gzip.compress(b"<rss>" + bytes(9 * 1024**2)))


def test_an_item_with_nothing_but_a_name_is_no_episode(expand: Expand) -> None:
    feed = expand(
        rss(
            "<item><guid>g1</guid><title>none</title></item>",
            "<item><guid>urn:uuid:2</guid><title>none</title></item>",
            "<item><guid>https://pod.example/three</guid></item>",
            "<item><guid>g4</guid><link>/four</link></item>",
        )
    )

    assert [item.url.rpartition("/")[2] for item in feed.items] == ["three", "four"]


def test_an_item_outside_the_channel_is_read(expand: Expand) -> None:
    channel, end = feed_of_item().split("<item>")
    item, _channel, suffix = end.partition("</item>")

    feed = expand(f"{channel}</channel><item>{item}</item>{suffix}")

    assert [item.title for item in feed.items] == ["One"]


def test_a_channel_of_videos_leads_to_their_pages(expand: Expand) -> None:
    """Its media elements are players, which nothing can be heard from."""
    (item,) = expand(
        '<feed xmlns="http://www.w3.org/2005/Atom" '
        'xmlns:media="http://search.yahoo.com/mrss/"><title>C</title><entry>'
        '<title>V</title><link rel="alternate" href="https://v.example/watch?v=1"/>'
        "<author><name>Bo</name></author><media:group><media:content "
        'url="https://v.example/v/1?version=3" type="application/x-shockwave-flash"/>'
        '<media:thumbnail url="https://v.example/1.jpg"/></media:group></entry></feed>'
    ).items

    assert (item.url, item.account) == ("https://v.example/watch?v=1", "Bo")


def test_a_large_feed_is_read_in_a_child_process(expand: Expand) -> None:
    items = [ITEM.format(title=f"{n} & more " + "x" * 900, date="") for n in range(300)]

    feed = expand(rss(*items))

    assert (len(feed.items), feed.is_cut) == (200, True)
    assert feed.items[199].title.startswith("199 & more")


@given(st.lists(st.sampled_from([*"<>&;/!?=\"' ab", "rss", "item", "<![CDATA["])))
def test_anything_after_the_beginning_ends_in_rows(parts: list[str]) -> None:
    rows = list(feed_rows(f"<rss>{''.join(parts)}".encode(), 10))

    assert "title" in rows[0]


def test_a_feed_without_items_says_so(expand: Expand) -> None:
    with pytest.raises(FetchFailed, match="nothing that can be scanned"):
        expand(rss())


# Dates


def test_dates_are_read_as_they_are_meant() -> None:
    cases: list[tuple[str, str]] = [
        ("Wed, 3 Jun 2020 15:20:44 PST", "2020-06-03T23:20:44"),
        ("Sat Sep  3 09:19:24 2016 GMT", "2016-09-03T09:19:24"),
        ("2016-09-03T09:19:24Z", "2016-09-03T09:19:24"),
        ("2016-09-03T09:19:24.123+02:00", "2016-09-03T07:19:24"),
        ("2016-09-03 09:19:24 +0200", "2016-09-03T07:19:24"),
        ("Wed, 03 Jun 2020 15:20:44 CEST", "2020-06-03T13:20:44"),
        ("Wed, 03 Jun 2020 15:20:44 +0200 (CEST)", "2020-06-03T13:20:44"),
        ("Wed Jun 03 2020 15:20:44 GMT+0200 (Summer Time)", "2020-06-03T13:20:44"),
        ("Wed, 03 Jun 2020 15:20:44 GMT+2", "2020-06-03T13:20:44"),
        ("Wed, 03 Jun 2020 15:20:44 UTC-03:30", "2020-06-03T18:50:44"),
        ("Mi, 03 Jun 2020 15:20:44 +0200", "2020-06-03T13:20:44"),
        ("Wed, 03 Jun 20 15:20:44 +0200", "2020-06-03T13:20:44"),
        ("Wed, 03 Jun 2020 3:20 PM EST", "2020-06-03T20:20:00"),
        ("June 3rd, 2020 12:05am EDT", "2020-06-03T04:05:00"),
        ("Wed, 03 Jun 2020", "2020-06-03T00:00:00"),
        ("Wed, 03 Jun 2020 15:20:44", "2020-06-03T15:20:44"),
    ]
    for text, iso in cases:
        assert read_date(text) == datetime.fromisoformat(iso).replace(tzinfo=UTC), text


def test_a_date_that_is_not_certain_is_none() -> None:
    for text in [
        "",
        "Invalid Date",
        "Wed, 31 Sep 2020 15:20:44 +0200",
        "Wed, 03 Jun 2020 24:00:00 +0000",
        "Wed, 03 Juin 2020 15:20:44 +0200",
        "03/06/2020",
        # British or Bangladesh time; India, Israel or Ireland.
        "Wed, 03 Jun 2020 15:20:44 BST",
        "Wed, 03 Jun 2020 15:20:44 IST",
        "Wed, 03 Jun 2020 15:20 PM EST",
        "Wed, 03 Jun 2020 15:20:44 +9900",
        "Wed, 03 Jun 2020 15:20:44 +0200 CEST",
        "Wed, 03 Jun 0001 15:20:44 +0000",
    ]:
        assert read_date(text) is None, text


@given(
    moment=st.datetimes(datetime(1970, 1, 1), datetime(2199, 1, 1)),  # noqa: DTZ001 - a zone is drawn
    minutes=st.integers(-14 * 4, 14 * 4).map(lambda quarters: 15 * quarters),
)
def test_dates_survive_being_written(moment: datetime, minutes: int) -> None:
    zoned = moment.replace(microsecond=0, tzinfo=timezone(timedelta(minutes=minutes)))

    assert read_date(format_datetime(zoned)) == zoned
    assert read_date(zoned.isoformat()) == zoned
    assert read_date(f"{zoned:%a %b %d %Y %I:%M:%S %p %z}") == zoned


@given(st.text("0123456789:+-,.apmTZ JunGMTCES()", max_size=40))
def test_any_text_is_a_date_or_none(text: str) -> None:
    moment = read_date(text)

    assert moment is None or moment.tzinfo is not None
