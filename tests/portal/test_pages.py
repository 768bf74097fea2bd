"""Every page: permissions, valid structure, and query count."""

from __future__ import annotations

from decimal import Decimal

import pytest
from django.test import Client
from django.urls import reverse
from pytest_django import DjangoAssertNumQueries, Settings

from accounts.models import User
from accounts.roles import Role
from audit.models import Event
from catalogue.models import Recording
from scanning.choices import EditedMusic, FileStatus
from scanning.models import Container, ScannedFile
from tests.conftest import MakeClient
from tests.factories.catalogue import BucketFactory
from tests.factories.review import make_match
from tests.factories.scanning import ContainerFactory, ScannedFileFactory

VIEWER, REVIEWER, MANAGER, ADMIN = Role
EVERYONE = (VIEWER, REVIEWER, MANAGER, ADMIN)

PAGES = {
    "portal:dashboard": EVERYONE,
    "portal:upload": (REVIEWER, MANAGER, ADMIN),
    "portal:file_list": EVERYONE,
    "portal:match_list": EVERYONE,
    "portal:container_list": EVERYONE,
    "portal:container_create": (ADMIN,),
    "portal:catalogue": EVERYONE,
    "portal:recording_add": (MANAGER, ADMIN),
    "portal:bucket_create": (MANAGER, ADMIN),
    "portal:duplicates": EVERYONE,
    "portal:reports": EVERYONE,
    "portal:search": EVERYONE,
}


@pytest.mark.parametrize("name", PAGES)
@pytest.mark.parametrize("role", list(Role))
def test_page_opens_for_the_roles_that_may(
    signed_in: MakeClient, name: str, role: Role
) -> None:
    answer = signed_in(role).get(reverse(name))

    assert answer.status_code == (200 if role in PAGES[name] else 403)


@pytest.mark.parametrize("name", PAGES)
def test_page_sends_anonymous_people_to_sign_in(db: None, name: str) -> None:
    answer = Client().get(reverse(name))

    assert answer.status_code == 302
    assert answer["Location"].startswith("/accounts/login/")


@pytest.mark.parametrize("role", list(Role))
def test_changes_are_refused_to_roles_that_may_not(
    signed_in: MakeClient, role: Role
) -> None:
    file = ScannedFileFactory.create()
    client = signed_in(role)

    rescan = client.post(reverse("portal:file_rescan", args=[file.uid]))
    edit = client.post(reverse("portal:container_edit", args=[file.container_id]))

    assert rescan.status_code == (403 if role == VIEWER else 302)
    assert edit.status_code == (200 if role == ADMIN else 403)


@pytest.mark.parametrize(
    "name", ["portal:file_rescan", "portal:file_cancel", "portal:file_attach"]
)
def test_changes_need_a_post(signed_in: MakeClient, name: str) -> None:
    file = ScannedFileFactory.create()

    answer = signed_in(ADMIN).get(reverse(name, args=[file.uid]))

    assert answer.status_code == 405


@pytest.mark.parametrize(
    "path",
    [
        "/files/00000000-0000-4000-8000-000000000000/",
        "/files/00000000-0000-4000-8000-000000000000/audio",
        "/catalogue/recordings/r_none/",
        "/catalogue/buckets/99999/",
        "/m/m_none",
        "/nowhere/",
    ],
)
def test_unknown_things_are_not_found(signed_in: MakeClient, path: str) -> None:
    assert signed_in(VIEWER).get(path).status_code == 404


def test_deleted_file_is_not_found(signed_in: MakeClient, admin: User) -> None:
    file = ScannedFileFactory.create(deleted_at="2026-01-01T00:00:00Z")

    answer = signed_in(VIEWER).get(reverse("portal:file_detail", args=[file.uid]))

    assert answer.status_code == 404


@pytest.mark.parametrize("status", list(FileStatus))
def test_file_page_holds_in_every_state(
    signed_in: MakeClient, status: FileStatus
) -> None:
    file = ScannedFileFactory.create(
        status=status, message="What happened.", name="x" * 200
    )

    page = signed_in(REVIEWER).get(reverse("portal:file_detail", args=[file.uid]))

    assert page.status_code == 200
    assert file.name in page.content.decode()


