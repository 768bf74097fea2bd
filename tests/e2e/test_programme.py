"""A whole programme by keyboard: walk through its music, submit its sheet, approve it."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.conftest import Portal, run_in, sign_in

pytestmark = pytest.mark.e2e

MOST_KEYS = 60

_MAKE = """
from catalogue.models import Recording
from django.db import transaction
from review.services.folding import fold_scan
from scanning.models import Container
from tests.factories.scanning import ScanFactory, ScannedFileFactory, make_detection

container = Container.objects.order_by("pk").first()
file = ScannedFileFactory.create(container=container, name="long-evening.wav",
    programme="Long Evening", duration_ms=3_600_000, sha256="f" * 64)
unknown = [{"kind": "no_match", "start_ms": at * 60_000, "end_ms": at * 60_000 + 20_000}
    for at in (5, 20, 35, 50)]
scan = ScanFactory.create(scanned_file=file, unmatched=unknown)
recordings = list(Recording.objects.order_by("pk")[:12])
starts = [at * 60_000 for at in (1, 2, 3, 4, 8, 10, 12, 15, 18, 22, 25, 28)]
for number, (recording, start) in enumerate(zip(recordings, starts)):
    plays = [(start, start + 30_000, 0, 30_000)]
    if number < 4:
        again = 2_400_000 + number * 200_000
        plays.append((again, again + 10_000, 0, 10_000))
    make_detection(*plays, scan=scan, recording=recording)
with transaction.atomic():
    fold_scan(scan=scan)
print(file.uid)
"""
_STAND = """
from reports.cue_approval import approval_of
from reports.cue_sheets import cue_sheet
from scanning.models import ScannedFile
file = ScannedFile.objects.get(name="long-evening.wav")
print([
    approval_of(file).state,
    sorted({{match.state for match in file.matches.all()}}),
    [cue.entry.title or cue.entry.kind for cue in cue_sheet(file=file).cues if cue.entry],
])
{after}
"""
_DELETE = """
from datetime import UTC, datetime
ScannedFile.objects.filter(pk=file.pk).update(deleted_at=datetime.now(tz=UTC))
"""


class Keys:
    """A keyboard that counts its presses."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.pressed = 0

    def press(self, *keys: str) -> None:
        for key in keys:
            self.page.keyboard.press(key)
            self.pressed += 1


def shown(page: Page, title: str = "") -> None:
    """Wait until the pane shows the current row."""
    page.wait_for_function(
        """title => {
            const row = document.querySelector("tr.is-current");
            const node = document.querySelector("[data-preview] [data-match]");
            return row && node && row.dataset.subject === node.dataset.uid
                && row.dataset.done === undefined && node.innerText.includes(title);
        }""",
        arg=title,
    )


def test_an_hour_is_reviewed_to_an_approved_sheet_by_few_keys(
    page: Page, portal: Portal
) -> None:
    uid = run_in(portal, _MAKE).strip()
    page.set_viewport_size({"width": 1440, "height": 900})
    sign_in(page, portal, "ana")
    keys = Keys(page)
    page.goto(f"/files/{uid}/")
    page.wait_for_load_state("networkidle")

    keys.press("r")
    page.wait_for_url("**/review/")
    rows = page.locator("tr[data-row]")
    expect(rows).to_have_count(20)
    open_count = page.locator("[data-count-of=open]")
    expect(open_count).to_have_text("16")
    # The first row is open at once; a confirmation leads to the next one.
    for number in range(4):
        shown(page)
        expect(rows.nth(number)).to_have_class("is-current")
        keys.press("c")
    # Unknown sound stands between the matches.
    shown(page, "Unknown sound")
    keys.press("n")
    page.keyboard.type("Hymn")
    keys.pressed += len("Hymn")
    keys.press("Enter")
    expect(page.locator("tr", has_text="Hymn")).to_have_attribute("data-done", "")
    expect(open_count).to_have_text("11")
    # A rejection asks for its reason; it is taken back once.
    shown(page)
    keys.press("r", "1", "Enter")
    expect(open_count).to_have_text("10")
    shown(page)
    keys.press("z")
    # Undo leads back to its row.
    expect(rows.nth(5)).to_have_class("is-current")
    shown(page)
    keys.press("r", "2", "Enter")
    expect(open_count).to_have_text("10")
    for _ in range(4):
        shown(page)
        keys.press("c")
    shown(page, "Unknown sound")
    keys.press("u")
    for _ in range(3):
        shown(page)
        keys.press("c")
    # Two of the last rows are sound; the plays between them are decided already.
    shown(page, "Unknown sound")
    keys.press("o")
    shown(page, "Unknown sound")
    keys.press("u")
    expect(page.locator("[data-walk-done]")).to_be_visible()
    keys.press("Enter")
    page.wait_for_url("**/cue-sheet/")
    page.wait_for_load_state("networkidle")
    keys.press("s")
    expect(page.locator("h1 + .badge")).to_have_text("Submitted")

    page.context.clear_cookies()
    sign_in(page, portal, "mira")
    page.goto(f"/files/{uid}/cue-sheet/")
    page.wait_for_load_state("networkidle")
    keys.press("a")
    expect(page.locator("h1 + .badge")).to_have_text("Approved")

    assert keys.pressed <= MOST_KEYS
    stand = run_in(portal, _STAND.format(after=_DELETE))
    assert stand.strip() == str(
        ["approved", ["confirmed", "rejected"], ["Hymn", "unknown", "unknown"]]
    )
