"""The network is cut between a key and its answer: no decision is lost or misplaced."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress

import pytest
from playwright.sync_api import Browser, BrowserContext, Error, Page, Route, expect

from tests.e2e.conftest import Portal, open_first, sign_in, state_of, uid_of, wait_until_in
from tests.e2e.test_two_people import act, following, take_over, title_of

pytestmark = pytest.mark.e2e

DECISIONS = "**/decide*"
# The page fetches the next match ahead, and shows that one without a connection.
IS_FETCHED = """uid => performance.getEntriesByType("resource")
  .some(({ name }) => name.includes(`/m/${uid}`))"""


@pytest.fixture
def ana(browser: Browser, portal: Portal) -> Iterator[Page]:
    """Return the reviewer's page; failed requests do not fail the test."""
    context = browser.new_context(base_url=portal.url)
    page = context.new_page()
    sign_in(page, portal, "ana")
    yield page
    context.close()


@pytest.fixture
def mira(second_browser: BrowserContext, portal: Portal) -> Page:
    """Return the manager's page."""
    page = second_browser.new_page()
    sign_in(page, portal, "mira")
    return page


def cut(route: Route) -> None:
    route.abort()


def lose_the_answer(route: Route) -> None:
    """Let the portal decide, and lose what it says."""
    with suppress(Error):
        route.fetch()
        route.abort()


def send_now(page: Page) -> None:
    """Let the page know that the network is back, without waiting for its next attempt."""
    page.evaluate("window.dispatchEvent(new Event('online'))")


def confirmations(page: Page, uid: str) -> int:
    page.goto(f"/m/{uid}")
    return page.locator("#history li", has_text="confirmed it").count()


def test_a_key_that_was_pressed_offline_reaches_its_own_match(
    ana: Page, mira: Page, restored: list[str]
) -> None:
    first = open_first(ana, "?sort=-found")
    second, title = following(ana), title_of(ana)
    restored += [first, second]
    ana.wait_for_function(IS_FETCHED, arg=second)
    ana.context.set_offline(offline=True)

    ana.keyboard.press("c")

    expect(ana.locator("#review")).to_have_attribute("data-uid", second)
    unsent = ana.locator("[data-unsent]")
    expect(unsent).to_contain_text("1 not sent")
    expect(unsent).to_contain_text("sent by itself")
    unsent.locator("summary").press("Enter")
    expect(unsent.locator("li")).to_contain_text(f"Confirm {title}")
    expect(ana.locator("body")).not_to_contain_text("press again")
    # The match that follows cannot be loaded, so its decision stays with this one.
    ana.keyboard.press("r")
    ana.keyboard.press("3")
    ana.keyboard.press("Enter")
    expect(unsent).to_contain_text("2 not sent")
    expect(ana.locator("#review")).to_have_attribute("data-uid", second)
    expect(ana.locator("[data-decide=confirm] button")).to_be_disabled()
    ana.keyboard.press("c")
    ana.context.set_offline(offline=False)

    wait_until_in(mira, first, "confirmed")
    wait_until_in(mira, second, "rejected")
    expect(unsent).to_be_hidden()


def test_a_decision_survives_a_reload_and_is_made_once(
    ana: Page, mira: Page, restored: list[str]
) -> None:
    uid = open_first(ana, "?sort=-found")
    restored.append(uid)
    before = confirmations(mira, uid)
    ana.route(DECISIONS, lose_the_answer)

    ana.keyboard.press("c")
    expect(ana.locator("[data-unsent]")).to_contain_text("1 not sent")
    restored.append(uid_of(ana))
    wait_until_in(mira, uid, "confirmed")
    ana.goto("/files/")
    expect(ana.locator("[data-unsent]")).to_contain_text("1 not sent")
    ana.unroute(DECISIONS)
    send_now(ana)

    expect(ana.locator("[data-unsent]")).to_be_hidden()
    expect(ana.locator("[data-refusal]")).to_have_count(0)
    assert confirmations(mira, uid) == before + 1


