"""The search finds unknown sound."""

from __future__ import annotations

import pytest
from django.test import Client

from base.accounts.roles import Role
from plugins.monitoring.tests.pages.unknown.items import make_item
from plugins.monitoring.unknown.models import ItemState
from tests.factories.accounts import make_limited
from tests.factories.scanning import ContainerFactory
from tests.fixtures import MakeClient
from tests.portal.test_search import search_palette

pytestmark = pytest.mark.django_db


def test_unknown_sound_is_found_by_label_number_id_and_address(signed_in: MakeClient) -> None:
    item = make_item(label="Evening jingle", state=ItemState.IGNORED)
    make_item()
    client = signed_in(Role.VIEWER)

    page = f"/unknown/{item.uid}/"
    for text in (*("jingle", f"unknown {item.pk}", item.uid), f"https://portal.example{page}"):
        assert search_palette(client, text)["unknown"] == [page], text


def test_unknown_sound_outside_the_access_limit_is_not_found(client: Client) -> None:
    own, other_container = ContainerFactory.create(), ContainerFactory.create()
    item = make_item(own, other_container, label="Evening jingle")
    hidden = make_item(other_container, label="Night jingle")
    client.force_login(make_limited(Role.VIEWER, containers=[own.pk], buckets=[]))

    assert search_palette(client, "jingle")["unknown"] == [f"/unknown/{item.uid}/"]
    assert "unknown" not in search_palette(client, hidden.uid)
