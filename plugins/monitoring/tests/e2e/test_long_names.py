"""No name of a station is too long for a page."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page

from tests.e2e.conftest import Portal, sign_in
from tests.e2e.test_office import NAME, wider_than_the_window

pytestmark = pytest.mark.e2e

_MAKE = f"""
from plugins.monitoring.streams.models import Station
Station.objects.create(name={NAME!r}[:100])
"""


@pytest.mark.soak
def test_no_name_is_too_long_for_a_page(page: Page, portal: Portal) -> None:
    portal.shell.run(_MAKE)
    sign_in(page, portal, "admin")
    paths = [
        *("/streams/stations/", "/reports/declarations/profiles/add/"),
        "/admin/streams/station/",
    ]

    assert wider_than_the_window(page, paths) == []