def test_file_page_gives_the_cause_in_the_language_of_the_reader(
    signed_in: MakeClient,
) -> None:
    file = ScannedFileFactory.create(
        status=FileStatus.ERROR,
        error_code="too_short",
        message="ep 1.wav has 2.2 s of sound; at least 3 s are needed.",
    )

    page = signed_in(VIEWER).get(
        reverse("portal:file_detail", args=[file.uid]),
        headers={"accept-language": "de"},
    )

    assert (
        "ep 1.wav enthält 2.2 s Ton; mindestens 3 s sind nötig."
        in page.content.decode()
    )


def test_file_page_shows_each_play_with_both_offsets(signed_in: MakeClient) -> None:
    match = make_match((70_000, 90_000, 5_000, 25_000), (100_250, 120_000, 0, 19_750))

    page = signed_in(VIEWER).get(
        reverse("portal:file_detail", args=[match.scanned_file.uid])
    )

    text = page.content.decode()
    assert "1:10.000 – 1:30.000" in text
    assert "0:05.000 – 0:25.000" in text
    assert "1:40.250 – 2:00.000" in text


def test_thirty_hour_file_shows_offsets_past_a_day(signed_in: MakeClient) -> None:
    hour = 3_600_000
    match = make_match((27 * hour, 27 * hour + 20_000, 0, 20_000))
    ScannedFile.objects.update(duration_ms=30 * hour)

    page = signed_in(VIEWER).get(
        reverse("portal:file_detail", args=[match.scanned_file.uid])
    )

    assert "27:00:00.000" in page.content.decode()


def test_text_from_users_is_escaped(signed_in: MakeClient) -> None:
    evil = "<script>alert(1)</script>.wav"
    match = make_match()
    ScannedFile.objects.update(name=evil)
    Recording.objects.update(title=evil)
    client = signed_in(ADMIN)

    for path in (
        "/",
        "/files/",
        "/matches/",
        f"/files/{match.scanned_file.uid}/",
        f"/catalogue/recordings/{match.recording.uid}/",
        "/search/?q=script",
        "/reports/",
    ):
        assert "<script>alert" not in client.get(path).content.decode()


def test_no_page_has_inline_script_or_style(signed_in: MakeClient) -> None:
    match = make_match()
    client = signed_in(ADMIN)

    for path in ("/", "/upload/", "/files/", f"/files/{match.scanned_file.uid}/"):
        answer = client.get(path)
        text = answer.content.decode()
        assert " style=" not in text
        assert "<style" not in text
        assert "<script>" not in text
        assert "unsafe" not in answer["Content-Security-Policy"]


@pytest.mark.parametrize("count", [3, 12])
@pytest.mark.parametrize(
    ("path", "queries"), [("/files/", 13), ("/matches/", 19), ("/", 52)]
)
def test_lists_ask_as_many_queries_for_many_rows_as_for_few(
    signed_in: MakeClient,
    django_assert_max_num_queries: DjangoAssertNumQueries,
    path: str,
    queries: int,
    count: int,
) -> None:
    for _ in range(count):
        make_match()
    client = signed_in(VIEWER)
    # The first page of a process reads what later ones remember.
    client.get(path)

    with django_assert_max_num_queries(queries):
        client.get(path)


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("q=needle", {"needle.wav"}),
        ("state=error", {"broken.wav"}),
        ("state=nonsense", {"needle.wav", "broken.wav"}),
        ("sort=name", {"needle.wav", "broken.wav"}),
        ("sort=-nonsense&page=999", {"needle.wav", "broken.wav"}),
    ],
)
def test_filters_of_the_file_list_live_in_its_address(
    signed_in: MakeClient, query: str, expected: set[str]
) -> None:
    ScannedFileFactory.create(name="needle.wav")
    ScannedFileFactory.create(name="broken.wav", status=FileStatus.ERROR)

    page = signed_in(VIEWER).get(f"/files/?{query}")

    assert {file.name for file in page.context["page_obj"]} == expected


