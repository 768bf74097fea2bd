"""Links on the upload page: one row each, and a link to earlier submissions."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.conftest import PATIENCE_MS, Portal, sign_in

pytestmark = pytest.mark.e2e
_LINK = "http://127.0.0.1:9/programme.mp3"


def test_a_bad_line_is_one_error_and_a_link_sent_before_can_go_again(
    page: Page, portal: Portal
) -> None:
    sign_in(page, portal, "ana")
    page.goto("/upload/")
    rows = page.locator("[data-row]")

    page.fill("#id_links", f"this is no link\n{_LINK}")
    page.click("[data-start]")
    expect(rows).to_have_count(2)
    expect(rows.first).to_contain_text("This link is not allowed")
    expect(rows.last.locator("[data-open]")).to_be_visible(timeout=PATIENCE_MS)
    opens = rows.last.locator("[data-open]")
    first = opens.get_attribute("href")
    assert first is not None

    page.fill("#id_links", _LINK)
    page.click("[data-start]")
    expect(rows).to_have_count(3)
    expect(rows.last).to_contain_text("Seen before")
    expect(rows.last).to_contain_text("This link was submitted on")
    expect(opens).to_have_attribute("href", first)

    rows.last.get_by_role("button", name="Scan again").click()
    expect(opens).not_to_have_attribute("href", first, timeout=PATIENCE_MS)
    expect(rows.last).to_contain_text("not allowed", timeout=PATIENCE_MS)
