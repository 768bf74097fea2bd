"""A manager imports a catalogue, and files with odd names, in a real browser."""

from __future__ import annotations

import re
import zipfile
from datetime import date
from pathlib import Path

import pytest
from openpyxl import Workbook
from playwright.sync_api import Page, expect

from tests import audio
from tests.e2e.conftest import PATIENCE_MS, Portal, sign_in

pytestmark = pytest.mark.e2e

NAMES = ['He said "play".wav', "שיר\u200f.wav"]


@pytest.fixture
def table(tmp_path: Path) -> Path:
    """Return a workbook like those that people make."""
    book = Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.append(["Custom ID", "Title", "Artists", "File", "Release date", "UPC", "Exclude"])
    interval = "00:00:01.000-00:00:02.000"
    released = date(2026, 1, 2)
    sheet.append([1001, "Brought", "A|B", "a.wav", released, 2000000000015, interval])
    sheet.append([None] * 7)
    sheet.append([1002, "Brought too", "A", "missing.wav", None, None, None])
    book.save(tmp_path / "catalogue.xlsx")
    return tmp_path / "catalogue.xlsx"


def test_a_workbook_with_a_zip_is_checked_imported_and_unchanged(
    page: Page, portal: Portal, table: Path
) -> None:
    archive = table.with_name("audio.zip")
    with zipfile.ZipFile(archive, "w") as made:
        made.writestr("folder/a.wav", audio.wav_bytes(audio.tune(77, 8)))
    sign_in(page, portal, "mira")

    def check() -> None:
        page.goto("/catalogue/import/")
        page.get_by_label("Bucket", exact=True).select_option(label="Demo catalogue")
        page.set_input_files("input[name=table]", str(table))
        page.set_input_files("input[name=archive]", str(archive))
        page.get_by_role("button", name="Check the table").click()

    check()
    begin = page.get_by_role("button", name="Import the rows without faults")
    expect(begin).to_be_visible(timeout=PATIENCE_MS)
    expect(page.locator("body")).to_contain_text(
        "No file with this name was uploaded with the table"
    )
    expect(page.locator("body")).to_contain_text("New exclusions")
    begin.click()
    expect(page.locator("body")).to_contain_text("Imported", timeout=PATIENCE_MS)
    check()

    expect(begin).to_be_visible(timeout=PATIENCE_MS)
    counts = page.get_by_role("region", name="Counts")
    expect(counts).to_contain_text(
        re.compile(r"New\s*0\s[\s\S]*Unchanged\s*1\s+With faults, not imported\s*1")
    )


@pytest.mark.soak
def test_odd_names_stay_what_they_are_and_turn_nothing_around(
    page: Page, portal: Portal, tmp_path: Path
) -> None:
    for seed, name in enumerate(NAMES, start=78):
        (tmp_path / name).write_bytes(audio.wav_bytes(audio.tune(seed, 4)))
    sign_in(page, portal, "mira")

    page.goto("/upload/")
    page.set_input_files("input[type=file]", [str(tmp_path / name) for name in NAMES])
    locator = page.locator("[data-row] [data-name]").last
    assert locator.evaluate("each => getComputedStyle(each).unicodeBidi") == "isolate"
    page.click("[data-start]")
    for row in page.locator("[data-row]").all():
        expect(row.locator("[data-open]")).to_be_visible(timeout=PATIENCE_MS)

    page.goto("/files/")
    expect(page.locator("table")).to_contain_text('He said "play".wav')
    expect(page.locator("table")).to_contain_text("שיר.wav")
