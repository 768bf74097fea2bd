"""Keys and buttons have one target while the network fails, is slow, and comes back."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from tests.e2e.conftest import Portal, open_first, sign_in, state_of, uid_of, wait_until_in
from tests.e2e.test_outbox import IS_FETCHED, confirmations
from tests.e2e.test_two_people import following

pytestmark = pytest.mark.e2e

PREVIEWS = "**/preview*"
AWAY = "This match could not be loaded"


@pytest.fixture
def ana(browser: Browser, portal: Portal) -> Iterator[Page]:
    """Return the reviewer's page; failed requests do not fail the test."""
    context = browser.new_context(base_url=portal.url, viewport={"width": 1400, "height": 900})
    page = context.new_page()
    sign_in(page, portal, "ana")
    yield page
    context.close()


def open_queue(page: Page) -> list[str]:
    """Open the queue, wait for its first match, and return its rows' names."""
    page.goto("/queue/?view=waiting")
    page.wait_for_load_state("networkidle")
    rows = page.locator("[data-list] tbody [data-row]")
    uids = [str(row.get_attribute("data-row")) for row in rows.all()]
    expect(page.locator("[data-match]")).to_have_attribute("data-uid", uids[0])
    return uids


def current(page: Page) -> str:
    return str(page.locator("tr.is-current").get_attribute("data-row"))


def hold(page: Page, address: str) -> list[Route]:
    """Keep requests back until the test lets them go on."""
    held: list[Route] = []
    page.route(address, lambda route: held.append(route))
    return held


def test_no_key_reaches_a_match_that_an_outage_keeps_from_being_shown(
    ana: Page, restored: list[str]
) -> None:
    uids = open_queue(ana)
    match = ana.locator("[data-match]")
    ana.context.set_offline(offline=True)
    decided = []
    # What was loaded ahead can be decided; the next row has no match to show.
    while match.count():
        decided.append(current(ana))
        restored.append(decided[-1])
        ana.keyboard.press("c")
        expect(ana.locator("tr.is-current")).not_to_have_attribute("data-row", decided[-1])
        expect(ana.locator("[data-preview][inert]")).to_have_count(0)

    unshown = current(ana)
    restored.append(unshown)
    pane = ana.locator("[data-preview]")
    assert len(decided) < len(uids)
    expect(pane).to_contain_text(AWAY)
    expect(pane.locator("[data-decide]")).to_have_count(0)
    ana.keyboard.press("c")
    expect(ana.locator("[data-preview]")).to_contain_text(AWAY)
    expect(ana.locator("tr.is-current")).to_have_attribute("data-row", unshown)
    ana.context.set_offline(offline=False)

    # The pane shows the match by itself, and only then can a key decide it.
    expect(match).to_have_attribute("data-uid", unshown)
    for uid in decided:
        wait_until_in(ana, uid, "confirmed")
    assert state_of(ana, unshown)["state"] == "pending"
    ana.keyboard.press("c")
    wait_until_in(ana, unshown, "confirmed")


def test_a_fault_of_the_portal_is_shown_in_the_pane_until_it_is_over(ana: Page) -> None:
    uids = open_queue(ana)
    ana.route(PREVIEWS, lambda route: route.fulfill(status=503))
    # Two rows were loaded ahead.
    for _ in range(3):
        ana.keyboard.press("j")

    expect(ana.locator("[data-preview]")).to_contain_text(AWAY)
    ana.keyboard.press("l")
    expect(ana.locator(".ask[open]")).to_have_count(0)
    ana.unroute(PREVIEWS)

    expect(ana.locator("[data-match]")).to_have_attribute("data-uid", uids[3])
    expect(ana.locator("[data-preview]")).not_to_contain_text(AWAY)


@pytest.mark.soak
def test_a_key_waits_for_its_match_and_buttons_for_the_same(ana: Page, restored: list[str]) -> None:
    uids = open_queue(ana)
    held = hold(ana, PREVIEWS)
    for _ in range(3):
        ana.keyboard.press("j")
    ana.wait_for_timeout(300)
    target = uids[3]
    restored.append(target)

    # The pane still shows another match, whose buttons are out of reach.
    expect(ana.locator("[data-preview]")).to_have_attribute("inert", "")
    ana.keyboard.press("c")
    for route in held:
        route.continue_()
    ana.unroute(PREVIEWS)

    wait_until_in(ana, target, "confirmed")
    for uid in (*uids[:3], uids[4]):
        assert state_of(ana, uid)["state"] != "confirmed"


