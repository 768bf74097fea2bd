"""Lists by keyboard: walk, tick, decide with a preview, undo; live rows of colleagues."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.e2e.conftest import Portal, sign_in, uid_of, wait_until_in
from tests.e2e.test_two_people import act, following

pytestmark = pytest.mark.e2e


def current(page: Page) -> str:
    """Return the uid of the focused row."""
    return str(page.evaluate("document.activeElement.dataset.row ?? ''"))


def open_list(page: Page, portal: Portal, address: str) -> None:
    """Sign in as a reviewer and open a list with its scripts loaded."""
    sign_in(page, portal, "ana")
    page.goto(address)
    page.wait_for_load_state("networkidle")


@pytest.mark.parametrize("address", ["/queue/?view=waiting", "/matches/"])
def test_rows_are_equally_high_beside_the_preview(page: Page, portal: Portal, address: str) -> None:
    page.set_viewport_size({"width": 1280, "height": 900})
    open_list(page, portal, address)

    heights = page.evaluate(
        "[...document.querySelectorAll('[data-list] tbody tr')]"
        ".map(row => Math.round(row.getBoundingClientRect().height))"
    )

    assert len(heights) > 5
    assert len(set(heights)) == 1, heights


def test_an_unticked_box_is_empty_in_the_dark_theme_and_enter_sends_nothing(
    page: Page, portal: Portal
) -> None:
    page.emulate_media(color_scheme="dark")
    open_list(page, portal, "/queue/?view=waiting")
    box = page.locator("tbody input[type=checkbox]").first

    expect(box).to_have_css("background-color", "rgba(0, 0, 0, 0)")
    expect(box).to_have_css("appearance", "none")
    box.check()
    expect(box).not_to_have_css("background-color", "rgba(0, 0, 0, 0)")
    # Each button of the list is an act of its own, and none of them is meant.
    box.press("Enter")
    expect(box).to_be_checked()
    box.uncheck()


def test_easy_cases_never_leave_the_list(page: Page, portal: Portal, restored: list[str]) -> None:
    open_list(page, portal, "/queue/?view=waiting")

    page.keyboard.press("j")
    first = current(page)
    restored.append(first)
    expect(page.locator("[data-match]")).to_have_attribute("data-uid", first)
    page.keyboard.press("c")
    expect(page.locator("[data-match]")).not_to_have_attribute("data-uid", first)
    wait_until_in(page, first, "confirmed")
    decided = page.locator(f'[data-row="{first}"]')
    expect(decided).to_contain_text("Confirmed")
    # Its state takes no room from the name of the file, which stays on one line.
    assert decided.locator(".cell-source").evaluate("name => name.getClientRects().length") == 1

    # Escape leaves the note, and the row is under the keys again.
    second = current(page)
    page.keyboard.press("n")
    expect(page.locator("#note-line")).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.locator(f'[data-row="{second}"]')).to_be_focused()

    restored.append(second)
    for key in ["r", "3", "Enter"]:
        page.keyboard.press(key)
    wait_until_in(page, second, "rejected")
    expect(page.locator("[data-match]")).not_to_have_attribute("data-uid", second)
    assert "/queue/" in page.url

    # Looking at a row takes no lock, so an undone match is free again.
    page.keyboard.press("z")
    wait_until_in(page, second, "pending")
    expect(page.locator(f'[data-row="{second}"]')).to_be_focused()
    page.keyboard.press("z")
    wait_until_in(page, first, "pending")


@pytest.mark.soak
def test_undone_decision_is_offered_no_more(
    page: Page, portal: Portal, restored: list[str]
) -> None:
    open_list(page, portal, "/queue/?view=waiting")
    uids = [row.get_attribute("data-row") for row in page.locator("[data-row]").all()]
    locator = page.locator("[data-match]")

    expect(locator).to_have_attribute("data-uid", uids[0] or "")
    restored.append(uids[0] or "")
    page.keyboard.press("c")
    wait_until_in(page, restored[0], "confirmed")
    # Loads the matches below once more, which now name the decision as the last one.
    for key, at in [("j", 2), ("k", 1)]:
        page.keyboard.press(key)
        expect(locator).to_have_attribute("data-uid", uids[at] or "")
    page.wait_for_load_state("networkidle")
    page.keyboard.press("z")
    wait_until_in(page, restored[0], "pending")
    expect(locator).to_have_attribute("data-uid", uids[0] or "")

    for at in (1, 2):
        page.keyboard.press("j")
        expect(locator).to_have_attribute("data-uid", uids[at] or "")
        expect(page.locator("[data-undo]")).to_have_count(0)


@pytest.mark.soak
def test_two_quick_keys_undo_two_decisions(page: Page, portal: Portal, restored: list[str]) -> None:
    # Both keys wait for the second decision, whose answer takes a while.
    page.add_init_script(
        "const fetched = window.fetch; window.fetch = async (...asked) => {"
        " const answer = await fetched(...asked);"
        " if (asked[1]?.method === 'POST') await new Promise((go) => setTimeout(go, 800));"
        " return answer; };"
    )
    open_list(page, portal, "/queue/?view=waiting")
    page.keyboard.press("j")
    for _ in range(2):
        uid = current(page)
        restored.append(uid)
        expect(page.locator("[data-match]")).to_have_attribute("data-uid", uid)
        page.keyboard.press("c")
        expect(page.locator("[data-match]")).not_to_have_attribute("data-uid", uid)
        # The list hears of the decision before its answer comes.
        wait_until_in(page, uid, "confirmed")
        page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
        expect(page.locator(f'[data-row="{uid}"]')).to_contain_text("Confirmed")

    page.keyboard.press("z")
    page.keyboard.press("z")

    for uid in restored:
        wait_until_in(page, uid, "pending")


@pytest.mark.soak
def test_the_queue_opens_its_first_row_and_undoes_an_earlier_decision(
    page: Page, portal: Portal, restored: list[str]
) -> None:
    open_list(page, portal, "/queue/?view=waiting")
    expect(page.locator("[data-row]").first).to_be_focused()
    restored.append(current(page))
    expect(page.locator("[data-match]")).to_have_attribute("data-uid", restored[0])
    page.keyboard.press("c")
    wait_until_in(page, restored[0], "confirmed")

    page.goto("/queue/?view=waiting")
    page.wait_for_load_state("networkidle")
    page.keyboard.press("z")

    wait_until_in(page, restored[0], "pending")


def test_the_last_match_of_a_list_is_shown_as_decided(
    page: Page, portal: Portal, restored: list[str]
) -> None:
    open_list(page, portal, "/queue/?view=waiting&q=Laboratory")

    page.keyboard.press("j")
    restored.append(current(page))
    expect(page.locator("[data-match]")).to_have_attribute("data-uid", restored[0])
    for key in ["r", "3", "Enter"]:
        page.keyboard.press(key)

    expect(page.locator("[data-match] .bar__why")).to_contain_text("Rejected")
    page.keyboard.press("z")
    expect(page.locator("[data-match] [data-decide=confirm]")).to_be_visible()


def test_ticked_rows_are_decided_together(page: Page, portal: Portal) -> None:
    open_list(page, portal, "/queue/?view=waiting")

    for key in ["j", "x", "j", "x"]:
        page.keyboard.press(key)
    expect(page.locator("[data-count]")).to_have_text("2 selected")
    page.keyboard.press("Escape")
    expect(page.locator("tbody input:checked")).to_have_count(0)
    # A range adds to what is ticked, and going back gives back the range alone.
    for key in ["x", "j", "j", "j", "Shift+J", "Shift+J"]:
        page.keyboard.press(key)
    expect(page.locator("[data-count]")).to_have_text("4 selected")
    page.keyboard.press("Shift+K")
    expect(page.locator("[data-count]")).to_have_text("3 selected")
    page.keyboard.press("e")

    expect(page.locator("h1")).to_have_text("Escalate: 3 matches")


def test_the_way_back_leads_to_the_same_row_and_ticks(page: Page, portal: Portal) -> None:
    open_list(page, portal, "/queue/?view=waiting")
    for key in ["j", "j", "x", "j", "x"]:
        page.keyboard.press(key)
    row, ticks = current(page), page.locator("tbody input:checked")

    page.keyboard.press("r")
    expect(page.locator("h1")).to_have_text("Reject: 2 matches")
    page.wait_for_load_state()
    page.keyboard.press("3")
    expect(page.get_by_role("radio", name="Shared loop")).to_be_checked()
    page.keyboard.press("?")
    expect(page.locator("#key-list")).to_be_visible()
    page.keyboard.press("Escape")
    page.keyboard.press("Escape")

    expect(page.locator("[data-count]")).to_have_text("2 selected")
    expect(ticks).to_have_count(2)
    assert current(page) == row
    page.keyboard.press("Escape")
    page.keyboard.press("Enter")
    page.wait_for_url("**/m/**")
    page.go_back()
    expect(page.locator(f'[data-row="{row}"]')).to_be_focused()


def test_tagging_ticked_files_begins_in_the_first_field(page: Page, portal: Portal) -> None:
    sign_in(page, portal, "ana")
    page.goto("/files/")
    page.wait_for_load_state("networkidle")
    for key in ["j", "x", "t"]:
        page.keyboard.press(key)
    expect(page.get_by_label("Territories")).to_be_focused()

    page.keyboard.type("germ")
    page.get_by_role("option", name="Germany").wait_for()
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Remove Germany")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator("h1")).to_have_text("Add territories and tags: 1 file")
    page.wait_for_load_state()
    page.keyboard.press("Escape")

    expect(page.locator("[data-count]")).to_have_text("1 selected")


def test_row_shows_what_a_colleague_did(
    page: Page, portal: Portal, browser: Browser, restored: list[str]
) -> None:
    sign_in(page, portal, "ana")
    page.goto("/queue/?view=waiting")
    row = page.locator("[data-row]").last
    uid = row.get_attribute("data-row") or ""
    restored.append(uid)
    context = browser.new_context(base_url=portal.url)
    other_page = context.new_page()
    sign_in(other_page, portal, "mira")

    other_page.goto(f"/m/{uid}")
    expect(page.locator(f'[data-row="{uid}"] .cell-lock')).to_contain_text("mira")
    other_page.keyboard.press("c")

    expect(page.locator(f'[data-row="{uid}"]')).to_contain_text("Confirmed")
    # Deciding has opened and locked the colleague's next match.
    expect(other_page.locator("#review")).not_to_have_attribute("data-uid", uid)
    restored.append(uid_of(other_page))
    wait_until_in(other_page, restored[-1], "in_review")
    context.close()


@pytest.mark.soak
def test_refused_decision_stays_in_its_row_when_the_row_is_drawn_again(
    portal: Portal, browser: Browser
) -> None:
    # The page fixture would fail on the refused request, which is meant here.
    contexts = [browser.new_context(base_url=portal.url) for _ in range(2)]
    page, other_page = (context.new_page() for context in contexts)
    sign_in(page, portal, "ana")
    page.route("**/queue/changes/**", lambda route: route.abort())
    page.goto("/queue/?view=waiting")
    page.wait_for_load_state("networkidle")
    uid = page.locator("[data-row]").first.get_attribute("data-row") or ""
    row = page.locator(f'[data-row="{uid}"]')
    sign_in(other_page, portal, "mira")
    other_page.goto(f"/m/{uid}")
    expect(other_page.locator("#review")).to_be_visible()

    expect(page.locator("[data-match]")).to_have_attribute("data-uid", uid)
    page.keyboard.press("c")
    expect(row.locator(".row-refused")).to_contain_text("mira")
    page.unroute("**/queue/changes/**")

    expect(row.locator(".cell-lock")).to_contain_text("mira", timeout=15_000)
    expect(row.locator(".row-refused")).to_contain_text("mira")
    other_page.get_by_role("button", name="Release").click()
    for context in contexts:
        context.close()


@pytest.mark.soak
def test_a_recording_that_is_retired_meanwhile_is_decided_in_the_open_preview(
    page: Page, portal: Portal, restored: list[str]
) -> None:
    status = """
