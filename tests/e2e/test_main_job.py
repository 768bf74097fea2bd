"""A person does the main job in a real browser, with their own audio."""

from __future__ import annotations

import csv
import re
from pathlib import Path

import pytest
from django.conf import settings as django_settings
from playwright.sync_api import Page, expect

from tests import audio
from tests.e2e.conftest import PATIENCE_MS, Portal, sign_in, uid_of, wait_until_in

pytestmark = pytest.mark.e2e

DEMO = Path(django_settings.BASE_DIR) / "demo"


@pytest.fixture
def own_files(tmp_path: Path) -> list[Path]:
    """Make a re-encoded excerpt of a demo recording, and a file that is not audio."""
    import av
    import numpy as np

    with av.open(str(DEMO / "castle.opus")) as source:
        resampler = av.AudioResampler("s16", "mono", audio.RATE)
        pieces = [
            part.to_ndarray()[0]
            for frame in source.decode(audio=0)
            for part in resampler.resample(frame)
        ]
    whole = (np.concatenate(pieces) / 32768).astype(np.float32)
    excerpt = whole[10 * audio.RATE : 30 * audio.RATE]
    music = tmp_path / "my excerpt.mp3"
    audio.encode(excerpt, music, codec="mp3")
    text = tmp_path / "notes.wav"
    text.write_text("these are my notes, not audio " * 50)
    return [music, text]


def test_upload_watch_review_and_export(
    page: Page, portal: Portal, own_files: list[Path], restored: list[str]
) -> None:
    sign_in(page, portal, "ana")

    page.goto("/upload/")
    page.set_input_files("input[type=file]", [str(path) for path in own_files])
    page.click("[data-start]")
    good = page.locator("[data-row]", has_text="my excerpt.mp3")
    bad = page.locator("[data-row]", has_text="notes.wav")
    expect(bad).to_contain_text("This is a text and no sound", timeout=PATIENCE_MS)
    good_link = good.locator("[data-name] a")
    expect(good_link).to_be_visible(timeout=PATIENCE_MS)
    good_link.click()

    expect(page.locator("h1")).to_contain_text("my excerpt.mp3")
    expect(page.locator("#file-body")).to_contain_text("Castle", timeout=PATIENCE_MS)
    expect(page.locator("[data-ribbon]")).to_be_visible()
    page.get_by_role("link", name="Review Castle").click()
    page.wait_for_url("**/m/**")
    uid = uid_of(page)

    page.get_by_role("button", name="Confirm").first.click()
    expect(page.locator("body")).to_contain_text("Confirmed")
    # The next match is open now, and locked.
    expect(page.locator("#review")).not_to_have_attribute("data-uid", uid)
    restored.append(uid_of(page))
    wait_until_in(page, restored[0], "in_review")

    page.goto("/matches/?state=confirmed")
    with page.expect_download() as download:
        page.get_by_role("button", name="Export CSV").click()
    rows = list(
        csv.DictReader(Path(download.value.path()).read_text(encoding="utf-8-sig").splitlines())
    )
    assert [(row["source_name"], row["title"]) for row in rows] == [("my excerpt.mp3", "Castle")]
    assert rows[0]["decided_by"] == "ana"


def test_file_page_plays_and_seeks_by_keyboard(page: Page, portal: Portal) -> None:
    sign_in(page, portal, "vera")
    page.goto("/files/")
    page.get_by_role("link", name="programme-morning.opus", exact=True).first.click()
    player = page.locator("[data-audio]")
    player.evaluate(
        "audio => new Promise(r => audio.readyState ? r() : audio.onloadedmetadata = r)"
    )

    page.keyboard.press("]")

    page.wait_for_function(
        "document.querySelector('[data-audio]').currentTime > 8", timeout=PATIENCE_MS
    )
    assert 8 < player.evaluate("audio => audio.currentTime") < 11


def test_pages_work_without_scripts(portal: Portal, page: Page) -> None:
    context = page.context.browser.new_context(  # type: ignore[union-attr]  # it has one
        base_url=portal.url, java_script_enabled=False
    )
    plain = context.new_page()
    sign_in(plain, portal, "ana")

    plain.goto("/upload/")
    plain.set_input_files("input[type=file]", str(DEMO / "palace.opus"))
    plain.click("form#upload button[type=submit]")

    expect(plain.locator("body")).to_contain_text("palace.opus")
    plain.goto("/files/")
    expect(plain.locator("table")).to_contain_text("palace.opus")
    context.close()


def test_files_can_be_dropped_and_the_page_follows_the_scan(page: Page, portal: Portal) -> None:
    sign_in(page, portal, "mira")
    page.goto("/upload/")
    content = list((DEMO / "graveyard.opus").read_bytes())
    page.evaluate("window.sameDocument = true")

    page.evaluate(
        """content => {
            const file = new File([new Uint8Array(content)], "dropped.opus");
            const data = new DataTransfer();
            data.items.add(file);
            const zone = document.querySelector("[data-dropzone]");
            for (const type of ["dragenter", "dragover", "drop"]) {
                zone.dispatchEvent(new DragEvent(
                    type, {dataTransfer: data, bubbles: true, cancelable: true}));
            }
        }""",
        content,
    )
    page.click("[data-start]")

    row = page.locator("[data-row]", has_text="dropped.opus")
    expect(row.locator("[data-badge-text]")).to_contain_text("1 match", timeout=PATIENCE_MS)
    assert page.evaluate("window.sameDocument")


def test_file_page_goes_from_queued_to_done_without_reload(page: Page, portal: Portal) -> None:
    sign_in(page, portal, "mira")
    page.goto("/files/?q=evening")
    page.get_by_role("link", name="programme-evening.opus", exact=True).first.click()
    page.get_by_role("button", name="Rescan").click()
    page.evaluate("window.sameDocument = true")

    expect(page.locator("#file-body")).to_have_attribute(
        "data-announce", re.compile("^Ready"), timeout=PATIENCE_MS
    )

    expect(page.locator("[data-ribbon]")).to_be_visible()
    assert page.evaluate("window.sameDocument")


def test_no_card_of_the_dashboard_is_taller_than_its_text(page: Page, portal: Portal) -> None:
    sign_in(page, portal, "ana")

    page.goto("/")
    empty = page.locator(".dashboard__column > .card").evaluate_all(
        """cards => cards.map(card => {
          const inside = card.lastElementChild.getBoundingClientRect();
          return Math.round(card.getBoundingClientRect().bottom - inside.bottom);
        })"""
    )

    assert len(empty) == 7
    assert max(empty) <= 2, empty
