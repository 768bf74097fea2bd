"""The search of every page and search boxes of forms offer works and parties."""

from __future__ import annotations

import pytest
from django.urls import reverse

from base.accounts.roles import Role
from catalogue.owners.models import Party, Work
from plugins.rights.tests.factories import claim_all, work
from tests.fixtures import MakeClient
from tests.portal.test_search import search_palette

pytestmark = pytest.mark.django_db


def test_works_and_parties_are_found(signed_in: MakeClient) -> None:
    claim_all()
    work, party = Work.objects.order_by("pk")[0], Party.objects.order_by("pk")[0]
    client = signed_in(Role.VIEWER)

    assert search_palette(client, work.title)["works"] == [f"/rights/works/{work.uid}/"]
    assert search_palette(client, party.name)["parties"] == [f"/rights/parties/{party.uid}/"]


def test_works_of_one_title_are_told_apart(signed_in: MakeClient) -> None:
    client = signed_in(Role.MANAGER)
    for sender, number in (("Label A", "EX1"), ("Label B", "ZZ1")):
        claim_all(
            sender=sender, works=[work(iswc="", submitter_id=number)], recordings=[], releases=[]
        )

    answer = client.get(reverse("portal:choices"), {"kind": "works", "q": "lantern"})
    hints = [choice["hint"] for choice in answer.json()["choices"]]
    assert hints == ["Label A EX1", "Label B ZZ1"]
