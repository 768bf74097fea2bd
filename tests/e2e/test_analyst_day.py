"""An analyst's whole day by keyboard alone, and two people at one queue."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.e2e.conftest import Portal, open_first, sign_in, state_of, uid_of, wait_until_in

pytestmark = pytest.mark.e2e

_FOCUSED = """() => {
  const at = document.activeElement;
  if (at === document.body) return "";
  return (at.getAttribute("aria-label") ?? at.textContent).replace(/\\s+/g, " ").trim();
}"""


def tab_to(page: Page, words: str, *, most: int = 80) -> None:
    """Press Tab until the element with the words has the focus."""
    for _ in range(most):
        page.keyboard.press("Tab")
        if words in page.evaluate(_FOCUSED):
            return
    raise AssertionError(f"{words} was not reached by Tab")


def decide(page: Page, *keys: str, text: str = "") -> str:
    """Press the keys of a decision, type its text and send it; return the match's uid."""
    uid = uid_of(page)
    page.keyboard.press(keys[0])
    for key in keys[1:]:
        page.keyboard.press(key)
    if text:
        page.keyboard.type(text)
    if text or len(keys) > 1:
        page.keyboard.press("Enter")
    expect(page.locator("#review")).not_to_have_attribute("data-uid", uid)
    return uid


def test_day_of_an_analyst_without_a_mouse(page: Page, portal: Portal, restored: list[str]) -> None:
    page.goto("/accounts/login/")
    tab_to_field = page.locator("input[name=username]")
    expect(tab_to_field).to_be_focused()
    page.keyboard.type("ana")
    page.keyboard.press("Tab")
    page.keyboard.type(portal.passwords["ana"])
    page.keyboard.press("Enter")
    page.wait_for_url(f"{portal.url}/")

    # From the dashboard to the first match of the queue.
    page.keyboard.press("g")
    page.keyboard.press("m")
    page.wait_for_url("**/queue/")
    page.wait_for_load_state("networkidle")
    page.keyboard.press("Enter")
    page.wait_for_url("**/m/**")
    page.wait_for_load_state("networkidle")

    # Listening, a note, and help.
    page.keyboard.press("p")
    expect(page.locator("[data-play]")).to_have_attribute("aria-label", "Pause")
    page.keyboard.press("a")
    page.keyboard.press("p")
    page.keyboard.press("n")
    page.keyboard.type("heard under speech")
    page.keyboard.press("Enter")
    expect(page.locator("#history")).to_contain_text("heard under speech")
    page.keyboard.press("?")
    expect(page.locator("#key-list")).to_be_visible()
    page.keyboard.press("Escape")

    # One of each decision; an exclusion is a proposal to a manager.
    confirmed = decide(page, "c")
    restored.append(confirmed)
    rejected = decide(page, "r", "6")
    restored.append(rejected)
    restored.append(decide(page, "l", text="own channel"))
    restored.append(decide(page, "e", text="whose mix is it?"))
    page.keyboard.press("x")
    expect(page.locator("[data-part-preview] [name=seen]")).to_be_attached()
    expect(page.locator("[data-interval-handle=start]")).to_be_focused()
    before = page.locator("[name=start]").input_value()
    page.keyboard.press("Shift+ArrowRight")
    assert page.locator("[name=start]").input_value() != before
    expect(page.locator("[data-part-preview] [name=seen]")).to_be_attached()
    proposed = uid_of(page)
    page.keyboard.press("Enter")
    expect(page.locator("#review")).not_to_have_attribute("data-uid", proposed)
    wait_until_in(page, proposed, "escalated")
    restored.append(uid_of(page))

    # Undo the last decision; the match is on screen again.
    page.keyboard.press("z")
    expect(page.locator("#review")).to_have_attribute("data-uid", proposed)
    restored.append(proposed)
    wait_until_in(page, proposed, "in_review")

    # Decide two more from the queue together, and undo both. The first is escalated already.
    page.keyboard.press("g")
    page.keyboard.press("m")
    page.wait_for_url("**/queue/")
    page.wait_for_load_state("networkidle")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Shift+ArrowDown")
    expect(page.locator("[data-count]")).to_have_text("2 selected")
    ticked = page.locator("tbody input:checked")
    values = [ticked.nth(at).get_attribute("value") or "" for at in range(2)]
    restored += [value.split(":")[0] for value in values]
    tab_to(page, "Escalate…")
    page.keyboard.press("Enter")
    page.wait_for_url("**/queue/decide/")
    expect(page.locator("[name=note]")).to_be_focused()
    page.keyboard.type("two of a kind")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_contain_text("escalated, ")
    expect(page.get_by_role("link", name="Back to the list").last).to_be_focused()
    tab_to(page, "Undo th")
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_contain_text("back in the queue, ")

    # The decisions remain, and the day ends.
    assert state_of(page, confirmed)["state"] == "confirmed"
    assert state_of(page, rejected)["state"] == "rejected"
    tab_to(page, "Sign out ana")
    page.keyboard.press("Enter")
    page.wait_for_url("**/accounts/**")


def test_lock_of_another_is_seen_live(
    page: Page, second_browser: BrowserContext, portal: Portal, restored: list[str]
) -> None:
    sign_in(page, portal, "ana")
    second = second_browser.new_page()
    second.clock.install()
    sign_in(second, portal, "mira")
    second.goto("/queue/?sort=-title")
    expect(second.locator(".lock-owner")).to_have_count(0)

    first = open_first(page, "?sort=-title")
    restored.append(first)
    # A request before the lock is held gets its answer 20 s later.
    wait_until_in(page, first, "in_review")
    second.clock.fast_forward("00:30")

    # First in the list while the match is open, then on the match until it is free.
    expect(second.locator(".lock-owner").first).to_contain_text("ana")
    second.goto(page.url)
    expect(second.locator("[data-lock-foreign]")).to_contain_text("ana is reviewing this")
    page.keyboard.press("j")
    expect(page.locator("#review")).not_to_have_attribute("data-uid", first)
    restored.append(uid_of(page))
    wait_until_in(page, first, "pending")
    second.clock.fast_forward("00:16")
    expect(second.locator("[data-lock-free]")).to_contain_text("free again")


def test_keys_are_off_for_the_person_who_switched_them_off(
    browser: Browser, portal: Portal, restored: list[str]
) -> None:
    context = browser.new_context(base_url=portal.url)
    page = context.new_page()
    sign_in(page, portal, "ana")
    page.goto("/")
    page.keyboard.press("?")
    page.locator("[data-keys-switch]").uncheck()
    page.keyboard.press("Escape")
    context.clear_cookies(name="sessionid")

    sign_in(page, portal, "mira")
    page.goto("/")
    page.keyboard.press("?")
    expect(page.locator("[data-keys-switch]")).to_be_checked()
    page.keyboard.press("Escape")
    context.clear_cookies(name="sessionid")

    sign_in(page, portal, "ana")
    page.goto("/")
    page.keyboard.press("?")
    expect(page.locator("#key-list")).to_be_hidden()
    context.close()
