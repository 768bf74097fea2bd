"""Every page: permissions, valid structure, and query count."""

from __future__ import annotations

import re
from decimal import Decimal

from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from base.accounts.models import User
from base.accounts.roles import Role
from base.audit.models import Event
from base.common.reading import read_clock
from scanning.choices import EditedMusic, FileStatus
from scanning.models import Container, ScannedFile
from tests.factories.catalogue import BucketFactory
from tests.factories.review import make_match
from tests.factories.scanning import ContainerFactory, ScannedFileFactory
from tests.fixtures import MakeClient
from tests.portal.queries import queries_of

VIEWER, REVIEWER, MANAGER, ADMIN = Role

PAGES = {
    "portal:dashboard": VIEWER,
    "portal:upload": REVIEWER,
    "portal:file_list": VIEWER,
    "portal:match_list": VIEWER,
    "portal:container_create": ADMIN,
    "portal:recording_add": MANAGER,
    "portal:bucket_create": MANAGER,
    "portal:duplicates": VIEWER,
    "portal:reports": VIEWER,
    "portal:search": VIEWER,
}
"""The weakest role that may open each page; stronger ones may what weaker ones may."""


def test_pages_open_for_the_roles_that_may(signed_in: MakeClient) -> None:
    clients = {role: signed_in(role) for role in Role}
    strength = list(Role).index

    for name, weakest in PAGES.items():
        for role, client in clients.items():
            if role == weakest:
                assert client.get(reverse(name)).status_code == 200, name
            elif strength(role) < strength(weakest):
                assert client.get(reverse(name)).status_code == 403, (name, role)


def test_pages_send_anonymous_people_to_sign_in(db: None) -> None:
    client = Client()
    file = ScannedFileFactory.create()

    audio = reverse("portal:file_audio", args=[file.uid])
    for address in (*map(reverse, PAGES), audio):
        answer = client.get(address)
        assert answer.status_code == 302, address
        assert answer["Location"].startswith("/accounts/login/"), address


def test_changes_are_refused_to_roles_that_may_not(signed_in: MakeClient) -> None:
    file = ScannedFileFactory.create()
    container = reverse("portal:container_edit", args=[file.container_id])

    for role in Role:
        client = signed_in(role)
        rescan = client.post(reverse("portal:file_rescan", args=[file.uid]))
        assert rescan.status_code == (403 if role == VIEWER else 302), role
        edit = client.post(container)
        assert edit.status_code == (200 if role == ADMIN else 403), role
    for name in ("file_rescan", "file_cancel", "file_attach"):
        answer = client.get(reverse(f"portal:{name}", args=[file.uid]))
        assert answer.status_code == 405, name


def test_unknown_things_are_not_found(signed_in: MakeClient) -> None:
    deleted = ScannedFileFactory.create(deleted_at="2026-01-01T00:00:00Z")
    client = signed_in(VIEWER)

    for path in (
        "/files/00000000-0000-4000-8000-000000000000/",
        "/files/00000000-0000-4000-8000-000000000000/audio",
        f"/files/{deleted.uid}/",
        "/catalogue/recordings/r_none/",
        "/catalogue/buckets/99999/",
        "/m/m_none",
        "/nowhere/",
    ):
        assert client.get(path).status_code == 404, path


def test_file_page_holds_in_every_state(signed_in: MakeClient) -> None:
    file = ScannedFileFactory.create(message="What happened.", name="x" * 200)
    client = signed_in(REVIEWER)

    for status in FileStatus:
        ScannedFile.objects.update(status=status)
        page = client.get(reverse("portal:file_detail", args=[file.uid]))
        assert page.status_code == 200, status
        assert file.name in page.content.decode(), status