from catalogue.models import Recording
from review.models import Match
match = Match.objects.get(uid="{uid}")
Recording.objects.filter(pk=match.recording_id).update(status="{status}")
"""
    open_list(page, portal, "/queue/?view=waiting")
    locator = page.locator("[data-match]")
    expect(locator.locator(".bar")).to_be_visible()
    uid = locator.get_attribute("data-uid") or ""
    restored.append(uid)

    portal.shell.run(status.format(uid=uid, status="retired"))
    try:
        expect(locator).to_contain_text("The recording was retired")
        page.keyboard.press("c")
        wait_until_in(page, uid, "confirmed")
    finally:
        portal.shell.run(status.format(uid=uid, status="ready"))


@pytest.mark.soak
def test_a_key_that_does_nothing_says_why_on_a_narrow_screen(
    page: Page, portal: Portal, browser: Browser
) -> None:
    page.set_viewport_size({"width": 768, "height": 900})
    open_list(page, portal, "/queue/?view=waiting")
    uid = page.locator("[data-row]").first.get_attribute("data-row") or ""
    context = browser.new_context(base_url=portal.url)
    other_page = context.new_page()
    sign_in(other_page, portal, "mira")
    other_page.goto(f"/m/{uid}")
    expect(page.locator(f'[data-row="{uid}"] .cell-lock')).to_contain_text("mira")

    page.keyboard.press("j")
    page.keyboard.press("r")
    expect(page.locator(".preview .bar__why")).to_contain_text("mira is reviewing this")
    expect(page.locator(".preview .bar__why")).to_be_visible()
    page.keyboard.press("j")
    expect(page.locator(".preview .bar")).to_be_hidden()
    page.keyboard.press("h")
    expect(page.locator(".preview [data-notice]")).to_contain_text(
        "This match is pending. You can: Confirm, Clear, Reject"
    )

    other_page.get_by_role("button", name="Release").click()
    context.close()


@pytest.mark.soak
def test_sound_goes_on_with_the_next_match(page: Page, portal: Portal, restored: list[str]) -> None:
    open_list(page, portal, "/queue/?view=waiting")

    page.keyboard.press("j")
    expect(page.locator("[data-match]")).to_have_attribute("data-uid", current(page))
    restored.append(current(page))
    page.keyboard.press("p")
    expect(page.locator(".preview .pair.is-playing")).to_be_visible()
    page.keyboard.press("c")

    expect(page.locator("[data-match]")).not_to_have_attribute("data-uid", restored[0])
    expect(page.locator(".preview .pair.is-playing")).to_be_visible()
    wait_until_in(page, restored[0], "confirmed")


LONG = """
from datetime import timedelta
from catalogue.models import Recording
from review.models import Match
match = Match.objects.filter(state="pending").order_by("pk")[0]
print(match.scanned_file.uid, match.recording_id, match.recording.title)
Recording.objects.filter(pk=match.recording_id).update(
    title="Unbroken_" * 10, label="Unbroken_" * 10
)
match.scanned_file.container.name = "Unbroken_" * 10
match.scanned_file.container.save()
match.scanned_file.tags = ["Unbroken_" * 6]
match.scanned_file.save()
match.due_at = match.created_at - timedelta(days=12)
match.save()
"""
SHORT = """
from catalogue.models import Recording
from scanning.models import Container
from scanning.models import ScannedFile
from review.models import Match
Recording.objects.filter(pk={pk}).update(title={title!r}, label="")
ScannedFile.objects.filter(uid={file!r}).update(tags=[])
Container.objects.filter(files__uid={file!r}).update(name="Demo programmes")
Match.objects.filter(scanned_file__uid={file!r}).update(due_at=None)
"""
_WIDER = """() => [document.documentElement, ...document.querySelectorAll(".table-wrap")]
  .filter(node => node.scrollWidth > node.clientWidth + 1)
  .map(node => `${node.className}: ${node.scrollWidth} > ${node.clientWidth}`)"""


@pytest.fixture
def file_of_long_names(portal: Portal) -> Iterator[str]:
    """Give the recording of a match a name without a space; return the match's file."""
    file, recording, title = portal.shell.run(LONG).strip().split(" ", 2)
    yield file
    portal.shell.run(SHORT.format(pk=recording, title=title, file=file))


