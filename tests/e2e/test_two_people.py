"""Two people on the same matches: refused input stays visible, locks are correct."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.e2e.conftest import Portal, open_first, post, sign_in, state_of, uid_of, wait_until_in

pytestmark = pytest.mark.e2e

# The position of the sound that plays first
_HEARD_AT = """(audio) => new Promise((done) => {
  audio.addEventListener("timeupdate", () => done(audio.currentTime));
  audio.muted = true;
  audio.play();
})"""


@pytest.fixture
def ana(browser: Browser, portal: Portal) -> Iterator[Page]:
    """Return the reviewer's page; refusals do not fail the test."""
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


def act(page: Page, uid: str, verb: str, **values: str | float) -> None:
    """Decide the match's current version from another client."""
    fields = {"verb": verb, "version": state_of(page, uid)["version"], **values}
    assert post(page, f"/m/{uid}/decide", fields) == 200


def take_over(page: Page, uid: str) -> None:
    assert post(page, f"/m/{uid}/lock", {"break": "yes"}) == 200


def following(page: Page) -> str:
    """Return the uid of the next match."""
    address = page.locator("#review").get_attribute("data-next") or ""
    return address.split("/m/")[1].split("?")[0].strip("/")


def title_of(page: Page) -> str:
    return page.locator("#review").get_attribute("data-title") or ""


def test_refused_decisions_stay_until_read_and_the_page_is_current(
    ana: Page, mira: Page, restored: list[str]
) -> None:
    first = open_first(ana, "?sort=-found")
    title, second = title_of(ana), following(ana)
    restored += [first, second]
    take_over(mira, first)
    act(mira, second, "escalate", note="whose is it?")

    ana.keyboard.press("c")

    cards = ana.locator("[data-refusal]")
    expect(cards).to_have_count(1)
    expect(cards).to_contain_text(f"Not saved: {title}")
    expect(cards).to_contain_text("Taken over by mira at")
    expect(cards.get_by_role("link").first).to_have_attribute("href", f"/m/{first}?sort=-found")
    expect(ana.locator("#review")).to_have_attribute("data-uid", second)
    expect(ana.locator("[data-state-badge]")).to_have_text("Escalated")
    expect(ana.locator("[data-decide]")).to_have_count(0)
    expect(ana.locator(".bar__why")).to_contain_text("a manager decides it")

    ana.keyboard.press("j")
    expect(ana.locator("#review")).not_to_have_attribute("data-uid", second)
    third = uid_of(ana)
    restored += [third, following(ana)]
    wait_until_in(mira, third, "in_review")
    take_over(mira, third)
    ana.keyboard.press("c")
    expect(cards).to_have_count(2)

    ana.goto("/queue/")
    expect(cards).to_have_count(2)
    cards.nth(0).get_by_role("button", name="Dismiss").click()
    expect(cards).to_have_count(1)
    ana.reload()
    expect(cards).to_have_count(1)
    ana.locator("[data-refusal-dismiss]").press("Enter")
    expect(cards).to_have_count(0)
    ana.reload()
    expect(cards).to_have_count(0)
    assert state_of(mira, first)["holder"] == "mira"


def test_refused_words_are_kept_and_the_match_is_shown_as_it_is(
    ana: Page, mira: Page, restored: list[str]
) -> None:
    uid = open_first(ana, "?sort=-found")
    restored.append(uid)
    take_over(mira, uid)
    act(mira, uid, "escalate", note="whose is it?")

    ana.keyboard.press("l")
    ana.keyboard.type("our licence 77")
    ana.keyboard.press("Enter")

    card = ana.locator("[data-refusal]")
    expect(card).to_contain_text("nothing was saved")
    expect(card).to_contain_text("our licence 77")
    expect(ana.locator("#review")).to_have_attribute("data-uid", uid)
    expect(ana.locator("[data-state-badge]")).to_have_text("Escalated")
    expect(ana.locator("[data-decide]")).to_have_count(0)


