"""Unknown sound by keyboard alone: the list, an item, ignore it, undo."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.conftest import Portal, sign_in
from tests.e2e.keyboard import faults_of_openings

pytestmark = pytest.mark.e2e

# These files have no sound, so the portal's worker must not compare them.
_MAKE = """
from scanning.models import Container, ScannedFile
from plugins.monitoring.unknown.figures import refresh_figures
from plugins.monitoring.unknown.models import KeptFile, KeptState, Occurrence, UnknownItem
radio = Container.objects.create(name="Keys FM")
for length in (20000, 10000):
    item = UnknownItem.objects.create(
        length_ms=length, label=f"Sound {length}", searched_to=None)
    for number in range(2):
        file = ScannedFile.objects.create(container=radio, length_ms=60000,
            name=f"keys-{length}-{number}.wav", sha256=f"{length + number:064x}",
            size_bytes=9)
        kept = KeptFile.objects.create(scanned_file=file,
            state=KeptState.CANCELLED)
        Occurrence.objects.create(item=item, file=kept, start_ms=0, end_ms=length,
            item_start_ms=0, item_end_ms=length, bits=80, score=90)
    refresh_figures([item])
"""


@pytest.mark.soak
def test_an_item_is_ignored_and_taken_back_by_keyboard(page: Page, portal: Portal) -> None:
    portal.shell.run(_MAKE)
    sign_in(page, portal, "mira")
    page.goto("/unknown/?q=Sound")
    page.wait_for_load_state("networkidle")

    page.keyboard.press("j")
    page.keyboard.press("Enter")
    page.wait_for_url("**/unknown/u_**")
    page.wait_for_load_state("networkidle")
    expect(page.locator("h1")).to_have_text("Sound 20000")
    page.wait_for_load_state()
    page.keyboard.press("s")
    expect(page.locator("[data-ask=s]")).to_have_attribute("open", "")
    # The field names the place at which the slider stands: the middle.
    expect(page.locator("[data-ask=s] [name=at]")).to_have_value("0:10.000")
    page.keyboard.press("Escape")
    expect(page.locator("[data-ask=s]")).not_to_have_attribute("open", "")

    page.keyboard.press("i")
    expect(page.locator("[data-ask=i] [type=radio]").first).to_be_focused()
    page.keyboard.press("Space")
    page.keyboard.press("Enter")
    # The next item of the list opens and offers to undo.
    expect(page.locator("h1")).to_have_text("Sound 10000")
    expect(page.locator(".bar__what")).to_have_text("Sound 20000: Jingle")
    page.wait_for_load_state("networkidle")
    page.keyboard.press("z")
    expect(page.locator("h1")).to_have_text("Sound 20000")
    expect(page.locator(".page-head .badge")).to_have_text("Unknown")

    page.goto("/unknown/?q=Sound")
    page.wait_for_load_state("networkidle")
    for key in ("j", "x", "j", "x", "w"):
        page.keyboard.press(key)
    expect(page.locator(".tabs [aria-current]")).to_have_text("Unknown 0")


def test_a_narrow_window_opens_and_closes_everything_by_keys(page: Page, portal: Portal) -> None:
    sign_in(page, portal, "mira")
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto("/unknown/")

    assert not faults_of_openings(page, set())
