"""Many links: pasted, from a CSV, from a feed; each handled separately."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest
from django.test import Client
from pytest_django import Settings
from pytest_httpserver import HTTPServer

from base.accounts.models import User
from base.accounts.roles import Role
from base.common.exchanges import FetchFailed, LinkRefused
from scanning.choices import FileStatus
from scanning.errors import IntakeRefused
from scanning.models import Container, ScannedFile
from scanning.services.link_batches import links_of_csv, links_of_text, submit_links
from scanning.sources import feeds, link_reader
from tests import audio
from tests.factories.scanning import ContainerFactory
from tests.fixtures import Catalogue, MakeClient, Worker, upload

RSS = """<?xml version="1.0"?>
<rss version="2.0" xmlns:itunes="http://www.itunes.com/dtds/podcast-1.0.dtd">
<channel><title>The Show</title>
<item><title>Second/part</title><itunes:author>Ann</itunes:author>
<enclosure url="/two.mp3" type="audio/mpeg" length="1"/>
<pubDate>Tue, 10 Nov 2026 08:00:00 +0100</pubDate></item>
<item><title>First</title><link>https://pod.example/one</link></item>
<item><title>No link</title></item>
</channel></rss>"""


@pytest.fixture
def container(db: None) -> Container:
    return ContainerFactory.create()


@pytest.fixture
def client(signed_in: MakeClient) -> Client:
    return signed_in(Role.REVIEWER)


def pasted_links(count: int) -> list[str]:
    return [f"https://media.example/{number}.mp3" for number in range(count)]


def test_twenty_links_of_which_three_are_bad_make_seventeen_files(
    client: Client, container: Container
) -> None:
    bad = ["ftp://media.example/a", "not a link", "http://u:p@media.example/"]

    page = client.post(
        "/links/", {"container": container.pk, "links": "\n".join([*pasted_links(17), *bad])}
    ).content.decode()

    assert ScannedFile.objects.count() == 17
    assert "17 links were accepted" in page
    assert "3 were not" in page
    assert "it does not begin with http" in page
    assert "user name or password" in page


def test_more_links_than_one_submit_takes_wait_in_the_box(
    client: Client, container: Container, settings: Settings
) -> None:
    settings.DATA_UPLOAD_MAX_NUMBER_FILES = 2
    fields = {"container": container.pk, "links": "\n".join(pasted_links(3))}

    # The upload page takes no more, and no more are scanned again.
    page = client.post("/upload/", fields).content.decode()
    assert "You entered 3 links. Submit at most 2 at once." in page
    again = client.post("/links/", fields | {"scan_again": "on"})
    assert "You chose 3 links; at most 2 can be scanned again at once." in (again.content.decode())
    assert again.context["form"]["links"].value() == fields["links"]
    assert not ScannedFile.objects.exists()

    answer = client.post("/links/", fields)
    text = answer.content.decode()
    assert "2 of 3 links were accepted; 1 wait. Submit again when some" in text
    assert answer.context["form"]["links"].value() == pasted_links(3)[2]
    assert ScannedFile.objects.count() == 2


def test_a_csv_file_is_submitted_again_until_all_of_it_is_taken(
    client: Client, container: Container, settings: Settings
) -> None:
    settings.DATA_UPLOAD_MAX_NUMBER_FILES = 2

    for _ in range(3):
        rows = "url,programme\n" + "".join(f"{link},News\n" for link in pasted_links(5))
        csv_file = upload("links.csv", rows.encode())
        client.post("/links/", {"container": container.pk, "csv_file": csv_file})

    assert ScannedFile.objects.filter(programme="News").count() == 5


@pytest.mark.usefixtures("local_allowed")
def test_links_wait_while_a_person_has_too_many_files_open(
    client: Client, container: Container, settings: Settings, httpserver: HTTPServer
) -> None:
    settings.ACRPORTAL_MAX_OPEN_FILES = 1
    httpserver.expect_request("/feed").respond_with_data(RSS)
    feed = client.post("/links/feed/", {"feed_url": httpserver.url_for("/feed")})
    fields = {"container": container.pk}

    pasted = client.post("/links/", fields | {"links": "\n".join(pasted_links(2))})
    chosen = client.post(
        "/links/feed/items/", fields | {"signed": feed.context["signed"], "chosen": ["0", "1"]}
    )

    assert "1 of 2 links were accepted; 1 wait." in pasted.content.decode()
    assert "0 of 2 links were accepted; 2 wait." in chosen.content.decode()
    assert ScannedFile.objects.count() == 1


def test_links_are_found_in_any_text() -> None:
    text = "See (https://a.example/x), and https://b.example/y?z=1.\n\nodd line"

    assert [link.url for link in links_of_text(text)] == [
        "https://a.example/x",
        "https://b.example/y?z=1",
        "odd line",
    ]


def test_csv_brings_the_links_and_what_its_header_says() -> None:
    rows = [["Title", "URL", "Programme"], ["One", "https://a.example/1", "News"]]
    for separator in (",", ";", "\t"):
        content = "\r\n".join(separator.join(row) for row in rows)
        links = links_of_csv(b"\xef\xbb\xbf" + content.encode())
        assert [(link.url, link.name, link.details["programme"]) for link in links] == [
            ("https://a.example/1", "One", "News")
        ], separator

    # Without a header, the column that holds links is read.
    links = links_of_csv(b"1,https://a.example/1\n2,https://a.example/2\n")
    assert [link.url for link in links] == ["https://a.example/1", "https://a.example/2"]
    for bad in (b"", b"a,b\n1,2\n", b"\0\1", b"\xff\xfe\x00"):
        with pytest.raises(IntakeRefused, match="CSV"):
            links_of_csv(bad)


def test_link_submitted_before_is_named_with_its_file_or_scanned_again(
    container: Container, admin: User
) -> None:
    first = links_of_text("https://youtu.be/krP539YBF7U")
    again = links_of_text("https://www.youtube.com/watch?v=krP539YBF7U&t=3")
    submit_links(container=container, links=first, user=admin)

    outcomes = submit_links(container=container, links=again, user=admin)

    assert outcomes[0].code == "link_seen"
    assert "krP539YBF7U" in outcomes[0].message
    assert ScannedFile.objects.count() == 1

    outcomes = submit_links(container=container, links=again, user=admin, scan_again=True)
    assert outcomes[0].file is not None
    assert ScannedFile.objects.count() == 2


@pytest.fixture
def local_allowed(settings: Settings) -> None:
    """Let the portal fetch from this machine."""
    settings.ACRPORTAL_ALLOW_PRIVATE_ADDRESSES = True


_BOMB = (
    '<!DOCTYPE rss [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]>'
    "<rss><channel><title>&b;</title></channel></rss>"
)
_OUTSIDE = (
    '<!DOCTYPE rss [<!ENTITY x SYSTEM "file:///etc/passwd">]>'
    "<rss><channel><title>&x;</title></channel></rss>"
)


@pytest.mark.usefixtures("local_allowed")
def test_hostile_and_broken_feeds_are_told(httpserver: HTTPServer) -> None:
    for number, body in enumerate(
        (_BOMB, _OUTSIDE, "<rss><channel>", "<rss></rss>", "<rss><channel/></rss>")
    ):
        httpserver.expect_request(f"/feed{number}").respond_with_data(body)
        with pytest.raises(FetchFailed):
            feeds.expand(httpserver.url_for(f"/feed{number}"))


def test_feed_on_a_private_address_is_refused(httpserver: HTTPServer) -> None:
    with pytest.raises(LinkRefused, match="private or local"):
        feeds.expand(httpserver.url_for("/feed"))


@pytest.mark.usefixtures("local_allowed")
def test_chosen_items_of_a_feed_are_submitted_with_what_it_says(
    client: Client, container: Container, httpserver: HTTPServer
) -> None:
    httpserver.expect_request("/feed").respond_with_data(RSS)
    offered = client.post("/links/feed/", {"feed_url": httpserver.url_for("/feed")})
    fields = {"container": container.pk, "signed": offered.context["signed"], "chosen": ["0"]}
    changed = fields | {"signed": offered.context["signed"][:-2] + "xx"}

    refused = client.post("/links/feed/items/", changed)
    assert "This list has expired." in refused.content.decode()
    assert not ScannedFile.objects.exists()

    page = client.post("/links/feed/items/", fields)

    file = ScannedFile.objects.get()
    assert "1 link was accepted" in page.content.decode()
    assert (file.name, file.account) == ("Second∕part", "Ann")
    assert file.published_at is not None


def test_playlist_as_the_link_reader_tells_it_is_read() -> None:
    fields = {
        "title": "Mix",
        "uploader": "Someone",
        "entries": [
            {"url": "https://youtu.be/a", "title": "One", "timestamp": 1_790_000_000},
            {"url": "https://youtu.be/b"},
            None,
            {"title": "no address"},
        ],
    }

    feed = feeds.read_listing(fields, "https://youtube.com/playlist?list=x")

    assert [(item.title, item.account) for item in feed.items] == [
        ("One", "Someone"),
        ("https://youtu.be/b", "Someone"),
    ]


def _reader(folder: Path, script: str) -> str:
    """Write a program that acts as a newer yt-dlp."""
    program = folder / "newer-reader"
    version = '[ "$1" = --version ] && echo 2099.01.01 && exit'
    program.write_text(f"#!/bin/sh\n{version}\n{script}\n", encoding="ascii")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    return str(program)


@pytest.mark.usefixtures("local_allowed")
def test_reader_put_in_place_by_the_operator_is_used_and_its_facts_are_kept(
    client: Client,
    catalogue: Catalogue,
    run_worker: Worker,
    httpserver: HTTPServer,
    settings: Settings,
    tmp_path: Path,
) -> None:
    source = tmp_path / "sound.wav"
    source.write_bytes(audio.wav_bytes(audio.tune(1, 12)))
    facts = {
        "id": "v1",
        "title": "A clip",
        "extractor": "Example",
        "uploader": "Channel",
        "view_count": 1234,
        "timestamp": 1_790_000_000,
        "thumbnail": "https://img.example/1.jpg",
    }

    def read_by(script: str, path: str) -> ScannedFile:
        settings.ACRPORTAL_YTDLP_COMMAND = _reader(tmp_path, script)
        httpserver.expect_request(path).respond_with_data("x", content_type="text/html")
        link = {"container": catalogue.container.pk, "links": httpserver.url_for(path)}
        client.post("/links/", link)
        run_worker()
        return ScannedFile.objects.latest("pk")

    file = read_by(f"cp {source} platform.wav; echo '{json.dumps(facts)}'", "/w")
    assert (file.status, file.name) == (FileStatus.READY, "A clip")
    assert (file.platform, file.account, file.external_id) == ("example", "Channel", "v1")
    assert file.platform_facts["view_count"] == file.views == 1234
    assert file.platform_facts["read_at"].endswith("+00:00")
    assert file.published_at is not None
    page = client.get(f"/files/{file.uid}/").content.decode()
    assert "1,234" in page

    # A private page says so and can get its audio.
    private = "echo 'ERROR: [x] 1: Private video. Sign in' >&2; exit 1"
    file = read_by(private, "/p")
    assert (file.status, file.error_code) == (FileStatus.NEEDS_AUDIO, "link_private")
    sound = upload("mine.wav", audio.wav_bytes(audio.tune(1, 11)))
    client.post(f"/files/{file.uid}/attach/", {"file": sound})
    run_worker()
    file.refresh_from_db()
    assert file.status == FileStatus.READY


def test_reader_runs_with_ceilings_and_nothing_of_ours(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECRET_KEY", "not for others")
    settings.ACRPORTAL_YTDLP_COMMAND = _reader(
        tmp_path, "ulimit -v; ulimit -n; echo home=$HOME; env"
    )

    answer = link_reader.read("x", [], tmp_path, max_seconds=10)

    assert answer.output.splitlines()[:2] == ["2097152", "256"]
    assert f"home={tmp_path}" in answer.output
    assert "not for others" not in answer.output


def test_reader_that_hangs_is_ended(settings: Settings, tmp_path: Path) -> None:
    settings.ACRPORTAL_YTDLP_COMMAND = _reader(tmp_path, "sleep 60")

    with pytest.raises(FetchFailed, match="took too long"):
        link_reader.read("x", [], tmp_path, max_seconds=1)


def test_version_and_age_of_the_reader_are_known() -> None:
    version = link_reader.reader_version()

    assert version is not None
    assert version.released is not None
    assert not version.replaced


def test_viewer_may_not_submit_links(signed_in: MakeClient) -> None:
    assert signed_in(Role.VIEWER).get("/links/").status_code == 403
