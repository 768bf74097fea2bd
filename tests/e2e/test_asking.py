"""Fields that are missing, links that cannot work, and what asks before it ends."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.e2e.conftest import Portal, open_first, sign_in

pytestmark = pytest.mark.e2e


def _type(page: Page, *keys: str) -> None:
    for key in keys:
        page.keyboard.press("Space" if key == " " else key)


def test_what_is_missing_is_said_at_its_field_in_the_language_of_the_page(
    browser: Browser, portal: Portal, restored: list[str]
) -> None:
    context = browser.new_context(base_url=portal.url, locale="ja-JP")
    page = context.new_page()
    sign_in(page, portal, "mira")
    page.goto("/tokens/", wait_until="networkidle")

    page.locator("main form .btn--primary").click()

    name = page.locator("#id_name")
    expect(name).to_be_focused()
    expect(name).to_have_attribute("aria-invalid", "true")
    expect(page.locator("#id_name_error")).to_have_text("Fill in this field.")
    described = name.get_attribute("aria-describedby") or ""
    assert "id_name_error" in described.split()
    page.keyboard.type("nightly import")
    expect(page.locator("#id_name_error")).to_have_count(0)

    # Opening takes the lock, which would keep others from the match.
    restored.append(open_first(page))
    _type(page, "r")
    page.locator("[data-ask=reject] .btn--primary").click()
    error = page.locator("[data-ask=reject] [data-error]")
    expect(error).to_have_text("Choose why the match is rejected.")
    context.close()


def test_a_refused_link_goes_back_into_its_box(page: Page, portal: Portal) -> None:
    sign_in(page, portal, "ana")
    page.goto("/upload/", wait_until="networkidle")
    page.fill("#id_links", "ftp://station.example/a.mp3")
    page.locator("[data-start]").click()

    page.get_by_role("button", name="Change the link").press("Enter")

    expect(page.locator("#id_links")).to_be_focused()
    expect(page.locator("#id_links")).to_have_value("ftp://station.example/a.mp3")
    expect(page.locator(".upload-row")).to_have_count(0)


def test_revoking_a_token_asks_first_and_escape_leads_back(page: Page, portal: Portal) -> None:
    sign_in(page, portal, "ana")
    page.goto("/tokens/")
    page.fill("#id_name", "nightly import")
    page.keyboard.press("Enter")
    # A new token needs the password again.
    page.wait_for_url("**/reauthenticate/**")
    page.fill("input[type=password]", portal.passwords["ana"])
    page.keyboard.press("Enter")
    expect(page.get_by_text("Copy this token now")).to_be_visible()
    # The form on this page goes to where it belongs.
    expect(page).to_have_url(f"{portal.url}/tokens/")

    page.get_by_role("link", name="Revoke… nightly import").press("Enter")
    expect(page.get_by_role("link", name="Cancel")).to_be_focused()
    page.keyboard.press("Escape")
    page.get_by_role("link", name="Revoke… nightly import").press("Enter")
    page.get_by_role("button", name="Revoke the token").press("Enter")

    expect(page.get_by_text("Token nightly import was revoked.")).to_be_visible()