def test_export_of_files_says_that_it_heeds_no_state(signed_in: MakeClient) -> None:
    client = signed_in(REVIEWER)

    every = client.get("/files/").content.decode()
    some = client.get("/files/?state=error").content.decode()

    assert "Export CSV</button>" in every
    assert "Export CSV, any state</button>" in some
    assert "Report, any state…</a>" in some


def test_match_list_filters_by_score_band(signed_in: MakeClient) -> None:
    make_match(score=Decimal("90.0"))
    low = make_match(score=Decimal("60.0"))

    page = signed_in(VIEWER).get("/matches/?score_max=70")

    assert [match.pk for match in page.context["page_obj"]] == [low.pk]


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
    client.post(
        reverse("portal:container_edit", args=[container.pk]), fields | {"name": "TV"}
    )

    container.refresh_from_db()
    assert (container.name, container.score_floor) == ("TV", Decimal(55))
    assert container.edited_music == EditedMusic.NORMALLY
    assert list(container.buckets.all()) == [bucket]
    case = f"container:{container.pk}"
    assert [event.action for event in Event.objects.filter(case=case)] == [
        "container.changed",
        "container.created",
    ]


def test_person_with_too_many_open_files_is_told_item_by_item(
    signed_in: MakeClient, settings: Settings
) -> None:
    settings.ACRPORTAL_MAX_OPEN_FILES = 1
    container = ContainerFactory.create()
    links = "https://example.com/a.mp3\nhttps://example.com/b.mp3"

    page = signed_in(REVIEWER).post(
        reverse("portal:upload"), {"container": container.pk, "links": links}
    )

    codes = [result.code for result in page.context["results"]]
    assert codes == ["", "too_many_open"]
    assert ScannedFile.objects.count() == 1


def test_upload_page_names_the_length_that_is_taken(
    signed_in: MakeClient, settings: Settings
) -> None:
    settings.ACRPORTAL_MAX_AUDIO_MS = 90 * 60_000
    ContainerFactory.create()

    page = signed_in(REVIEWER).get(reverse("portal:upload")).content.decode()

    assert "3 s to 1 h 30 min" in page


def test_health_is_told_without_signing_in(db: None) -> None:
    answer = Client().get("/healthz")

    assert answer.status_code == 200
    assert answer.json()["status"] == "ok"


def test_audio_of_a_file_needs_a_role(admin: User) -> None:
    file = ScannedFileFactory.create(container=ContainerFactory.create())

    answer = Client().get(reverse("portal:file_audio", args=[file.uid]))

    assert answer.status_code == 302


def test_manager_deletes_a_file_with_a_reason(signed_in: MakeClient) -> None:
    file = ScannedFileFactory.create(name="wrong.wav")
    url = reverse("portal:file_delete", args=[file.uid])
    client = signed_in(MANAGER)

    without = client.post(url, {"reason": ""})
    client.post(url, {"reason": "Uploaded by mistake"})

    assert "required" in without.content.decode()
    assert client.get("/files/").context["page_obj"].paginator.count == 0
    event = Event.objects.get(case=f"file:{file.uid}", action="file.deleted")
    assert event.note == "Uploaded by mistake"


def test_reviewer_may_not_delete_files(signed_in: MakeClient) -> None:
    file = ScannedFileFactory.create()

    answer = signed_in(REVIEWER).post(
        reverse("portal:file_delete", args=[file.uid]), {"reason": "x"}
    )

    assert answer.status_code == 403
    assert ScannedFile.objects.get().deleted_at is None


@pytest.mark.parametrize("page", ["portal:dashboard", "portal:file_list"])
def test_no_page_leads_to_an_upload_that_is_not_allowed(
    signed_in: MakeClient, page: str
) -> None:
    link = f'href="{reverse("portal:upload")}"'

    assert link not in signed_in(VIEWER).get(reverse(page)).content.decode()
    assert link in signed_in(REVIEWER).get(reverse(page)).content.decode()


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
