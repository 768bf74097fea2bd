"""People with access limits see items, figures and sound of their containers only."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from django.test import Client
from django.urls import reverse

from base.accounts.roles import Role
from catalogue.models import Recording, RecordingStatus
from plugins.monitoring.tests.pages.unknown.items import make_item
from plugins.monitoring.unknown import actions
from plugins.monitoring.unknown.models import UnknownItem
from scanning.models import Container
from scanning.services.filing import move_file
from tests.factories.accounts import make_limited, make_user
from tests.factories.catalogue import BucketFactory
from tests.factories.scanning import ContainerFactory

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


def address_of(page: str, item: UnknownItem) -> str:
    return reverse(f"portal:unknown_{page}", args=[item.uid])


@pytest.fixture
def desk(db: None) -> Desk:
    own = ContainerFactory.create(name="Own")
    hidden = ContainerFactory.create(name="Hidden")
    client = Client()
    client.force_login(make_limited(Role.MANAGER, containers=[own.pk], buckets=[]))
    return Desk(own, hidden, client)


def test_an_item_elsewhere_does_not_exist(desk: Desk) -> None:
    item = make_item(desk.hidden, desk.hidden)
    other_item = make_item(desk.own, desk.own)
    # Plays elsewhere do not make an item count.
    make_item(desk.hidden, desk.own)

    assert desk.rows() == [other_item]
    assert desk.client.get(address_of("item", item)).status_code == 404
    watch = {"verb": "watch", "on": "yes"}
    assert desk.client.post(address_of("act", item), watch).status_code == 404
    desk.client.post(reverse("portal:unknown_many"), {"verb": "watch", "item": f"{item.uid}:1"})
    item.refresh_from_db()
    assert not item.is_watched
    merge = {"verb": "merge", "other": item.uid}
    answer = desk.client.post(address_of("act", other_item), merge)
    assert "This unknown item does not exist." in answer.content.decode()

    person = desk.client.get("/").wsgi_request.user
    person.is_staff = True
    person.save()
    listing = desk.client.get(reverse("admin:recurring_unknownitem_changelist"))
    assert other_item.uid in listing.content.decode()
    assert item.uid not in listing.content.decode()


def test_figures_and_places_are_those_of_the_own_container(desk: Desk) -> None:
    item = make_item(desk.hidden, desk.own, desk.own)
    hidden = item.occurrences.get(file__scanned_file__container=desk.hidden)
    assert item.best_file == hidden.file
    listing = reverse("portal:unknown")

    (row,) = desk.client.get(listing).context["rows"]
    page = desk.client.get(address_of("item", item))
    text = page.content.decode()

    assert row.figures.plays == 2
    assert (row.figures.containers, row.figures.only_container) == (1, "Own")
    assert "Hidden" not in text
    assert hidden.file.scanned_file.name not in text
    # The best copy of all is hidden, so another one is heard.
    assert page.context["copy"].file.container == desk.own

    move_file(
        scanned_file=hidden.file.scanned_file, container=desk.own, user=make_user(Role.MANAGER)
    )
    (moved,) = desk.client.get(listing).context["rows"]
    assert moved.figures.plays == 3


def test_order_follows_what_the_person_sees(desk: Desk) -> None:
    own, hidden = desk.own, desk.hidden
    heavy = make_item(hidden, hidden, hidden, own, own, own)
    light = make_item(own, own, own, own)
    long = make_item(own, own, length_ms=70_000)

    assert desk.rows() == [long, light, heavy]
    assert desk.rows("?sort=plays") == [long, heavy, light]


def test_a_name_from_a_hidden_bucket_is_neither_told_nor_undone(desk: Desk) -> None:
    item = make_item(desk.own, desk.own)
    recording = actions.name_item(
        item=item,
        user=make_user(Role.MANAGER),
        version=item.version,
        bucket=BucketFactory.create(),
        details=Recording(title="Halflight"),
    )
    item.refresh_from_db()
    assert item.label == "Halflight"
    paths = (
        address_of("item", item),
        f"{reverse('portal:unknown')}?state=named",
        reverse("admin:recurring_unknownitem_change", args=[item.pk]),
        reverse("admin:recurring_unknownitem_history", args=[item.pk]),
    )

    pages = [desk.client.get(path) for path in paths]
    sent = {"verb": "undo", "version": str(item.version)}
    undo = desk.client.post(address_of("act", item), sent, follow=True)

    assert desk.rows("?state=named") == [item]
    assert desk.rows("?state=named&q=halflight") == []
    assert [answer.status_code for answer in pages] == [200] * 4
    refused = undo.content.decode()
    texts = [answer.content.decode() for answer in pages]
    assert not [text for text in (*texts, refused) if "Halflight" in text]
    assert "containers or buckets that you may not see" in refused
    recording.refresh_from_db()
    assert recording.status != RecordingStatus.RETIRED
