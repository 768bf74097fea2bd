"""A whole programme by keyboard: walk through its music, submit its sheet, approve it."""

from __future__ import annotations

import json

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.conftest import Portal, sign_in

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
    programme="Long Evening", length_ms=3_600_000, sha256="f" * 64)
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


_FORGET = """
from reports.models import CueEntry
import json
print(json.dumps([(e.start_ms, e.end_ms, e.title, e.note) for e in CueEntry.objects.filter(
    scanned_file__name="programme-morning.opus")]))
CueEntry.objects.filter(scanned_file__name="programme-morning.opus").delete()
"""

_COPIES = """
from catalogue.models import Recording
from django.db import transaction
from review.services.folding import fold_scan
from scanning.models import Container
from tests.factories.scanning import ScanFactory, ScannedFileFactory, make_detection

container = Container.objects.order_by("pk").first()
recordings = list(Recording.objects.order_by("pk")[:2])
for number, name in enumerate(["parade.mp4", "parade.mp3", "parade.opus"]):
    file = ScannedFileFactory.create(container=container, name=name,
        length_ms=654_000 + 300 * number, sha256=str(number) * 64)
    scan = ScanFactory.create(scanned_file=file)
    for recording, start in zip(recordings, (60_000, 200_000)):
        at = start + 400 * number
        make_detection((at, at + 30_000, 0, 30_000), scan=scan, recording=recording)
    with transaction.atomic():
        fold_scan(scan=scan)
    print(file.uid)
"""
_DECIDED = """
from review.models import Match
matches = Match.objects.filter(scanned_file__name__startswith="parade.")
print(sorted(matches.values_list("state", flat=True)))
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


def wait_for_pane(page: Page, title: str = "") -> None:
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


def test_an_hour_is_reviewed_to_an_approved_sheet_by_few_keys(page: Page, portal: Portal) -> None:
    uid = portal.shell.run(_MAKE).strip()
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
        wait_for_pane(page)
        expect(rows.nth(number)).to_have_class("is-current")
        keys.press("c")
    # Unknown sound stands between the matches.
    wait_for_pane(page, "Unknown sound")
    keys.press("n")
    page.keyboard.type("Hymn")
    keys.pressed += len("Hymn")
    keys.press("Enter")
    expect(page.locator("tr", has_text="Hymn")).to_have_attribute("data-done", "")
    expect(open_count).to_have_text("11")
    # A rejection asks for its reason; it is taken back once.
    wait_for_pane(page)
    keys.press("r", "1", "Enter")
    expect(open_count).to_have_text("10")
    wait_for_pane(page)
    keys.press("z")
    # Undo leads back to its row.
    expect(rows.nth(5)).to_have_class("is-current")
    wait_for_pane(page)
    keys.press("r", "2", "Enter")
    expect(open_count).to_have_text("10")
    for _ in range(4):
        wait_for_pane(page)
        keys.press("c")
    wait_for_pane(page, "Unknown sound")
    keys.press("u")
    for _ in range(3):
        wait_for_pane(page)
        keys.press("c")
    # Two of the last rows are sound; the plays between them are decided already.
    wait_for_pane(page, "Unknown sound")
    keys.press("o")
    wait_for_pane(page, "Unknown sound")
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
    stand = portal.shell.run(_STAND.format(after=_DELETE))
    assert stand.strip() == str(
        ["approved", ["confirmed", "rejected"], ["Hymn", "unknown", "unknown"]]
    )


def test_a_group_of_copies_is_decided_once_in_the_walk(page: Page, portal: Portal) -> None:
    uid = portal.shell.run(_COPIES).split()[0]
    page.set_viewport_size({"width": 1440, "height": 900})
    sign_in(page, portal, "mira")
    page.goto(f"/files/{uid}/review/")
    rows = page.locator("tr[data-row]")
    for number in range(2):
        wait_for_pane(page)
        expect(rows.nth(number)).to_have_class("is-current")
        expect(page.locator("[data-copies]")).to_contain_text("in 2 copies")
        page.keyboard.press("m")
        page.wait_for_url("**/queue/decide/?**")
        expect(page.locator("h1")).to_have_text("Confirm: 3 matches")
        expect(page.locator("[data-focus-form] :focus")).to_have_count(1)
        page.keyboard.press("Enter")
        expect(page.locator("h1")).to_contain_text("3 matches confirmed")
        # The walk goes on with the next row.
        expect(page.get_by_role("link", name="Back to the list")).to_be_focused()
        page.keyboard.press("Enter")
        page.wait_for_url(f"**/files/{uid}/review/")

    expect(page.locator("[data-count-of=open]")).to_have_text("0")
    assert portal.shell.run(_DECIDED).strip() == str(["confirmed"] * 6)


def test_a_range_is_dragged_or_taken_by_keys_and_named(page: Page, portal: Portal) -> None:
    sign_in(page, portal, "ana")
    page.goto("/files/?q=programme-morning")
    page.get_by_role("link", name="programme-morning.opus").first.click()
    page.wait_for_load_state("networkidle")
    start, end = page.locator("[name=start]"), page.locator("[name=end]")
    box = page.locator("[data-seek]").first.bounding_box()
    assert box is not None
    middle = box["y"] + box["height"] / 2

    page.mouse.move(box["x"] + box["width"] / 2, middle)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] / 4, middle, steps=3)
    page.mouse.up()

    dragged = start.input_value(), end.input_value()
    assert all(dragged)
    expect(page.locator("[data-range-drawn]")).to_be_visible()
    expect(page.locator("[data-clock]")).to_have_text("0:00.000")
    # A click moves the playhead, from where the keys take the range.
    page.mouse.click(box["x"] + box["width"] / 10, middle)
    page.keyboard.press("i")
    for _ in range(3):
        page.keyboard.press("ArrowRight")
    page.keyboard.press("o")
    assert (start.input_value(), end.input_value()) != dragged
    page.keyboard.press("n")
    page.wait_for_url("**/range/?**")
    page.get_by_label("Title").fill("Hymn")
    page.get_by_role("textbox", name="Note").fill("a choir")
    page.keyboard.press("Enter")
    page.wait_for_url("**/files/*/")
    expect(page.locator(".range__list")).to_contain_text("Hymn")
    # Its own page has it again.
    page.locator(".range__list a").click()
    expect(page.get_by_label("Title")).to_have_value("Hymn")

    ((begin, until, *counts),) = json.loads(portal.shell.run(_FORGET))
    assert until - begin == 3_000
    assert counts == ["Hymn", "a choir"]
