"""The pages of watches: made after a preview, edited by their maker, showing failures."""

from __future__ import annotations

import pytest
from django.test import Client
from pytest_django import Settings

from base.accounts.models import User
from base.accounts.roles import Role
from base.audit.models import Event
from scanning.models import Container, ScannedFile, Watch
from tests.factories.scanning import ContainerFactory
from tests.fixtures import MakeClient
from tests.scanning.podcast import Podcast, check_due, check_now, watch_of


@pytest.fixture
def container(db: None) -> Container:
    return ContainerFactory.create()


def _form(container: Container, podcast: Podcast, **options: str) -> dict[str, object]:
    return {
        "url": podcast.url,
        "container": container.pk,
        "every_hours": 24,
        "items_per_check": 20,
        **options,
    }


def test_watch_is_made_after_a_look_and_its_page_tells_all(
    signed_in: MakeClient, container: Container, podcast: Podcast
) -> None:
    client = signed_in(Role.REVIEWER)
    looked = client.post("/watches/new/", _form(container, podcast)).content.decode()
    before = Watch.objects.count()
    made = client.post("/watches/new/", _form(container, podcast, begin="present"))
    watch = check_now(Watch.objects.get())
    podcast.titles.remove("two")
    check_now(watch)

    page = client.get(made["Location"]).content.decode()
    gone = client.get(f"{made['Location']}?show=gone").content.decode()
    file = client.get(f"/files/{ScannedFile.objects.get(name='two').uid}/")

    assert "Also the 3 items listed now" in looked
    assert before == 0
    assert "The Show" in page
    assert "Gone at the source" in page
    assert "two" in gone
    assert "one.wav" not in gone
    assert "no longer lists it" in file.content.decode()


def test_watch_is_changed_paused_checked_and_deleted_by_its_maker(
    signed_in: MakeClient, container: Container, podcast: Podcast
) -> None:
    client = signed_in(Role.REVIEWER)
    client.post("/watches/new/", _form(container, podcast, begin="new"))
    watch = Watch.objects.get()
    page = f"/watches/{watch.uid}/"

    client.post(f"{page}edit/", {"every_hours": 1, "items_per_check": 5})
    client.post(f"{page}switch/", {"enabled": "no"})
    watch.refresh_from_db()
    changed = (watch.every_hours, watch.items_per_check, watch.enabled)
    client.post(f"{page}switch/", {"enabled": "yes"})
    client.post(f"{page}check/")
    checked = check_due()
    client.post(f"{page}delete/")

    assert changed == (1, 5, False)
    assert checked == 1
    assert not Watch.objects.exists()
    events = Event.objects.filter(case=f"watch:{watch.uid}").order_by("sequence")
    assert [event.action for event in events] == [
        *("watch.created", "watch.changed", "watch.paused", "watch.resumed"),
        *("watch.asked", "watch.deleted"),
    ]


def test_watch_of_another_is_seen_by_all_and_changed_by_managers(
    signed_in: MakeClient, container: Container, podcast: Podcast, admin: User
) -> None:
    watch = watch_of(container, podcast, admin)
    podcast.status = 404
    check_now(watch)

    for role, expected in ((Role.VIEWER, 403), (Role.REVIEWER, 403), (Role.MANAGER, 302)):
        client = signed_in(role)
        answer = client.post(f"/watches/{watch.uid}/switch/", {"enabled": "no"})
        assert answer.status_code == expected, role
        answer = client.get(f"/watches/{watch.uid}/")
        assert answer.status_code == 200, role
        if role == Role.VIEWER:
            page = answer.content.decode()
            assert "Failing" in page
            assert "the server answered 404" in page
            assert "Failed once" in page


def test_form_refuses_a_private_address(
    signed_in: MakeClient, container: Container, podcast: Podcast, settings: Settings
) -> None:
    settings.ACRPORTAL_ALLOW_PRIVATE_ADDRESSES = False
    client: Client = signed_in(Role.REVIEWER)

    page = client.post("/watches/new/", _form(container, podcast)).content.decode()

    assert "private or local address" in page
