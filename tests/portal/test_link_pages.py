"""Links on pages: earlier submissions, invalid lines, and the forms' addresses."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.test import Client

from base.accounts.models import User
from base.accounts.roles import Role
from scanning.choices import FileStatus
from scanning.models import Container, ScannedFile
from scanning.services.filing import delete_container
from scanning.sources.links import link_name
from tests.factories.scanning import ContainerFactory
from tests.fixtures import MakeClient
from tests.visible_text import visible_text

_LINK = "https://media.example/a.mp3"


@pytest.fixture
def container(db: None) -> Container:
    return ContainerFactory.create()


@pytest.fixture
def client(signed_in: MakeClient) -> Client:
    return signed_in(Role.REVIEWER)


def _submit(client: Client, container: Container, **options: object) -> dict[str, Any]:  # Any: JSON
    body = {"links": [_LINK], "container": container.pk, **options}
    answer = client.post("/api/portal/v1/links/", json.dumps(body), content_type="application/json")
    return dict(answer.json()[0])


def test_a_link_sent_before_comes_with_its_file_and_can_be_scanned_again(
    client: Client, container: Container
) -> None:
    first = _submit(client, container)["file"]

    seen = _submit(client, container)
    again = _submit(client, container, scan_again=True)

    assert (seen["accepted"], seen["code"]) == (False, "link_seen")
    assert seen["file"]["uid"] == seen["file"]["duplicate_of"]["uid"] == first["uid"]
    assert seen["file"]["duplicate_of"]["url"] == f"/files/{first['uid']}/"
    assert again["accepted"]
    assert again["file"]["uid"] != first["uid"]
    assert ScannedFile.objects.count() == 2


def test_a_link_sent_before_is_linked_on_the_upload_page_and_scanned_again(
    client: Client, container: Container
) -> None:
    fields = {"container": container.pk, "links": _LINK, "programme": "News"}
    client.post("/upload/", fields)
    first = ScannedFile.objects.get()

    page = client.post("/upload/", fields)
    form = page.context["form"]
    fields_kept = {"container": container.pk, "programme": form["programme"].value()}
    client.post("/upload/", fields_kept | {"again": _LINK})

    text = page.content.decode()
    assert f'href="/files/{first.uid}/">Open result' in text.replace("> ", ">")
    assert f'name="again" value="{_LINK}">Scan again' in text
    assert ScannedFile.objects.filter(programme="News").count() == 2


def test_links_sent_before_are_linked_among_many_and_scanned_again(
    client: Client, container: Container
) -> None:
    fields = {"container": container.pk, "links": f"{_LINK}\n{_LINK}?b"}
    client.post("/links/", fields)
    first = ScannedFile.objects.order_by("pk").first()
    assert first is not None

    page = client.post("/links/", fields).content.decode()
    client.post("/links/", fields | {"scan_again": "on"})

    page = page.replace("> ", ">").replace(" <", "<")
    assert f'href="/files/{first.uid}/">Open result' in page
    assert page.count(">Scan again<") == 2
    assert "Scan the 2 links seen before again" in page
    assert ScannedFile.objects.count() == 4


def test_a_refused_link_is_one_error_and_named_once(client: Client, container: Container) -> None:
    fields = {"container": container.pk, "links": f"not a link\n{_LINK} {_LINK}?b"}
    page = client.post("/upload/", fields)
    assert [result["code"] for result in page.context["results"]] == ["link_refused", "", ""]

    fields = {"container": container.pk, "links": "ftp://nonsense.example/a"}
    for address in ("/upload/", "/links/"):
        text = visible_text(client.post(address, fields).content.decode())
        assert text.count("nonsense") == 1, address
        assert "This link is not allowed: " in text
        assert "link_refused" not in text


def test_addresses_without_a_page_lead_to_it_or_say_so(client: Client) -> None:
    for address in ("/links/feed/", "/links/feed/items/"):
        answer = client.get(address)
        assert (answer.status_code, answer["Location"]) == (302, "/links/")

    page = client.get("/jobs/again/")
    program = client.get("/jobs/again/", headers={"accept": "application/json"})

    assert (page.status_code, page["Allow"]) == (405, "POST")
    assert "only accepts forms" in page.content.decode()
    assert f"req {page['X-Request-Id']}" in page.content.decode()
    assert (program.status_code, program.content) == (405, b"")


def test_links_have_a_name_that_tells_them_apart() -> None:
    for url, name in (
        ("https://www.youtube.com/watch?v=krP539YBF7U&t=1", "youtube.com krP539YBF7U"),
        ("https://youtu.be/krP539YBF7U", "youtube.com krP539YBF7U"),
        ("https://media.example/shows/ep%2015.wav?x=1", "ep 15.wav"),
        ("https://www.pod.example/play?id=7", "pod.example 7"),
        ("https://m.pod.example/artist/a-song", "pod.example a-song"),
        ("https://pod.example/listen.html", "pod.example"),
        ("https://pod.example/", "pod.example"),
    ):
        assert link_name(url) == name


def test_the_outcomes_follow_their_files_until_all_have_ended(
    client: Client, container: Container, admin: User
) -> None:
    page = client.post("/links/", {"container": container.pk, "links": _LINK})
    file = ScannedFile.objects.get()
    query = f"/links/?sent={file.uid}"
    waiting = client.get(query)
    ScannedFile.objects.update(status=FileStatus.ERROR)
    ended = client.get(query)

    assert query in page.content.decode()
    assert (waiting.status_code, ended.status_code) == (200, 286)
    assert f'id="state-{file.uid}"' in ended.content.decode()
    assert "Waiting" in waiting.content.decode()
    assert "Error" in ended.content.decode()
    assert client.get("/links/?sent=nothing").status_code == 286

    ScannedFile.objects.update(status=FileStatus.WAITING)
    delete_container(container=container, user=admin, reason="It is over.")
    deleted = client.get(query)
    assert deleted.status_code == 286
    assert f'id="state-{file.uid}"' in deleted.content.decode()
    assert "Deleted" in deleted.content.decode()