def test_a_refused_decision_leads_back_to_its_match_with_what_was_typed(
    ana: Page, mira: Page, restored: list[str]
) -> None:
    uid = open_first(ana, "?sort=-found")
    restored.append(uid)
    ana.route(DECISIONS, cut)
    ana.keyboard.press("l")
    ana.keyboard.type("our licence 77")
    ana.keyboard.press("Enter")
    expect(ana.locator("[data-unsent]")).to_contain_text("1 not sent")
    ana.goto("/files/")
    take_over(mira, uid)
    assert state_of(mira, uid)["holder"] == "mira"
    ana.unroute(DECISIONS)
    send_now(ana)

    card = ana.locator("[data-refusal]")
    expect(card).to_contain_text("Taken over by mira at")
    mira.goto(f"/m/{uid}")
    mira.get_by_role("button", name="Release").click()
    mira.wait_for_url("**/queue/**")
    card.get_by_role("link", name="Back to this match").click()
    expect(ana.locator("#clear-note")).to_have_value("our licence 77")
    expect(ana.locator("#clear-note")).to_be_focused()
    ana.keyboard.press("Enter")

    wait_until_in(mira, uid, "cleared")
    expect(ana.locator("#review")).not_to_have_attribute("data-uid", uid)
    restored.append(uid_of(ana))
    expect(card).to_have_count(0)


@pytest.mark.soak
def test_what_one_user_decided_is_never_sent_as_another(
    ana: Page, mira: Page, portal: Portal, restored: list[str]
) -> None:
    uid = open_first(ana, "?sort=-found")
    restored += [uid, following(ana)]
    ana.context.clear_cookies(name="sessionid")
    ana.keyboard.press("c")
    unsent = ana.locator("[data-unsent]")
    expect(unsent).to_contain_text("You are signed out")
    expect(unsent.get_by_role("link", name="Sign in")).to_be_visible()

    tab = ana.context.new_page()
    sign_in(tab, portal, "vera")
    expect(tab.locator("[data-unsent]")).to_be_hidden()
    send_now(ana)
    expect(unsent).to_contain_text("vera is signed in here now")
    assert state_of(mira, uid)["state"] == "in_review"

    tab.context.clear_cookies(name="sessionid")
    sign_in(tab, portal, "ana")
    wait_until_in(mira, uid, "confirmed")
    expect(unsent).to_be_hidden()


@pytest.mark.soak
def test_a_decision_that_is_not_sent_is_taken_back(
    ana: Page, mira: Page, restored: list[str]
) -> None:
    uid = open_first(ana, "?sort=-found")
    restored += [uid, following(ana)]
    ana.route(DECISIONS, lose_the_answer)
    ana.keyboard.press("c")
    expect(ana.locator("[data-unsent]")).to_contain_text("1 not sent")
    # Before it is taken back, which may arrive at any time.
    wait_until_in(mira, uid, "confirmed")

    ana.keyboard.press("z")
    expect(ana.locator("[data-unsent] li")).to_contain_text("Taken back")
    ana.unroute(DECISIONS)

    wait_until_in(mira, uid, "pending")
    expect(ana.locator("[data-unsent]")).to_be_hidden()


@pytest.mark.soak
def test_a_row_says_that_its_decision_is_not_sent(
    ana: Page, mira: Page, restored: list[str]
) -> None:
    ana.goto("/queue/?view=waiting")
    ana.wait_for_load_state("networkidle")
    ana.keyboard.press("j")
    uid = str(ana.evaluate("document.activeElement.dataset.row"))
    row = ana.locator(f'[data-row="{uid}"]')
    expect(ana.locator("[data-match]")).to_have_attribute("data-uid", uid)
    restored.append(uid)
    ana.route(DECISIONS, cut)

    ana.keyboard.press("c")

    expect(row).to_contain_text("Not sent yet")
    expect(ana.locator("[data-match]")).not_to_have_attribute("data-uid", uid)
    ana.reload()
    expect(row).to_contain_text("Not sent yet")
    act(mira, uid, "escalate", note="whose is it?")
    ana.unroute(DECISIONS)
    send_now(ana)

    expect(row).to_contain_text("Changed by mira at")
    expect(ana.locator("[data-refusal]")).to_contain_text("Changed by mira at")