def test_file_page_gives_the_cause_in_the_language_of_the_reader(signed_in: MakeClient) -> None:
    file = ScannedFileFactory.create(
        status=FileStatus.ERROR,
        error_code="too_short",
        message="ep 1.wav has 2.2 s of sound; at least 3 s are needed.",
    )

    page = signed_in(VIEWER).get(
        reverse("portal:file_detail", args=[file.uid]), headers={"accept-language": "de"}
    )

    assert "ep 1.wav enthält 2.2 s Ton; mindestens 3 s sind nötig." in page.content.decode()


def test_file_page_shows_each_play_with_both_offsets(signed_in: MakeClient) -> None:
    hour = 3_600_000
    match = make_match(
        (70_000, 90_000, 5_000, 25_000),
        (100_250, 120_000, 0, 19_750),
        (27 * hour, 27 * hour + 20_000, 0, 20_000),
    )
    ScannedFile.objects.update(length_ms=30 * hour)

    page = signed_in(VIEWER).get(reverse("portal:file_detail", args=[match.scanned_file.uid]))

    text = page.content.decode()
    assert "1:10.000 – 1:30.000" in text
    assert "0:05.000 – 0:25.000" in text
    assert "1:40.250 – 2:00.000" in text
    assert "27:00:00.000" in text


def test_lists_ask_no_more_queries_for_many_rows(signed_in: MakeClient) -> None:
    for _ in range(12):
        make_match()
    client = signed_in(VIEWER)

    for path, most in (("/files/", 13), ("/matches/", 20), ("/", 52)):
        # The first page of a process reads what later ones remember.
        client.get(path)
        assert queries_of(client, path) <= most, path


def test_filters_of_the_file_list_live_in_its_address(signed_in: MakeClient) -> None:
    ScannedFileFactory.create(name="needle.wav")
    ScannedFileFactory.create(name="broken.wav", status=FileStatus.ERROR)
    client = signed_in(REVIEWER)

    pages = {}
    for query, expected in (
        ("", {"needle.wav", "broken.wav"}),
        ("q=needle", {"needle.wav"}),
        ("state=error", {"broken.wav"}),
        ("state=nonsense", {"needle.wav", "broken.wav"}),
        ("sort=name", {"needle.wav", "broken.wav"}),
        ("sort=-nonsense&page=999", {"needle.wav", "broken.wav"}),
    ):
        page = client.get(f"/files/?{query}")
        assert {file.name for file in page.context["page_obj"]} == expected, query
        pages[query] = page.content.decode()

    # The export heeds no state, and says so.
    assert "Export CSV</button>" in pages[""]
    assert "Export CSV, any state</button>" in pages["state=error"]
    assert "Report, any state…</a>" in pages["state=error"]


def test_admin_makes_and_changes_a_container(signed_in: MakeClient) -> None:
    bucket = BucketFactory.create()
    client = signed_in(ADMIN)
    fields = {
        "name": "Programmes",
        "buckets": [bucket.pk],
        "engine": "embedded",
        "audio_type": "linein",
        "edited_music": EditedMusic.NORMALLY,
        "score_floor": "55",
        "upload_audio": "original",
        "link_audio": "original",
    }

    client.post(reverse("portal:container_create"), fields)
    container = Container.objects.get()
    client.post(reverse("portal:container_edit", args=[container.pk]), fields | {"name": "TV"})

    container.refresh_from_db()
    assert (container.name, container.score_floor) == ("TV", Decimal(55))
    assert container.edited_music == EditedMusic.NORMALLY
    assert list(container.buckets.all()) == [bucket]
    case = f"container:{container.pk}"
    assert [event.action for event in Event.objects.filter(case=case)] == [
        "container.changed",
        "container.created",
    ]


def test_upload_page_says_what_is_taken_and_what_was_not(
    signed_in: MakeClient, settings: Settings
) -> None:
    settings.ACRPORTAL_MAX_OPEN_FILES = 1
    settings.ACRPORTAL_MAX_AUDIO_MS = 90 * 60_000
    container = ContainerFactory.create()
    links = "https://example.com/a.mp3\nhttps://example.com/b.mp3"

    page = signed_in(REVIEWER).post(
        reverse("portal:upload"), {"container": container.pk, "links": links}
    )

    codes = [result["code"] for result in page.context["results"]]
    assert codes == ["", "too_many_open"]
    assert ScannedFile.objects.count() == 1
    assert "2 s to 1 h 30 min" in page.content.decode()


