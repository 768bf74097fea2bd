"""Streams that change while somebody looks at them."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, expect

from tests.e2e.conftest import Portal, sign_in

pytestmark = pytest.mark.e2e

_ADD = """
from scanning.models import Container
from plugins.monitoring.streams.choices import StreamState
from plugins.monitoring.streams.models import Station, Stream

print(
    Stream.objects.create(
        station=Station.objects.create(name="Lighthouse Radio"),
        container=Container.objects.first(),
        name="Lighthouse Radio",
        urls=["https://radio.example/lighthouse"],
        enabled=False,
        state=StreamState.PAUSED,
    ).uid
)
"""
_DELETE = """
from base.accounts.models import User
from plugins.monitoring.streams.models import Stream
from plugins.monitoring.streams.services import delete_stream

delete_stream(
    stream=Stream.objects.get(uid="{uid}"), user=User.objects.get(username="mira")
)
"""


@pytest.mark.soak
def test_an_open_day_of_a_stream_that_somebody_deletes_says_so(
    browser: Browser, portal: Portal
) -> None:
    # Not the usual page, which allows no refused request.
    page = browser.new_context(base_url=portal.url).new_page()
    uid = portal.shell.run(_ADD).strip()
    sign_in(page, portal, "mira")
    page.goto(f"/streams/{uid}/")
    expect(page.locator("h1")).to_contain_text("Lighthouse Radio")

    portal.shell.run(_DELETE.format(uid=uid))

    # The page asks every 15 seconds.
    expect(page.locator("h1")).to_have_text("There is nothing at this address", timeout=30_000)
    page.context.close()
