"""Uploads that are interrupted, known already, or stopped."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from tests import audio
from tests.e2e.conftest import Portal, sign_in

pytestmark = pytest.mark.e2e

_PIECE_BYTES = 8 * 1024**2
_PIECES = "**/api/portal/v1/uploads/*-*/"


def large_file(folder: Path, seed: int) -> Path:
    """Make a file of two pieces."""
    path = folder / f"programme-{seed}.wav"
    path.write_bytes(audio.wav_bytes(audio.tune(seed, 300)))
    assert _PIECE_BYTES < path.stat().st_size < 2 * _PIECE_BYTES
    return path


def test_an_interrupted_upload_goes_on_where_it_stopped(
    browser: Browser, portal: Portal, tmp_path: Path
) -> None:
    # Not the usual page, which allows no failed request.
    page = browser.new_context(base_url=portal.url).new_page()
    path = large_file(tmp_path, 71)
    sent: list[str] = []

    def pass_first(route: Route) -> None:
        if route.request.method == "PATCH":
            sent.append(route.request.headers["upload-offset"])
        # As long as the page is open, the upload tries again and again.
        if len(sent) > 1:
            route.abort()
        else:
            route.continue_()

    sign_in(page, portal, "ana")
    page.goto("/upload/")
    page.route(_PIECES, pass_first)
    page.set_input_files("#id_files", path)
    page.locator("[data-start]").click()
    expect(page.locator("[data-row] [data-progress-text]")).to_contain_text("No connection")
    assert sent[:2] == ["0", str(_PIECE_BYTES)]
    page.on("dialog", lambda dialog: dialog.accept())
    page.goto("/upload/")
    page.unroute_all(behavior="wait")
    sent.clear()

    expect(page.locator("[data-interrupted]")).to_contain_text(path.name)

    def note(route: Route) -> None:
        sent.append(route.request.method)
        route.continue_()

    page.route(_PIECES, note)
    page.set_input_files("#id_files", path)
    expect(page.locator("[data-interrupted]")).to_be_hidden()
    page.locator("[data-start]").click()
    expect(page.locator("[data-row] [data-badge-text]")).to_have_text("No match", timeout=90_000)
    expect(page.locator("[data-interrupted]")).to_be_hidden()

    # The first piece did not travel again: one question, one piece.
    assert sent == ["HEAD", "PATCH"]
    page.context.close()


def test_bytes_that_the_container_holds_are_not_sent(
    page: Page, portal: Portal, tmp_path: Path
) -> None:
    path = tmp_path / "jingle.wav"
    path.write_bytes(audio.wav_bytes(audio.tune(72, 5)))
    posts: list[str] = []
    page.on(
        "request", lambda worker: posts.append(worker.url) if "/v1/uploads/" in worker.url else None
    )
    sign_in(page, portal, "ana")
    page.goto("/upload/")
    for text in ("No match", "Seen before"):
        page.set_input_files("#id_files", path)
        page.locator("[data-start]").click()
        row = page.locator("[data-row]").last
        expect(row.locator("[data-badge-text]")).to_have_text(text, timeout=60_000)

    assert len(posts) == 3  # announced, sent, finished
    page.fill("#id_programme", "Second Night")
    row.locator("[data-retry]").click()
    expect(row.locator("[data-badge-text]")).to_have_text("No match", timeout=60_000)
    row.locator("[data-name] a").click()
    expect(page.locator("main")).to_contain_text("Second Night")


@pytest.mark.soak
def test_an_upload_waits_for_the_connection_from_its_first_request_to_its_last(
    browser: Browser, portal: Portal, tmp_path: Path
) -> None:
    # Not the usual page, which allows no failed request.
    page = browser.new_context(base_url=portal.url).new_page()
    path = tmp_path / "interview.wav"
    path.write_bytes(audio.wav_bytes(audio.tune(74, 5)))
    tries: list[str] = []

    def fail_once(route: Route) -> None:
        url = route.request.url
        tries.append(url)
        if tries.count(url) == 1:
            route.abort()
        else:
            route.continue_()

    sign_in(page, portal, "ana")
    page.goto("/upload/")
    page.route("**/api/portal/v1/files/known/", fail_once)
    page.route("**/api/portal/v1/uploads/*-*/finish/", fail_once)
    page.set_input_files("#id_files", path)
    page.locator("[data-start]").click()

    expect(page.locator("[data-row] [data-badge-text]")).to_have_text("No match", timeout=90_000)
    assert len(tries) == 4
    page.context.close()


@pytest.mark.parametrize("when", ["waits", "is sent"])
def test_a_file_that_changes_meanwhile_is_told_as_changed(
    when: str, browser: Browser, portal: Portal, tmp_path: Path
) -> None:
    # Not the usual page, which allows no failed request.
    page = browser.new_context(base_url=portal.url).new_page()
    path = large_file(tmp_path, 75)

    def change(route: Route) -> None:
        with path.open("ab") as file:
            file.write(bytes(1000))
        route.continue_()

    sign_in(page, portal, "ana")
    page.goto("/upload/")
    page.set_input_files("#id_files", path)
    if when == "waits":
        path.write_bytes(path.read_bytes()[:-1000])
    else:
        page.route("**/api/portal/v1/uploads/", change)
    page.locator("[data-start]").click()

    row = page.locator("[data-row]")
    expect(row).to_contain_text(
        "The file has changed since you chose it; choose it again.", timeout=30_000
    )
    expect(row.locator("[data-badge-text]")).to_have_text("Error")
    expect(row.locator("[data-retry]")).to_be_hidden()
    page.context.close()


@pytest.mark.soak
def test_an_empty_file_is_refused_in_a_sentence_without_a_code(page: Page, portal: Portal) -> None:
    sign_in(page, portal, "ana")
    page.goto("/upload/")

    page.set_input_files("#id_files", {"name": "none.wav", "mimeType": "audio/wav", "buffer": b""})

    row = page.locator("[data-row]")
    expect(row).to_contain_text("none.wav is empty (0 bytes).")
    expect(row.locator(".request-id")).to_have_count(0)
