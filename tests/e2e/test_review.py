"""An analyst's day in a real browser: keyboard decisions, two people, no scripts."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Route, expect

from tests import audio
from tests.e2e.conftest import (
    PATIENCE_MS,
    Portal,
    open_first,
    sign_in,
    state_of,
    uid_of,
    wait_until_in,
)

pytestmark = pytest.mark.e2e

# True once ``least`` milliseconds have played and the reference is in step with the
# source
_IN_STEP = """(least) => {
  const pair = document.querySelector("[data-pair]").dataset;
  const at = (name) =>
    document.querySelector(`[data-audio=${name}]`).currentTime * 1000;
  const played = at("source") - pair.start;
  const wanted = Number(pair.reference) + played * pair.ratio;
  return played > least && Math.abs(at("reference") - wanted) < 60;
}"""
# Seeking in the reference takes a quarter of a second, as on a slow machine
_SLOW_JUMPS = """() => {
  const place = Object.getOwnPropertyDescriptor(
    HTMLMediaElement.prototype, "currentTime"
  );
  Object.defineProperty(document.querySelector("[data-audio=reference]"), "currentTime", {
    get: place.get,
    set(seconds) { setTimeout(() => place.set.call(this, seconds), 250); },
  });
}"""


@pytest.mark.soak
def test_ten_decisions_by_keyboard_alone(page: Page, portal: Portal, restored: list[str]) -> None:
    sign_in(page, portal, "ana")
    ways = {
        "confirmed": ["c"],
        "rejected": ["r", "3", "Enter"],
        "cleared": ["l", *"own channel", "Enter"],
        "escalated": ["e", *"whose is it", "Enter"],
    }
    order = [*ways, "confirmed", "confirmed", "rejected", "confirmed", "cleared"]

    uid = open_first(page)
    for state in [*order, "confirmed"]:
        restored.append(uid)
        for key in ways[state]:
            page.keyboard.press("Space" if key == " " else key)
        expect(page.locator("#review")).not_to_have_attribute("data-uid", uid)
        expect(page.locator("[data-undo]")).to_be_visible()
        wait_until_in(page, uid, state)
        uid = uid_of(page)

    assert len(set(restored)) == 10
    page.keyboard.press("z")
    expect(page.locator("#review")).to_have_attribute("data-uid", restored[-1])
    restored.append(uid)
    wait_until_in(page, restored[-2], "in_review")


def test_a_double_click_decides_one_match(page: Page, portal: Portal, restored: list[str]) -> None:
    sign_in(page, portal, "ana")
    first = open_first(page)
    second = (page.locator("#review").get_attribute("data-next") or "").split("/m/")[1]
    restored += [first, second.split("?")[0].strip("/")]

    page.locator("[data-decide=confirm] button").dblclick()

    expect(page.locator("#review")).to_have_attribute("data-uid", restored[1])
    wait_until_in(page, first, "confirmed")
    wait_until_in(page, restored[1], "in_review")


@pytest.mark.soak
def test_undo_while_the_next_match_is_being_locked_undoes_the_last_decision(
    page: Page, portal: Portal, restored: list[str]
) -> None:
    sign_in(page, portal, "ana")
    open_first(page)
    restored.append(uid_of(page))
    for key in ["r", "3", "Enter"]:
        page.keyboard.press(key)
    expect(page.locator("#review")).not_to_have_attribute("data-uid", restored[0])
    # The page after the next is fetched ahead, so that it is shown before its lock.
    page.reload(wait_until="networkidle")

    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    page.route("**/m/*/lock", hold)
    restored.append(uid_of(page))
    for key in ["l", *"own channel", "Enter"]:
        page.keyboard.press("Space" if key == " " else key)
    expect(page.locator("#review")).not_to_have_attribute("data-uid", restored[1])
    page.keyboard.press("z")
    page.unroute("**/m/*/lock")
    for route in held:
        route.continue_()

    expect(page.locator("#review")).to_have_attribute("data-uid", restored[-1])
    wait_until_in(page, restored[0], "rejected")
    wait_until_in(page, restored[1], "in_review")


@pytest.mark.soak
def test_walking_on_undecided_gives_matches_back(
    page: Page, portal: Portal, restored: list[str]
) -> None:
    sign_in(page, portal, "ana")
    first = open_first(page, "?sort=-title")
    restored.append(first)

    page.keyboard.press("j")
    expect(page.locator("#review")).not_to_have_attribute("data-uid", first)
    second = uid_of(page)
    restored.append(second)

    wait_until_in(page, first, "pending")
    wait_until_in(page, second, "in_review")
    page.keyboard.press("k")
    expect(page.locator("#review")).to_have_attribute("data-uid", first)


@pytest.mark.soak
def test_leaving_by_the_browser_releases_the_match_and_reloading_does_not(
    page: Page, portal: Portal, restored: list[str]
) -> None:
    sign_in(page, portal, "ana")
    restored.append(open_first(page, "?sort=source"))
    wait_until_in(page, restored[0], "in_review")

    page.reload()
    page.wait_for_load_state("networkidle")

    assert state_of(page, restored[0])["mine"]
    page.go_back()
    wait_until_in(page, restored[0], "pending")


@pytest.mark.soak
def test_second_browser_may_look_and_not_decide(
    page: Page, second_browser: BrowserContext, portal: Portal, restored: list[str]
) -> None:
    sign_in(page, portal, "ana")
    restored.append(open_first(page, "?sort=source"))
    second = second_browser.new_page()
    sign_in(second, portal, "mira")

    second.goto(page.url)

    expect(second.locator("[data-lock-foreign]")).to_contain_text("ana is reviewing this")
    expect(second.locator("[data-decide]")).to_have_count(0)
    second.keyboard.press("c")
    assert state_of(second, restored[0])["holder"] == "ana"


@pytest.mark.soak
def test_stale_decision_is_told_and_the_text_kept(
    browser: Browser, second_browser: BrowserContext, portal: Portal, restored: list[str]
) -> None:
    context = browser.new_context(base_url=portal.url)
    page = context.new_page()
    sign_in(page, portal, "ana")
    restored.append(open_first(page, "?sort=source"))
    second = second_browser.new_page()
    sign_in(second, portal, "mira")
    second.goto(page.url)
    second.get_by_role("button", name="Take over").click()
    expect(second.locator("[data-lock-badge]")).to_contain_text("Yours until")

    page.keyboard.press("l")
    page.keyboard.type("our licence 77")
    page.keyboard.press("Enter")

    error = page.locator("[data-ask=clear] [data-error]")
    expect(error).to_contain_text("Taken over by mira at")
    expect(error).to_contain_text("nothing was saved")
    expect(page.locator("#clear-note")).to_have_value("our licence 77")
    page.reload()
    expect(page.locator("[data-lock-foreign]")).to_contain_text("mira")
    context.close()


def test_a_decision_of_a_lost_session_is_sent_after_signing_in(
    browser: Browser, portal: Portal, restored: list[str]
) -> None:
    context = browser.new_context(base_url=portal.url)
    page = context.new_page()
    sign_in(page, portal, "ana")
    uid = open_first(page, "?sort=source")
    restored.append(uid)
    page.keyboard.press("e")
    page.keyboard.type("whose is it?")
    context.clear_cookies(name="sessionid")

    page.keyboard.press("Enter")

    unsent = page.locator("[data-unsent]")
    expect(unsent).to_contain_text("1 not sent")
    expect(unsent).to_contain_text("You are signed out")
    # It was looked at ahead, and nobody has decided it.
    expect(page.locator("#review")).not_to_have_attribute("data-uid", uid)
    again = context.new_page()
    sign_in(again, portal, "ana")
    again.goto("/files/")
    wait_until_in(again, uid, "escalated")
    assert state_of(again, uid_of(page))["state"] == "pending"
    again.goto(f"/m/{uid}")
    expect(again.locator("#history")).to_contain_text("whose is it?")
    context.close()


@pytest.mark.soak
def test_both_sounds_keep_in_step_at_another_speed(
    page: Page, portal: Portal, restored: list[str]
) -> None:
    sign_in(page, portal, "ana")
    restored.append(open_first(page, "?reason=altered"))

    page.keyboard.press("p")
    page.wait_for_function(_IN_STEP, arg=2500, timeout=PATIENCE_MS)

    reference = page.locator("[data-audio=reference]")
    assert reference.evaluate("audio => audio.preservesPitch") is False
    assert abs(reference.evaluate("audio => audio.playbackRate") - 1.03) < 0.01
    page.keyboard.press("p")
    expect(page.locator("[data-play]")).to_have_attribute("aria-label", "Play")


@pytest.mark.soak
def test_both_sounds_come_together_where_a_jump_takes_long(
    page: Page, portal: Portal, restored: list[str]
) -> None:
    sign_in(page, portal, "ana")
    restored.append(open_first(page, "?reason=altered"))
    page.keyboard.press("p")
    page.wait_for_function(_IN_STEP, arg=500, timeout=PATIENCE_MS)

    page.evaluate(_SLOW_JUMPS)
    page.keyboard.press("ArrowRight")
    page.wait_for_function(f"() => !({_IN_STEP})(0)", polling=20)

    page.wait_for_function(_IN_STEP, arg=0, timeout=PATIENCE_MS)


def test_segments_are_walked_by_keyboard(page: Page, portal: Portal, restored: list[str]) -> None:
    sign_in(page, portal, "ana")
    restored.append(open_first(page, "?q=Awakening"))

    page.keyboard.press("]")

    expect(page.locator(".pair__which")).to_contain_text("Segment 2 of 2")
    assert page.url.endswith("segment=2")


@pytest.mark.soak
def test_keys_can_be_switched_off(page: Page, portal: Portal, restored: list[str]) -> None:
    sign_in(page, portal, "ana")
    uid = open_first(page, "?sort=source")
    restored.append(uid)
    page.keyboard.press("?")
    page.locator("[data-keys-switch]").uncheck()
    page.keyboard.press("Escape")

    page.keyboard.press("c")
    page.keyboard.press("r")

    expect(page.locator(".ask[open]")).to_have_count(0)
    assert state_of(page, uid)["state"] == "in_review"


def test_lock_that_ends_soon_is_told(page: Page, portal: Portal, restored: list[str]) -> None:
    page.clock.install()
    sign_in(page, portal, "ana")
    restored.append(open_first(page, "?sort=source"))
    expect(page.locator("[data-lock-ending]")).to_be_hidden()

    page.clock.fast_forward("13:30")

    expect(page.locator("[data-lock-ending]")).to_contain_text("Your lock ends in 1:")
    expect(page.get_by_role("button", name="Extend by 15 min")).to_be_visible()


def test_review_works_without_scripts(
    browser: Browser, portal: Portal, restored: list[str]
) -> None:
    context = browser.new_context(base_url=portal.url, java_script_enabled=False)
    plain = context.new_page()
    sign_in(plain, portal, "ana")
    plain.goto("/queue/?sort=matched")
    plain.get_by_role("link", name="Review next").click()
    first = uid_of(plain)

    plain.get_by_role("button", name="Confirm").click()
    second = uid_of(plain)
    plain.locator("[data-ask=reject] summary").click()
    plain.get_by_role("radio", name="Noise").check()
    plain.locator("[data-decide=reject] button.btn--primary").click()
    third = uid_of(plain)
    restored += [first, second, third]

    assert len({first, second, third}) == 3
    expect(plain.locator("[data-last]")).to_contain_text("Rejected")
    plain.get_by_role("button", name="Undo").click()
    assert uid_of(plain) == second
    context.close()


@pytest.mark.soak
def test_pages_without_scripts_do_the_main_work_and_say_what_they_cannot(
    browser: Browser, portal: Portal
) -> None:
    context = browser.new_context(base_url=portal.url, java_script_enabled=False)
    plain = context.new_page()
    sign_in(plain, portal, "ana")

    plain.goto("/queue/?view=waiting")
    note = plain.locator("noscript .note")
    expect(note).to_be_visible()
    expect(note).to_contain_text("JavaScript is off in this browser.")
    # No room is kept for a preview that cannot come.
    width = "node => node.getBoundingClientRect().width"
    assert plain.locator("[data-queue]").evaluate(width) > 1000
    plain.locator("#id_q").fill("Coherence")
    plain.get_by_role("button", name="Filter").last.click()
    assert "q=Coherence" in plain.url
    expect(plain.locator("[data-row]").first).to_contain_text("Coherence")

    plain.goto("/files/")
    plain.get_by_role("link", name="programme-evening.opus").first.click()
    here = plain.url
    plain.goto(f"{here}review/")
    expect(note.last).to_contain_text("Unknown sound cannot be judged in this list")
    note.last.locator("a").click()
    plain.locator("[name=start]").fill("1:35")
    plain.locator("[name=end]").fill("1:58")
    plain.get_by_role("button", name="Name or note").click()
    expect(plain.get_by_label("Title")).to_be_visible()

    plain.goto("/upload/")
    sound = audio.wav_bytes(audio.tune(77, 5))
    plain.set_input_files(
        "[name=files]", {"name": "plain.wav", "mimeType": "audio/wav", "buffer": sound}
    )
    plain.get_by_role("button", name="Upload and scan").click()
    expect(plain.locator(".upload-row")).to_contain_text("plain.wav")

    plain.goto("/reports/")
    plain.get_by_role("button", name="Run report").click()
    expect(plain.locator("h1")).to_be_visible()
    assert "/reports/" in plain.url
    context.close()


def test_the_estimate_of_speech_is_corrected_by_its_key(
    page: Page, portal: Portal, restored: list[str]
) -> None:
    sign_in(page, portal, "ana")
    page.goto("/queue/?reason=under_speech&sort=title")
    page.locator("[data-open]").first.press("Enter")
    page.wait_for_url("**/m/**")
    page.wait_for_load_state("networkidle")
    restored.append(uid_of(page))
    why = page.locator(".why-card")
    expect(why).to_contain_text("an estimate")

    for heard in ("not over most of it", "over most of it", "not over most of it"):
        page.keyboard.press("s")
        expect(why).to_contain_text(f"{heard}, as a person heard")

    expect(page.locator("#history")).to_contain_text("heard no speech over most of it")
    # The list that somebody came from is still the one that J walks through.
    assert "reason=under_speech" in page.url
    assert uid_of(page) == restored[-1]


@pytest.mark.soak
def test_own_decisions_are_listed_and_undone_by_keyboard(
    page: Page, portal: Portal, restored: list[str]
) -> None:
    sign_in(page, portal, "ana")
    first = open_first(page)
    restored.append(first)
    page.keyboard.press("c")
    expect(page.locator("[data-undo]")).to_be_visible()
    restored.append(uid_of(page))
    wait_until_in(page, restored[-1], "in_review")

    page.keyboard.press("Shift+Z")
    page.wait_for_url("**/queue/mine/")
    page.wait_for_load_state("networkidle")
    row = page.locator("[data-decisions] [data-row]").first
    expect(row).to_contain_text("confirmed it")
    page.keyboard.press("j")
    page.keyboard.press("z")

    wait_until_in(page, first, "pending")
    expect(row).to_contain_text("Something else has happened to the match since.")


def test_many_are_decided_from_the_queue_by_keyboard(
    page: Page, portal: Portal, restored: list[str]
) -> None:
    sign_in(page, portal, "mira")
    page.goto("/queue/?reason=altered")
    page.wait_for_load_state("networkidle")

    page.keyboard.press("Space")
    page.keyboard.press("Shift+ArrowDown")
    expect(page.locator("[data-count]")).to_have_text("2 selected")
    chosen = page.locator("tbody input:checked")
    values = [chosen.nth(at).get_attribute("value") or "" for at in range(2)]
    restored += [value.split(":")[0] for value in values]
    page.get_by_role("button", name="Confirm…").click()
    page.get_by_role("button", name="Confirm (2)").click()

    expect(page.locator("h1")).to_have_text("2 matches confirmed, 0 refused")
    page.get_by_role("button", name="Undo these 2 matches").click()
    expect(page.locator("h1")).to_have_text("2 matches are back in the queue, 0 refused")
