"""The search of every page: what it finds, and for whom."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from django.test import Client
from django.urls import reverse

from base.accounts.models import User
from base.accounts.roles import Role
from review.models import Match
from scanning.sources.link_keys import link_key
from tests.factories.accounts import make_limited, make_user
from tests.factories.catalogue import BucketFactory, RecordingFactory
from tests.factories.review import make_match
from tests.factories.rules import make_licence, make_policy
from tests.factories.scanning import ContainerFactory, ScannedFileFactory
from tests.fixtures import MakeClient

pytestmark = pytest.mark.django_db


def search_palette(client: Client, text: str) -> dict[str, list[str]]:
    """Return the addresses that the palette offers, by kind."""
    answer = client.get(reverse("portal:search"), {"q": text, "part": "palette"})
    return {group.kind: [hit.url for hit in group.hits] for group in answer.context["groups"]}


def test_names_are_found_by_a_part_with_the_matches_of_what_is_found(signed_in: MakeClient) -> None:
    match = make_match()
    recording, file = match.recording, match.scanned_file
    recording.title, file.name = "Glass Harbour", "ep12_final.wav"
    recording.isrc_normalised, recording.custom_id = "ZZX012600001", "NL-00412"
    recording.save()
    file.save()
    RecordingFactory.create(title="Other")
    client = signed_in(Role.VIEWER)

    by_title, by_file = search_palette(client, "harb"), search_palette(client, "EP12")

    address = f"/catalogue/recordings/{recording.uid}/"
    assert by_title["recordings"] == [address]
    assert by_title["matches"] == by_file["matches"] == [match.review_url]
    assert by_file["files"] == [f"/files/{file.uid}/"]
    for name in ("ZZ-X01-26-00001", recording.uid, "NL-00412", f"https://portal.example{address}"):
        assert search_palette(client, name)["recordings"] == [address], name


def test_every_page_of_the_menu_is_offered(signed_in: MakeClient) -> None:
    client = signed_in(Role.MANAGER)
    page = client.get(reverse("portal:dashboard")).content.decode()
    menu = page[page.index('<nav class="nav"') : page.index("</nav>")]
    matches = set(re.findall(r'<a class="nav__item" href="([^"]+)"', menu))
    # A count of zero has its place, which the page fills when it learns of a match.
    assert 'data-count-of="menu-queue"' in menu

    offered = search_palette(client, "")
    assert len(matches) > 9
    assert matches - {reverse("admin:index")} <= {*offered["pages"], *offered["verbs"]}


def test_a_file_is_found_by_a_pasted_path_or_link(signed_in: MakeClient) -> None:
    link = "https://video.example/w/1"
    file = ScannedFileFactory.create(name="ep12.wav", source_url=link, link_key=link_key(link))
    ScannedFileFactory.create(name="other.wav")
    client = signed_in(Role.VIEWER)

    for typed in (
        "C:\\programmes\\ep12.wav",
        "/mnt/archive/ep12.wav",
        "https://video.example/w/1?utm_source=mail",
        "www.video.example/w/1",
    ):
        assert search_palette(client, typed)["files"] == [f"/files/{file.uid}/"], typed


def test_texts_are_found_with_their_joiners_and_without(signed_in: MakeClient) -> None:
    recording = RecordingFactory.create(
        title="می\u200cخواهم", artists=["क्\u200dष", "Band 👩\u200d🎤"]
    )
    file = ScannedFileFactory.create(name="👩\u200d🎤.opus")
    client = signed_in(Role.VIEWER)

    for typed in ("می\u200cخواهم", "میخواهم", "می", "क्ष", "क्\u200dष", "👩🎤"):
        hits = search_palette(client, typed)
        assert recording.uid in str(hits.get("recordings")), typed
    for typed in ("👩🎤.opus", "👩\u200d🎤"):
        assert search_palette(client, typed)["files"] == [f"/files/{file.uid}/"], typed


def test_what_is_found_leads_where_the_role_may_go(signed_in: MakeClient) -> None:
    licence = make_licence(holder="Harbour Radio", recordings=[make_match().recording])
    policy = make_policy(name="Harbour first")
    container = ContainerFactory.create(name="Harbour clips")
    bucket = BucketFactory.create(name="Library")
    make_user(Role.REVIEWER, username="ana.r")
    viewer, admin = signed_in(Role.VIEWER), signed_in(Role.ADMIN)

    as_viewer, as_admin = search_palette(viewer, "harbour"), search_palette(admin, "harbour")

    assert as_viewer["licences"] == [f"/licences/?q={licence.number}"]
    assert as_viewer["policies"] == ["/policies/"]
    assert as_viewer["containers"] == [f"/files/?container={container.pk}"]
    assert as_admin["licences"] == [licence.url]
    assert as_admin["policies"] == [policy.url]
    of_admin = [f"/containers/{container.pk}/"]
    assert as_admin["containers"] == of_admin

    by_link = search_palette(admin, f"https://portal.example/catalogue/buckets/{bucket.pk}/")
    assert by_link["buckets"] == [f"/catalogue/buckets/{bucket.pk}/"]
    assert search_palette(admin, str(container.pk))["containers"] == of_admin

    assert "verbs" not in search_palette(viewer, "upload")
    assert search_palette(admin, "upload")["verbs"] == ["/upload/"]
    assert search_palette(viewer, "ana.r")["people"] == ["/queue/?assignee=ana.r"]
    assert "/accounts/user/" in search_palette(admin, "ana.r")["people"][0]


def test_people_who_decide_are_found_by_name_and_not_by_address(signed_in: MakeClient) -> None:
    reviewer = make_user(Role.REVIEWER, username="ana.r")
    User.objects.filter(pk=reviewer.pk).update(email="ana@radio.example")
    make_user(Role.VIEWER, username="ana.viewer")
    match = make_match()
    Match.objects.filter(pk=match.pk).update(assignee=reviewer)
    client = signed_in(Role.REVIEWER)

    hits = search_palette(client, "ana")["people"]

    assert hits == ["/queue/?assignee=ana.r"]
    assert match.recording.title in client.get(hits[0]).content.decode()
    assert "people" not in search_palette(client, "radio.example")


def test_nothing_outside_the_access_limit_is_found(client: Client) -> None:
    own, other_match = (make_match(recording__title="Harbour") for _ in range(2))
    containers, buckets = [own.scanned_file.container_id], [own.recording.bucket_id]
    client.force_login(make_limited(Role.VIEWER, containers=containers, buckets=buckets))

    hits = search_palette(client, "harbour")
    by_id = search_palette(client, other_match.uid)

    assert hits["recordings"] == [f"/catalogue/recordings/{own.recording.uid}/"]
    assert hits["matches"] == [own.review_url]
    assert "matches" not in by_id


def test_the_page_shows_the_same_and_escapes_what_was_typed(signed_in: MakeClient) -> None:
    RecordingFactory.create(title="<b>Harbour</b>")
    client = signed_in(Role.VIEWER)

    page = client.get(reverse("portal:search"), {"q": "<b>harbour"}).content.decode()
    empty = client.get(reverse("portal:search"), {"q": "zz-nothing"}).content.decode()

    assert "<mark>&lt;b&gt;Harbour</mark>&lt;/b&gt;" in page
    assert "No result for “zz-nothing”" in empty


def test_a_search_asks_few_questions(
    signed_in: MakeClient, django_assert_max_num_queries: Callable[[int], object]
) -> None:
    for _number in range(8):
        make_match()
    client = signed_in(Role.ADMIN)
    search_palette(client, "recording")

    with django_assert_max_num_queries(23):  # type: ignore[attr-defined]  # a context manager
        search_palette(client, "recording")