@pytest.mark.soak
def test_long_names_push_no_column_out_of_sight(
    page: Page, portal: Portal, file_of_long_names: str
) -> None:
    sign_in(page, portal, "ana")
    lists = ("/", "/files/", "/queue/", "/matches/", "/catalogue/buckets/1001/")
    for path in (f"/files/{file_of_long_names}/", *lists):
        page.goto(path)
        for width in (390, 768, 1280):
            page.set_viewport_size({"width": width, "height": 900})
            expect(page.locator("main .table").first).to_be_visible()
            assert page.evaluate(_WIDER) == [], f"{path} {width}"


@pytest.mark.soak
def test_what_somebody_decides_is_no_news_to_them(
    page: Page, portal: Portal, second_browser: BrowserContext, restored: list[str]
) -> None:
    page.set_viewport_size({"width": 1400, "height": 900})
    open_list(page, portal, "/matches/?state=pending")
    news = page.locator("[data-list-changed]")
    page.keyboard.press("j")
    uid = current(page)
    restored.append(uid)
    expect(page.locator("[data-match]")).to_have_attribute("data-uid", uid)

    # It leaves the list, but waits for a decision still.
    page.keyboard.press("e")
    page.keyboard.type("whose is it?")
    page.keyboard.press("Enter")
    expect(page.locator(f'[data-row="{uid}"]')).to_contain_text("Escalated")
    wait_until_in(page, uid, "escalated")
    expect(news).to_be_hidden()
    # Nor is what they decide in another tab.
    tab = page.context.new_page()
    second = str(page.locator("[data-row]").nth(3).get_attribute("data-row"))
    tab.goto(f"/m/{second}")
    restored += [second, following(tab)]
    tab.keyboard.press("c")
    wait_until_in(page, second, "confirmed")
    page.evaluate("window.dispatchEvent(new Event('online'))")
    page.wait_for_load_state("networkidle")
    expect(news).to_be_hidden()

    mira = second_browser.new_page()
    sign_in(mira, portal, "mira")
    row = page.locator("[data-row]:not(.is-done)").last
    third = str(row.get_attribute("data-row"))
    restored.append(third)
    act(mira, third, "escalate", note="whose is it?")
    expect(news).to_be_visible()
    expect(news).to_contain_text("The list has changed")


def test_the_first_page_of_a_new_browser_is_in_its_zone(browser: Browser, portal: Portal) -> None:
    context = browser.new_context(base_url=portal.url, timezone_id="Asia/Tokyo")
    page = context.new_page()
    sign_in(page, portal, "ana")
    # A page with messages stays, as they are shown once.
    page.goto("/files/")
    context.clear_cookies(name="browser_zone")

    page.goto("/files/")

    expect(page.locator("html")).to_have_attribute("data-zone", "Asia/Tokyo")
    (cookie,) = (
        candidate for candidate in context.cookies() if candidate["name"] == "browser_zone"
    )
    assert cookie["expires"] > 0, "it outlives the browser's session"
    context.close()
