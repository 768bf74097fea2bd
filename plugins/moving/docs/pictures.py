"""The pictures of moving in, from an account on this machine."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

from playwright.sync_api import Browser, FilePayload, Page

from docs.pictures import ROOT, URL, Screenshot, draw, password
from plugins.moving.tests import account as there

_IMAGES = Path(__file__).parent / "images"


def draw_live(browser: Browser) -> None:
    """Take the pictures of a move and of the audio that follows it."""
    with there.serving(_account().answer) as address:

        def moved(page: Page) -> None:
            page.goto(f"{URL}/admin/scanning/cloudaccount/add/")
            page.fill("#id_name", "Console")
            page.fill("#id_base_url", address)
            page.fill("#id_token", there.TOKEN)
            page.get_by_role("button", name="Save", exact=True).click()
            page.fill("input[name=password]", password("admin"))
            page.get_by_role("button", name="Confirm", exact=True).click()
            page.get_by_text("was added successfully").wait_for()
            page.goto(f"{URL}/catalogue/move-in/")
            page.select_option("#id_account", label="Console")
            page.get_by_role("button", name="Look at the account").click()
            page.get_by_role("button", name="Move everything in").click()
            page.get_by_role("heading", name="Callbacks").wait_for()
            page.get_by_role("button", name="Undo this import…").wait_for()

        def paired(page: Page) -> None:
            page.goto(f"{URL}/catalogue/add-audio/")
            page.select_option("#id_bucket", label="Songs")
            page.set_input_files("#id_archive", _masters())
            page.get_by_role("button", name="Pair the files").click()
            page.get_by_role("heading", name="Pairs").wait_for()

        draw(browser, Screenshot("move-in", "admin", moved, 1180, folder=_IMAGES))
        draw(browser, Screenshot("add-audio", "admin", paired, 860))


def _account() -> there.Account:
    songs, idents = there.bucket(8881, "Songs"), there.bucket(8882, "Idents")
    titles = ("Graveyard", "Awakening", "Castle", "Harbour lights")
    files = [
        there.bucket_file(number, title, user_defined={"artist": "A. Example"})
        for number, title in enumerate(titles, start=1)
    ]
    radio = {"id": 9, "title": "Harbour FM", "url": "https://harbour.example/live"}
    return there.Account(
        {
            "buckets": [songs, idents, there.bucket(8883, "Radio", type="Live")],
            "buckets/8881/files": files,
            "buckets/8882/files": [there.bucket_file(9, "Ident")],
            "buckets/8883/channels": [radio],
            "fs-containers": [there.container(77, "Uploads", [songs, idents])],
            "fs-containers/77/files": [
                there.scanned_file(number, song) for number, song in enumerate(files)
            ],
            "bm-cs-projects": [],
        }
    )


def _masters() -> FilePayload:
    """Return a ZIP of the demo's music, under names that pair and one that does not."""
    names = {"graveyard": "A-1", "awakening": "masters/A-2", "castle": "take 3"}
    memory = io.BytesIO()
    with zipfile.ZipFile(memory, "w") as archive:
        for music, name in names.items():
            archive.write(ROOT / "demo" / f"{music}.opus", f"{name}.opus")
    return {"name": "masters.zip", "mimeType": "application/zip", "buffer": memory.getvalue()}