def test_open_page_tells_that_another_decided(ana: Page, mira: Page, restored: list[str]) -> None:
    uid = open_first(ana, "?sort=-found")
    restored.append(uid)
    take_over(mira, uid)
    act(mira, uid, "reject", code="noise")

    ana.evaluate("window.dispatchEvent(new Event('focus'))")

    expect(ana.locator("[data-lock-badge]")).to_be_hidden()
    expect(ana.locator("[data-state-badge]")).to_have_text("Rejected")
    expect(ana.locator("[data-free-message]")).to_contain_text("has changed in the meantime")
    expect(ana.locator("[data-decide=confirm] button")).to_be_disabled()


@pytest.mark.soak
def test_every_verb_of_a_match_that_was_taken_over_is_unavailable(
    ana: Page, mira: Page, restored: list[str]
) -> None:
    uid = open_first(ana, "?sort=-found")
    restored.append(uid)
    expect(ana.locator(".ask > summary").first).to_be_visible()
    take_over(mira, uid)

    ana.evaluate("window.dispatchEvent(new Event('focus'))")

    expect(ana.locator("[data-bar-held]")).to_contain_text("mira is reviewing this")
    confirm = ana.locator("[data-decide=confirm] button")
    expect(confirm).to_be_disabled()
    ana.evaluate("document.getAnimations().forEach(one => one.finish())")
    looks = "node => [getComputedStyle(node).color, getComputedStyle(node).backgroundColor]"
    for verb in ana.locator(".bar__verbs .ask > summary").all():
        assert verb.evaluate(looks) == confirm.evaluate(looks)
        assert verb.evaluate("node => node.closest('[inert]') !== null")
    for key in "clrxe":
        ana.keyboard.press(key)
    expect(ana.locator(".ask[open]")).to_have_count(0)
    assert state_of(mira, uid)["holder"] == "mira"


@pytest.mark.soak
def test_lock_given_back_in_another_tab_is_taken_again_by_deciding(
    ana: Page, mira: Page, restored: list[str]
) -> None:
    uid = open_first(ana, "?sort=-found")
    restored.append(uid)
    tab = ana.context.new_page()
    tab.goto(ana.url)
    tab.get_by_role("button", name="Release").click()
    tab.wait_for_url("**/queue/**")

    ana.evaluate("window.dispatchEvent(new Event('focus'))")
    expect(ana.locator("[data-lock-badge]")).to_be_hidden()
    expect(ana.locator("[data-state-badge]")).to_have_text("Pending")
    ana.keyboard.press("c")

    expect(ana.locator("#review")).not_to_have_attribute("data-uid", uid)
    restored.append(uid_of(ana))
    wait_until_in(mira, uid, "confirmed")
    expect(ana.locator("[data-undo]")).to_be_visible()
    expect(ana.locator("[data-refusal]")).to_have_count(0)


@pytest.mark.soak
def test_lock_that_ran_out_is_taken_again_by_going_on(
    ana: Page, mira: Page, portal: Portal, restored: list[str]
) -> None:
    uid = open_first(ana, "?sort=-found")
    restored.append(uid)
    with closing(sqlite3.connect(portal.data_dir / "portal.sqlite3", timeout=20)) as rows:
        rows.execute("UPDATE review_match SET locked_until = '2026-01-01' WHERE uid = ?", [uid])
        rows.commit()

    ana.evaluate("window.dispatchEvent(new Event('focus'))")
    expect(ana.locator("[data-lock-badge]")).to_be_hidden()
    expect(ana.locator("[data-free-message]")).to_contain_text("Your lock has ended")
    ana.keyboard.press("l")
    expect(ana.locator("[data-lock-badge]")).to_be_visible()
    assert state_of(mira, uid)["holder"] == "ana"
    ana.keyboard.type("our own channel")
    ana.keyboard.press("Enter")

    expect(ana.locator("#review")).not_to_have_attribute("data-uid", uid)
    restored.append(uid_of(ana))
    wait_until_in(mira, uid, "cleared")
    expect(ana.locator("[data-refusal]")).to_have_count(0)


