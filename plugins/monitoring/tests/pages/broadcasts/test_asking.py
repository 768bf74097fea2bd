"""A click asks before it deletes a broadcast."""

from __future__ import annotations

import pytest
from django.urls import reverse

from base.accounts.roles import Role
from plugins.monitoring.broadcasts.services import broadcast_state
from plugins.monitoring.tests.factories.broadcasts import make_broadcast
from tests.factories.scanning import ScannedFileFactory
from tests.fixtures import MakeClient
from tests.portal.test_asking import asks_first


@pytest.mark.django_db
def test_a_click_asks_first_and_the_button_deletes_it(signed_in: MakeClient) -> None:
    row = make_broadcast(ScannedFileFactory.create())
    row.station.name = "nightly import"
    row.station.save()
    address = reverse("portal:broadcast_delete", args=[row.scanned_file.uid, row.uid])

    asks_first(signed_in(Role.ADMIN), row, f"{address}?seen={broadcast_state(row)}")
