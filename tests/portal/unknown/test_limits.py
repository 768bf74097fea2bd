"""People with access limits see items, figures and sound of their containers only."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from django.contrib.auth.models import Group
from django.test import Client
from django.urls import reverse

from accounts.models import AccessLimit
from accounts.roles import Role
from catalogue.models import RecordingStatus
from catalogue.services import RecordingDetails
from monitoring.unknown import actions
from monitoring.unknown.models import ItemState, UnknownItem
from scanning.models import Container
from scanning.services.filing import move_file
from tests.factories.accounts import make_user
from tests.factories.catalogue import BucketFactory, RecordingFactory
from tests.factories.scanning import ContainerFactory
from tests.portal.unknown.items import make_item

pytestmark = pytest.mark.django_db


@dataclass
class Desk:
    """A person who sees one of two containers, and no bucket."""

    own: Container
    hidden: Container
    client: Client

    def rows(self, query: str = "") -> list[UnknownItem]:
        answer = self.client.get(f"{reverse('portal:unknown')}{query}")
        return [row.item for row in answer.context["rows"]]


@pytest.fixture
def desk(db: None) -> Desk:
    own, hidden = (
        ContainerFactory.create(name="Own"),
        ContainerFactory.create(name="Hidden"),
    )
    group = Group.objects.create(name="Desk")
    AccessLimit.objects.create(group=group, containers=[own.pk], buckets=[])
    person = make_user(Role.MANAGER)
    person.groups.add(group)
    client = Client()
    client.force_login(person)
    return Desk(own, hidden, client)


def test_an_item_elsewhere_does_not_exist(desk: Desk) -> None:
    item = make_item(desk.hidden, desk.hidden)
    other = make_item(desk.own, desk.own)

    assert desk.rows() == [other]
    for name in ("unknown_item", "unknown_act"):
        url = reverse(f"portal:{name}", args=[item.uid])
        answer = (
            desk.client.get(url)
            if name == "unknown_item"
            else desk.client.post(url, {"verb": "watch", "on": "yes"})
        )
        assert answer.status_code == 404
    desk.client.post(
        reverse("portal:unknown_many"), {"verb": "watch", "item": item.uid}
    )
    item.refresh_from_db()
    assert not item.is_watched
    answer = desk.client.post(
        reverse("portal:unknown_act", args=[other.uid]),
        {"verb": "merge", "other": item.uid},
    )
    assert "This unknown item does not exist." in answer.content.decode()


def test_figures_and_places_are_those_of_the_own_container(desk: Desk) -> None:
    item = make_item(desk.hidden, desk.own, desk.own)

    row = desk.client.get(reverse("portal:unknown")).context["rows"][0]
    page = desk.client.get(reverse("portal:unknown_item", args=[item.uid]))
    text = page.content.decode()

    assert row.figures.plays == 2
    assert (row.figures.containers, row.figures.only_container) == (1, "Own")
    assert "Hidden" not in text
    hidden = item.best_file
    assert hidden is not None
    assert hidden.scanned_file.name not in text
    # The best copy of all is hidden, so another one is heard.
    assert page.context["copy"].file.container == desk.own


def test_plays_elsewhere_do_not_make_an_item_count(desk: Desk) -> None:
    make_item(desk.hidden, desk.own)

    assert desk.rows() == []


def test_order_follows_what_the_person_sees(desk: Desk) -> None:
    heavy = make_item(desk.hidden, desk.hidden, desk.hidden, desk.own, desk.own)
    light = make_item(desk.own, desk.own, desk.own)

    assert desk.rows() == [light, heavy]
    assert desk.rows("?sort=plays") == [heavy, light]


def test_the_title_of_a_hidden_recording_is_not_told(desk: Desk) -> None:
    recording = RecordingFactory.create(title="Halflight")
    item = make_item(
        desk.own,
        desk.own,
        state=ItemState.NAMED,
        label="Halflight",
        recording=recording,
    )
    url = reverse("portal:unknown_item", args=[item.uid])

    assert desk.rows("?state=named") == [item]
    assert desk.rows("?state=named&q=halflight") == []
    for address in (url, f"{reverse('portal:unknown')}?state=named"):
        assert "Halflight" not in desk.client.get(address).content.decode()


def test_a_name_from_a_hidden_bucket_is_neither_told_nor_undone(desk: Desk) -> None:
    item = make_item(desk.own, desk.own)
    recording = actions.name_item(
        item=item,
        user=make_user(Role.MANAGER),
        version=item.version,
        bucket=BucketFactory.create(),
        details=RecordingDetails(title="Halflight"),
    )
    screen = [
        reverse(f"admin:recurring_unknownitem_{page}", args=[item.pk])
        for page in ("change", "history")
    ]
    page = reverse("portal:unknown_item", args=[item.uid])
    act = reverse("portal:unknown_act", args=[item.uid])

    pages = [desk.client.get(path) for path in (page, *screen)]
    refused = desk.client.post(act, {"verb": "undo"}, follow=True).content.decode()

    assert [shown.status_code for shown in pages] == [200] * 3
    told = [shown.content.decode() for shown in pages]
    assert not [text for text in (*told, refused) if "Halflight" in text]
    assert "containers or buckets that you may not see" in refused
    recording.refresh_from_db()
    assert recording.status != RecordingStatus.RETIRED


def test_admin_screens_follow_the_limits(desk: Desk) -> None:
    seen, hidden = make_item(desk.own, desk.own), make_item(desk.hidden)
    person = desk.client.get("/").wsgi_request.user
    person.is_staff = True
    person.save()

    listed = desk.client.get(reverse("admin:recurring_unknownitem_changelist"))

    assert seen.uid in listed.content.decode()
    assert hidden.uid not in listed.content.decode()


def test_figures_follow_a_file_that_moves(desk: Desk) -> None:
    item = make_item(desk.own, desk.own, desk.hidden)
    hidden = item.occurrences.get(file__scanned_file__container=desk.hidden)
    address = reverse("portal:unknown")
    (before,) = desk.client.get(address).context["rows"]

    move_file(
        scanned_file=hidden.file.scanned_file,
        container=desk.own,
        user=make_user(Role.MANAGER),
    )

    (after,) = desk.client.get(address).context["rows"]
    assert (before.figures.plays, after.figures.plays) == (2, 3)
