"""Excluding an interval of a recording by keyboard, with its sound and its effect."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.conftest import Portal, sign_in

pytestmark = pytest.mark.e2e


def test_an_interval_is_picked_heard_and_seen_before_it_is_excluded(
    page: Page, portal: Portal
) -> None:
    sign_in(page, portal, "mira")
    page.goto("/catalogue/")
    page.get_by_role("link", name="Demo catalogue").first.click()
    page.get_by_role("link", name="Armygeddon").first.click()
    page.get_by_role("link", name="Exclude an interval").click()
    preview, end = page.locator("[data-part-preview]"), page.locator("[name=end]").first
    expect(preview).to_contain_text("0 matches")

    page.locator("[data-interval-handle=end]").focus()
    page.keyboard.press("End")
    expect(preview).to_contain_text("programme-morning.opus")
    expect(end).to_have_value("0:59.989")
    expect(page.locator("#exclude [name=end]")).to_have_value("0:59.989")
    page.locator("[data-interval-handle=start]").focus()
    page.keyboard.press("PageUp")
    page.get_by_role("button", name="Play Armygeddon").press("Enter")
    expect(page.locator("[data-sound-clock]")).to_contain_text("0:1")
    page.locator("form[data-interval] [name=note]").fill("A loop of drums.")
    expect(page.locator("#exclude [name=note]")).to_have_value("A loop of drums.")
    page.get_by_role("button", name="Exclude this interval").press("Enter")

    expect(page.locator("#exclusions")).to_contain_text("A loop of drums.")
    expect(page.locator("#exclusions")).to_contain_text("0:10.0")
    page.locator("#exclusions").get_by_role("link", name="Remove…").click()
    page.get_by_label("Why it is removed").fill("It was a test.")
    page.get_by_role("button", name="Remove").click()
    expect(page.locator("#exclusions")).not_to_contain_text("A loop of drums.")
