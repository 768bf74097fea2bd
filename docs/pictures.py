"""Makes the pictures of the documents from the running demo.

``make demo`` in one terminal, then ``.venv/bin/python docs/pictures.py`` in another.
Needs a Chromium on the machine.
"""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

ROOT = Path(__file__).resolve().parent.parent
DATA_DIR = Path(os.environ.get("ACRPORTAL_DATA_DIR", ROOT / "var"))
URL = os.environ.get("ACRPORTAL_BASE_URL", "http://localhost:8000")
IMAGES = ROOT / "docs" / "images"


def main() -> None:
    """Sign in as the demo's reviewer and take each picture."""
    logins = json.loads((DATA_DIR / "demo" / "logins.json").read_text())
    password = {one["username"]: one["password"] for one in logins}["ana"]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox"]
        )
        page = browser.new_page(viewport={"width": 1280, "height": 960})
        page.goto(f"{URL}/accounts/login/")
        page.fill("input[name=username]", "ana")
        page.fill("input[name=password]", password)
        page.click("button[type=submit]")
        _file_page(page)
        browser.close()


def _file_page(page: Page) -> None:
    page.goto(f"{URL}/files/?q=morning")
    page.get_by_role("link", name="programme-morning.opus", exact=True).first.click()
    page.wait_for_load_state("networkidle")
    page.screenshot(path=IMAGES / "file-page.png")


if __name__ == "__main__":
    main()