def test_going_on_undecided_gives_back_what_was_taken_again(
    ana: Page, mira: Page, restored: list[str]
) -> None:
    uid = open_first(ana, "?sort=-found")
    restored.append(uid)
    assert post(ana, f"/m/{uid}/release", {}) == 200
    ana.evaluate("window.dispatchEvent(new Event('focus'))")
    expect(ana.locator("[data-lock-badge]")).to_be_hidden()

    ana.keyboard.press("e")
    ana.keyboard.press("Escape")
    ana.keyboard.press("j")

    expect(ana.locator("#review")).not_to_have_attribute("data-uid", uid)
    restored.append(uid_of(ana))
    wait_until_in(mira, restored[-1], "in_review")
    assert state_of(mira, uid)["state"] == "pending"


def propose(page: Page) -> str:
    """Propose by keyboard to exclude the interval of the first match; return its uid."""
    uid = open_first(page, "?sort=-found")
    page.keyboard.press("x")
    expect(page.locator("[data-ask=exclude] [name=seen]")).to_be_attached()
    page.locator("#exclude-note").fill("a sample pack")
    page.keyboard.press("Enter")
    expect(page.locator("#review")).not_to_have_attribute("data-uid", uid)
    return uid


@pytest.mark.soak
def test_manager_hears_and_approves_a_proposed_exclusion_by_keyboard(
    ana: Page, mira: Page, restored: list[str]
) -> None:
    uid = propose(ana)
    restored.append(uid_of(ana))

    mira.goto(f"/m/{uid}?view=escalated")
    mira.wait_for_load_state("networkidle")
    expect(mira.locator("[data-proposal]")).to_contain_text("ana proposes to exclude")
    expect(mira.locator("[data-proposal]")).to_contain_text("a sample pack")
    sound = mira.locator("[data-proposal] audio")
    start = float((sound.get_attribute("src") or "").split("#t=")[1].split(",")[0])
    assert sound.evaluate(_HEARD_AT) >= start
    mira.keyboard.press("x")
    approve = mira.get_by_role("button", name="Approve the exclusion")
    expect(approve).to_be_focused()
    mira.keyboard.press("Enter")

    wait_until_in(ana, uid, "rejected")
    # The page goes on by itself, which would interrupt the next visit.
    mira.wait_for_url(lambda url: uid not in url)
    mira.goto(f"/m/{uid}")
    mira.wait_for_load_state("networkidle")
    expect(mira.locator("#history")).to_contain_text("approved the exclusion")
    mira.get_by_role("button", name="Undo this decision").click()
    expect(mira.locator("[data-state-badge]")).to_have_text("Escalated")
    expect(mira.locator("[data-refusal]")).to_have_count(0)
    mira.keyboard.press("x")
    mira.locator("#refuse-note").fill("it is our own melody")
    mira.locator("#refuse-note").press("Enter")
    wait_until_in(ana, uid, "in_review")
    expect(mira.locator("#history")).to_contain_text("it is our own melody")
    expect(mira.locator("[data-proposal]")).to_have_count(0)
    restored.append(uid)


@pytest.mark.soak
def test_manager_answers_a_proposed_exclusion_in_the_queue(
    ana: Page, mira: Page, restored: list[str]
) -> None:
    uid = propose(ana)
    restored += [uid_of(ana), uid]

    mira.goto("/queue/?view=escalated")
    mira.wait_for_load_state("networkidle")
    row = mira.locator(f'[data-row="{uid}"]')
    expect(row).to_contain_text("Exclusion proposed")
    row.locator("[data-proposal-link]").press("Enter")
    panel = mira.locator("#proposal [data-proposal-panel]")
    expect(panel).to_contain_text("ana proposes to exclude")
    expect(mira.locator("#proposal-title")).to_be_focused()
    panel.get_by_role("button", name="Play").click()
    expect(panel.locator("[data-sound]")).to_have_class(re.compile("is-playing"))
    panel.locator("#refuse-note").fill("it is our own melody")
    panel.get_by_role("button", name="Refuse").press("Enter")

    expect(mira.locator("#messages")).to_contain_text("The exclusion was refused")
    expect(row).to_have_count(0)
    wait_until_in(ana, uid, "pending")