def test_upload_page_says_whether_private_addresses_are_allowed(
    signed_in: MakeClient, settings: Settings
) -> None:
    refused, allowed = "local addresses are refused", "local addresses are allowed"
    client = signed_in(REVIEWER)
    ContainerFactory.create()

    for is_allowed, sentence, other in ((False, refused, allowed), (True, allowed, refused)):
        settings.ACRPORTAL_ALLOW_PRIVATE_ADDRESSES = is_allowed
        page = client.get(reverse("portal:upload")).content.decode()
        assert sentence in page
        assert other not in page


def test_managers_delete_a_file_with_a_reason(signed_in: MakeClient) -> None:
    file = ScannedFileFactory.create(name="wrong.wav")
    url = reverse("portal:file_delete", args=[file.uid])
    client = signed_in(MANAGER)

    refused = signed_in(REVIEWER).post(url, {"reason": "x"})
    without = client.post(url, {"reason": ""})
    assert refused.status_code == 403
    assert "required" in without.content.decode()
    assert ScannedFile.objects.get().deleted_at is None
    client.post(url, {"reason": "Uploaded by mistake"})

    assert client.get("/files/").context["page_obj"].paginator.count == 0
    event = Event.objects.get(case=f"file:{file.uid}", action="file.deleted")
    assert event.note == "Uploaded by mistake"


def test_no_page_leads_to_an_upload_that_is_not_allowed(signed_in: MakeClient) -> None:
    link = f'href="{reverse("portal:upload")}"'

    for role, leads in ((VIEWER, False), (REVIEWER, True)):
        client = signed_in(role)
        for page in ("portal:dashboard", "portal:file_list"):
            text = client.get(reverse(page)).content.decode()
            assert (link in text) is leads, (role, page)


def test_person_without_a_role_is_told_and_can_sign_out(
    client: Client, django_user_model: type[User]
) -> None:
    client.force_login(django_user_model.objects.create_user(username="new"))

    page = client.get("/")

    assert page.status_code == 403
    assert "until an admin gives them a role" in page.content.decode()
    assert f'action="{reverse("logout")}"' in page.content.decode()
    client.post(reverse("logout"))
    assert client.get("/").status_code == 302


def test_a_day_of_plays_makes_no_page_heavy_and_none_is_lost(signed_in: MakeClient) -> None:
    plays = [(at, at + 9_000, 100, 9_100) for at in range(0, 86_000_000, 140_000)]
    match = make_match(*plays)
    ScannedFile.objects.update(length_ms=86_400_000)
    client = signed_in(MANAGER)
    file = reverse("portal:file_detail", args=[match.scanned_file.uid])
    sheet = reverse("portal:cue_sheet", args=[match.scanned_file.uid])

    def page(path: str, limit: int) -> str:
        answer = client.get(path)
        assert len(answer.content) < limit, path
        return answer.content.decode()

    page(reverse("portal:queue"), 60_000)
    # Of what the page shows in parts, the player has all, and the last part is there.
    drawn = page(file, 150_000)
    (times,) = re.findall(r'data-segment-times="([^"]*)"', drawn)
    assert times.split(",") == [f"{start} {end} 0" for start, end, *_ in plays]
    last = read_clock(plays[-1][0], digits=3)
    assert last not in drawn
    assert last in page(f"{file}?page=99", 150_000)
    drawn = page(match.review_url, 150_000)
    assert f"Segment 1 of {len(plays)}" in drawn
    assert last in page(f"{match.review_url}?segment={len(plays)}", 150_000)
    assert last not in page(sheet, 300_000)
    assert last in page(f"{sheet}?page=99", 300_000)
