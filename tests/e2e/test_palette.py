"""The palette and the search boxes of forms, by keyboard."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.conftest import PATIENCE_MS, Portal, sign_in

pytestmark = pytest.mark.e2e


def test_the_palette_opens_by_key_and_enter_opens_the_first_thing(
    page: Page, portal: Portal
) -> None:
    sign_in(page, portal, "ana")
    palette = page.locator("#palette")

    page.keyboard.press("/")
    expect(palette).to_be_visible()
    page.keyboard.type("licen")
    chosen = palette.locator("[aria-selected=true]")
    expect(chosen).to_have_text("Licences", timeout=PATIENCE_MS)
    page.keyboard.press("Enter")
    expect(page).to_have_url(f"{portal.url}/licences/")

    page.keyboard.press("Control+k")
    expect(palette).to_be_visible()
    page.keyboard.type("upload")
    expect(palette.locator("[role=option]")).not_to_have_count(0)
    expect(palette.locator("[data-kind=verbs] [role=option]")).to_have_count(1)
    page.keyboard.press("Escape")
    expect(palette).to_be_hidden()


def test_a_territory_is_chosen_by_its_name_and_taken_back(
    page: Page, portal: Portal
) -> None:
    sign_in(page, portal, "ana")
    page.goto("/upload/")
    box = page.locator(".picker", has=page.locator("#id_territories"))

    page.fill("#id_territories", "switz")
    expect(box.get_by_role("option", name="Switzerland")).to_be_visible()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(box.locator(".picker__chip")).to_have_text("Switzerland×")
    expect(page.locator("[name=territories]")).to_have_value("CH")

    box.get_by_role("button", name="Remove Switzerland").click()
    expect(page.locator("[name=territories]")).to_have_value("")


def test_a_person_is_found_by_name_and_nobody_is_shown(
    page: Page, portal: Portal
) -> None:
    sign_in(page, portal, "mira")
    page.goto("/policies/new/")
    person = page.locator("#id_assignee")
    expect(person).to_have_attribute("placeholder", "No assignee")

    person.fill("mir")
    person.press("Enter")
    chosen = page.locator("[name=assignee] option:checked")
    expect(chosen).to_have_text("mira")

    # What names nobody changes nothing.
    person.fill("nobody of this name")
    person.press("Tab")
    expect(person).to_have_value("")
    expect(chosen).to_have_text("mira")

    page.get_by_role("button", name="Remove mira").click()
    expect(page.locator("[name=assignee]")).to_have_value("")
