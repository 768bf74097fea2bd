"""What rights show on pages of others."""

from __future__ import annotations

import pytest
from django.template.loader import render_to_string

from base.accounts.roles import Role
from catalogue.owners.models import Conflict
from plugins.rights import on_pages
from plugins.rights.tests.factories import ISRC, claim_all, master, recording
from tests.factories.accounts import make_user

pytestmark = pytest.mark.django_db


def test_filling_names_the_conflicts_that_recordings_come_under() -> None:
    claim_all()
    claim_all(sender="Another", recordings=[recording(shares=(master("P1"),))])
    (card,) = (card for card in on_pages.CARDS if card.page == "filling.bulk")
    user = make_user(Role.MANAGER)

    conflicts = card.values([ISRC], user)
    page = render_to_string(card.template, {"card": conflicts})

    assert conflicts == list(Conflict.objects.order_by("pk"))
    assert f"/rights/conflicts/{conflicts[0].uid}/" in page
    assert card.values(["QZAA02600099"], user) is None
