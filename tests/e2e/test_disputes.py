"""Claims by keyboard: disputed, answered and reopened beside their list."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.e2e.conftest import Portal, open_first, post, sign_in, state_of, uid_of, wait_until_in

pytestmark = pytest.mark.e2e

# Matches of their own, because decisions on claims take more than one undo to give back.
_CLAIMS = """
from base.accounts.models import User
from review.choices import MatchState
from scanning.models import Container
from tests.factories import deciding
from tests.factories.review import make_match
from tests.factories.scanning import ScannedFileFactory, ScanFactory
ana = User.objects.get(username="ana")
container = Container.objects.get(name="Demo programmes")
recordings = container.buckets.get().recordings.order_by("pk")
for number, recording in enumerate(recordings[:{count}]):
    file = ScannedFileFactory.create(container=container, name=f"claim-{{number}}.wav")
    match = make_match(scan=ScanFactory.create(scanned_file=file), recording=recording)
    match = deciding.confirm(match=match, user=ana, version=match.version)
    if {disputed}:
        match = deciding.record(
            match=match, user=ana, version=match.version, code="licensed",
            statement="Contract 12 covers it.",
        )
    print(match.uid)
"""
_GONE = """
from django.utils import timezone
from review.models import Dispute, Match
from scanning.models import ScannedFile
files = ScannedFile.objects.filter(name__startswith="claim-")
Dispute.objects.filter(match__scanned_file__in=files).update(status="undone")
Match.objects.filter(scanned_file__in=files).update(state="suppressed")
files.update(deleted_at=timezone.now())
"""
# A busy server, from the moment at which the test says so.
_SLOW = """
const real = window.fetch;
window.fetch = async (address, options) => {
  if (window.slow && String(address).includes(window.slow)) {
    await new Promise((go) => setTimeout(go, 400));
  }
  return real(address, options);
};
"""


@pytest.fixture
def disputed(portal: Portal) -> Iterator[list[str]]:
    """Return three disputed matches, as the list shows them."""
    yield portal.shell.run(_CLAIMS.format(count=3, disputed=True)).split()
    portal.shell.run(_GONE)


@pytest.fixture
def confirmed(portal: Portal) -> Iterator[list[str]]:
    """Return two confirmed matches."""
    yield portal.shell.run(_CLAIMS.format(count=2, disputed=False)).split()
    portal.shell.run(_GONE)


def _press(page: Page, *keys: str) -> None:
    for key in keys:
        page.keyboard.press(key)


def test_disputes_are_answered_without_leaving_the_list(
    page: Page, portal: Portal, disputed: list[str]
) -> None:
    sign_in(page, portal, "mira")
    page.goto("/queue/disputes/")
    page.wait_for_load_state("networkidle")
    locator, rows = page.locator("[data-match]"), page.locator("[data-row]")

    _press(page, "j")
    expect(locator).to_have_attribute("data-uid", disputed[0])
    expect(locator).to_contain_text("Contract 12 covers it.")
    expect(locator.locator(".preview__dispute")).to_contain_text("claim confirmed by ana")
    _press(page, "?")
    expect(page.locator("[data-keys-here]")).to_contain_text("Answer a dispute")
    _press(page, "Escape")
    for number, (key, state) in enumerate([("h", "upheld"), ("w", "upheld"), ("r", "released")]):
        expect(locator).to_have_attribute("data-uid", disputed[number])
        _press(page, key)
        expect(locator.locator(".ask[open] textarea")).to_be_focused()
        page.keyboard.type("It is ours.")
        _press(page, "Enter")
        wait_until_in(page, disputed[number], state)

    expect(rows.nth(0)).to_contain_text("Claim upheld")
    expect(rows.nth(1)).to_contain_text("Withdrawn")
    expect(rows.nth(2)).to_contain_text("Claim released")
    expect(locator.locator(".bar__why")).to_contain_text("Released")
    # The other side may have the answer already, so this undo asks first.
    _press(page, "z")
    expect(locator.locator(".ask[open]")).to_contain_text("The dispute is open again")
    assert state_of(page, disputed[2])["state"] == "released"
    _press(page, "Enter")
    wait_until_in(page, disputed[2], "disputed")
    expect(rows.nth(2)).not_to_contain_text("Claim released")
    assert page.url.endswith("/queue/disputes/")


def test_a_released_claim_is_reopened_by_its_key(
    page: Page, portal: Portal, confirmed: list[str]
) -> None:
    sign_in(page, portal, "mira")
    page.goto("/matches/?q=claim-0.wav")
    page.wait_for_load_state("networkidle")

    _press(page, "j", "r")
    for state in ("released", "pending"):
        expect(page.locator(".ask[open] textarea")).to_be_focused()
        page.keyboard.type("A contract turned up.")
        _press(page, "Enter")
        wait_until_in(page, confirmed[0], state)
        if state == "released":
            expect(page.locator("[data-match] .bar__why")).to_contain_text("Released")
            _press(page, "b")


@pytest.mark.soak
def test_going_on_while_a_dispute_is_saved_opens_the_next_strip(
    page: Page, portal: Portal, confirmed: list[str]
) -> None:
    page.add_init_script(_SLOW)
    sign_in(page, portal, "ana")
    page.goto("/matches/?q=claim-&sort=created")
    page.wait_for_load_state("networkidle")
    _press(page, "j", "d")
    expect(page.locator(".ask[open] [value=licensed]")).to_be_focused()
    page.evaluate("window.slow = '/changes/'")

    _press(page, "1", "Enter")
    expect(page.locator(".bar__undo")).to_be_visible()
    _press(page, "j", "d")

    expect(page.locator("[data-row]").first).to_contain_text("Disputed")
    expect(page.locator("[data-match]")).to_have_attribute("data-uid", confirmed[1])
    expect(page.locator(".ask[open] [value=licensed]")).to_be_focused()
    assert state_of(page, confirmed[0])["state"] == "disputed"


@pytest.mark.soak
def test_a_verb_pressed_on_the_way_is_meant_for_the_next_match(
    page: Page, portal: Portal, restored: list[str]
) -> None:
    page.add_init_script(_SLOW)
    sign_in(page, portal, "ana")
    first = open_first(page, "?view=waiting")
    page.evaluate("window.slow = '/m/'")

    # The second match was looked at ahead; the third is still on its way.
    _press(page, "j", "j", "r")

    expect(page.locator(".ask[open] [name=code]").first).to_be_focused()
    restored.append(uid_of(page))
    assert restored[0] != first
    assert page.url.split("?")[0].endswith(restored[0])


@pytest.mark.soak
def test_an_answer_that_comes_too_late_leaves_the_first_one(
    portal: Portal, browser: Browser, disputed: list[str]
) -> None:
    # The page fixture would fail on the refused request, which is meant here.
    contexts = [browser.new_context(base_url=portal.url) for _ in range(2)]
    page, other_page = (context.new_page() for context in contexts)
    sign_in(page, portal, "mira")
    page.goto("/queue/disputes/")
    page.wait_for_load_state("networkidle")
    row = page.locator("tr[data-row]:has-text('claim-0.wav')")
    _press(page, "j", "h")
    expect(page.locator(".ask[open] textarea")).to_be_focused()
    page.keyboard.type("It is ours.")
    sign_in(other_page, portal, "admin")
    version = state_of(other_page, disputed[0])["version"]
    fields = {"verb": "release_claim", "version": version, "note": "It is theirs."}
    post(other_page, f"/m/{disputed[0]}/decide", fields)
    expect(row).to_contain_text("Claim released")
    expect(page.locator(".preview__notice")).to_contain_text("has changed")

    _press(page, "Enter")

    expect(page.locator(".ask[open] .strip__error")).to_contain_text("admin")
    expect(page.locator(".ask[open] textarea")).to_have_value("It is ours.")
    expect(row).to_contain_text("nothing was saved")
    expect(row).to_have_class(re.compile("is-done"))
    for context in contexts:
        context.close()