@pytest.mark.soak
def test_a_second_confirmation_does_not_reach_a_match_that_nobody_has_seen(
    ana: Page, restored: list[str]
) -> None:
    uids = open_queue(ana)
    restored += uids[:4]
    match = ana.locator("[data-match]")
    held = hold(ana, PREVIEWS)
    for number in range(3):
        expect(match).to_have_attribute("data-uid", uids[number])
        ana.keyboard.press("c")
        expect(ana.locator("tr.is-current")).to_have_attribute("data-row", uids[number + 1])
    ana.keyboard.press("c")
    for route in held:
        route.continue_()
    ana.unroute(PREVIEWS)

    expect(match).to_have_attribute("data-uid", uids[3])
    expect(ana.locator("[data-preview]")).to_contain_text("Press C again")
    assert state_of(ana, uids[3])["state"] == "pending"
    ana.keyboard.press("c")
    wait_until_in(ana, uids[3], "confirmed")


@pytest.mark.soak
def test_answers_out_of_order_leave_the_current_row_in_the_pane(ana: Page) -> None:
    uids = open_queue(ana)
    held = hold(ana, PREVIEWS)
    for number in range(5):
        ana.keyboard.press("j")
        if number > 1:
            ana.wait_for_timeout(200)
    for route in reversed(held):
        route.continue_()
        ana.wait_for_timeout(100)
    ana.unroute(PREVIEWS)

    expect(ana.locator("[data-match]")).to_have_attribute("data-uid", uids[5])
    expect(ana.locator("[data-preview][inert]")).to_have_count(0)


@pytest.mark.soak
def test_a_decision_taken_back_offline_leaves_no_mark(ana: Page, restored: list[str]) -> None:
    uid = open_queue(ana)[0]
    restored.append(uid)
    before = confirmations(ana, uid)
    ana.goto("/queue/?view=waiting")
    ana.wait_for_load_state("networkidle")
    row = ana.locator(f'[data-row="{uid}"]')
    row.locator(".cell-mini").click()
    expect(ana.locator("[data-match]")).to_have_attribute("data-uid", uid)
    ana.context.set_offline(offline=True)
    ana.keyboard.press("c")
    expect(row).to_contain_text("Not sent yet")

    ana.keyboard.press("z")

    expect(row).not_to_contain_text("Not sent yet")
    expect(row).not_to_have_class(re.compile("is-done"))
    expect(row).to_have_class(re.compile("is-current"))
    ana.context.set_offline(offline=False)
    expect(ana.locator("[data-unsent]")).to_be_hidden()
    expect(ana.locator("[data-match]")).to_have_attribute("data-uid", uid)
    expect(ana.locator(".preview [data-decide=confirm] button")).to_be_enabled()
    assert confirmations(ana, uid) == before


def test_a_discarded_decision_leaves_no_mark_either(ana: Page, restored: list[str]) -> None:
    uid = open_queue(ana)[0]
    restored.append(uid)
    row = ana.locator(f'[data-row="{uid}"]')
    ana.context.set_offline(offline=True)
    ana.keyboard.press("c")
    unsent = ana.locator("[data-unsent]")
    expect(unsent).to_contain_text("1 not sent")
    unsent.locator("summary").press("Enter")
    unsent.get_by_role("button", name="Discard").click()

    expect(row).not_to_contain_text("Not sent yet")
    ana.context.set_offline(offline=False)
    expect(unsent).to_be_hidden()
    assert state_of(ana, uid)["state"] == "pending"


@pytest.mark.soak
def test_a_match_that_was_kept_can_be_decided_again_after_it_is_taken_back(
    ana: Page, restored: list[str]
) -> None:
    first = open_first(ana, "?sort=-found")
    second = following(ana)
    restored += [first, second]
    ana.wait_for_function(IS_FETCHED, arg=second)
    ana.context.set_offline(offline=True)
    ana.keyboard.press("c")
    expect(ana.locator("#review")).to_have_attribute("data-uid", second)
    # The third cannot be loaded, so the second stays with its decision.
    ana.keyboard.press("c")
    expect(ana.locator("[data-decide=confirm] button")).to_be_disabled()

    ana.keyboard.press("z")
    expect(ana.locator("[data-decide=confirm] button")).to_be_enabled()
    ana.context.set_offline(offline=False)

    wait_until_in(ana, first, "confirmed")
    assert state_of(ana, second)["state"] != "confirmed"


@pytest.mark.soak
def test_keys_and_buttons_wait_while_the_next_match_is_loaded(
    ana: Page, restored: list[str]
) -> None:
    first = open_first(ana, "?sort=-found")
    second = following(ana)
    restored += [first, second]
    ana.wait_for_function(IS_FETCHED, arg=second)
    held = hold(ana, "**/m/*")
    ana.keyboard.press("j")
    expect(ana.locator("#review")).to_have_attribute("data-uid", second)
    ana.keyboard.press("j")

    expect(ana.locator("#review")).to_have_attribute("inert", "")
    ana.keyboard.press("c")
    ana.unroute("**/m/*")
    for route in held:
        route.continue_()

    expect(ana.locator("#review")).not_to_have_attribute("data-uid", second)
    third = uid_of(ana)
    restored.append(third)
    expect(ana.locator("[data-free-message]")).to_contain_text("Press C again")
    for uid in (first, second, third):
        assert state_of(ana, uid)["state"] != "confirmed"
