"""Makes the pictures of the documents from the running demo, or looks at every page.

``make demo`` in one terminal, then ``.venv/bin/python docs/pictures.py`` in another.
With ``--sheets FOLDER`` every page is taken instead, narrow to wide, light and dark,
so many onto a sheet, to be looked through; addresses that nothing links to may follow.
Pages that are wider than their window are named, and the exit code says so. Needs a
Chromium on the machine.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import re
import shutil
import sys
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

from PIL import Image, ImageDraw
from playwright.sync_api import Error, Page, sync_playwright

ROOT = Path(__file__).resolve().parent.parent
DATA_DIR = Path(os.environ.get("ACRPORTAL_DATA_DIR", ROOT / "var"))
URL = os.environ.get("ACRPORTAL_BASE_URL", "http://localhost:8000")
IMAGES = ROOT / "docs" / "images"

# Width of the window, of its picture on a sheet, and how many lie side by side.
WIDTHS = ((390, 390, 4), (768, 768, 2), (1280, 800, 2))
THEMES = ("light", "dark")
PER_SHEET = 8
# What is further down a page is left out.
HEIGHT = 1700
_MARGIN, _LINE = 16, 18
_LEADS_NOWHERE = ("/static/", "/admin/", "/api/", "/accounts/logout")
# A page of a row looks like the page of every other row.
_IDS = re.compile(r"[0-9a-f-]{36}|\b[a-z]+_[0-9A-Za-z_]{6,}|\b\d+\b")
_WIDER = "document.documentElement.scrollWidth > document.documentElement.clientWidth"
_LINKS = """nodes => nodes.map(node => node.href?.baseVal ?? node.href)"""


def main() -> int:
    """Sign in to the demo and take the pictures that are asked for."""
    args = _arguments()
    wide: list[str] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox"]
        )
        page = browser.new_page(viewport={"width": 1280, "height": 960})
        if args.sheets is None:
            _sign_in(page, "ana")
            _file_page(page)
        else:
            _sign_in(page, args.user)
            wide = _take_all(page, args.sheets, args.address)
        browser.close()
    for line in wide:
        sys.stdout.write(f"wider than its window: {line}\n")
    return 1 if wide else 0


def _arguments() -> argparse.Namespace:
    made = argparse.ArgumentParser(description=__doc__)
    made.add_argument("--sheets", type=Path, metavar="FOLDER")
    made.add_argument("--user", default="admin", help="who of the demo looks")
    made.add_argument("address", nargs="*", help="further pages, as /path/")
    return made.parse_args()


def _sign_in(page: Page, username: str) -> None:
    logins = json.loads((DATA_DIR / "demo" / "logins.json").read_text())
    password = {one["username"]: one["password"] for one in logins}[username]
    page.goto(f"{URL}/accounts/login/")
    page.fill("input[name=username]", username)
    page.fill("input[name=password]", password)
    page.click("button[type=submit]")


def _file_page(page: Page) -> None:
    page.goto(f"{URL}/files/?q=morning")
    page.get_by_role("link", name="programme-morning.opus", exact=True).first.click()
    page.wait_for_load_state("networkidle")
    page.screenshot(path=IMAGES / "file-page.png")


def _take_all(page: Page, folder: Path, further: list[str]) -> list[str]:
    """Write the sheets; return the pages that are wider than their window."""
    folder.mkdir(parents=True, exist_ok=True)
    addresses = list(_addresses(page, further))
    wide = set()
    for width, shown, across in WIDTHS:
        for theme in THEMES:
            page.set_viewport_size({"width": width, "height": 900})
            page.emulate_media(
                color_scheme="dark" if theme == "dark" else "light",
                reduced_motion="reduce",
            )
            taken = []
            for address in addresses:
                picture, is_wide = _take(page, address)
                taken.append((address, _scaled(picture, shown)))
                if is_wide:
                    wide.add(f"{address} at {width} px")
            for number, sheet in enumerate(_sheets(taken, shown, across), start=1):
                sheet.save(folder / f"{width}-{theme}-{number:02}.png")
    return sorted(wide)


def _addresses(page: Page, first: list[str]) -> Iterator[str]:
    """Follow links from the dashboard; return one address of each kind of page."""
    waiting, kinds = deque(["/", *first]), set[str]()
    while waiting:
        address = waiting.popleft()
        kind = _IDS.sub("*", address.partition("?")[0])
        if kind in kinds or address.startswith(_LEADS_NOWHERE):
            continue
        kinds.add(kind)
        if not _open(page, address):
            continue
        yield address
        for href in page.eval_on_selector_all("a[href]", _LINKS):
            link = urlsplit(str(href))
            if link.netloc == urlsplit(URL).netloc:
                waiting.append(f"{link.path}?{link.query}" if link.query else link.path)


def _open(page: Page, address: str) -> bool:
    """Open an address; tell whether it is a page: no file, no part of one."""
    try:
        answer = page.goto(f"{URL}{address}")
    except Error:
        return False
    is_whole: bool = page.evaluate("document.doctype !== null")
    return answer is not None and answer.status == 200 and is_whole


def _take(page: Page, address: str) -> tuple[Image.Image, bool]:
    """Return the picture of a page, and whether it is wider than its window."""
    page.goto(f"{URL}{address}", wait_until="load")
    is_wide: bool = page.evaluate(_WIDER)
    height: int = page.evaluate("document.documentElement.scrollHeight")
    width: int = page.evaluate("innerWidth")
    taken = page.screenshot(
        full_page=True,
        clip={"x": 0, "y": 0, "width": width, "height": min(height, HEIGHT)},
        animations="disabled",
    )
    return Image.open(io.BytesIO(taken)).convert("RGB"), is_wide


def _scaled(picture: Image.Image, width: int) -> Image.Image:
    height = round(picture.height * width / picture.width)
    return picture.resize((width, height), Image.Resampling.LANCZOS)


def _sheets(
    taken: list[tuple[str, Image.Image]], width: int, across: int
) -> Iterator[Image.Image]:
    """Lay so many pictures onto each sheet, under their addresses."""
    for first in range(0, len(taken), PER_SHEET):
        rows = [
            taken[at : at + across]
            for at in range(first, min(first + PER_SHEET, len(taken)), across)
        ]
        heights = [max(picture.height for _address, picture in row) for row in rows]
        size = (
            across * (width + _MARGIN) + _MARGIN,
            sum(heights) + len(rows) * (_LINE + _MARGIN) + _MARGIN,
        )
        sheet = Image.new("RGB", size, "#8a8a8a")
        draw, top = ImageDraw.Draw(sheet), _MARGIN
        for row, height in zip(rows, heights, strict=True):
            for number, (address, picture) in enumerate(row):
                left = _MARGIN + number * (width + _MARGIN)
                draw.text((left, top), address, fill="black")
                sheet.paste(picture, (left, top + _LINE))
            top += height + _LINE + _MARGIN
        yield sheet


if __name__ == "__main__":
    sys.exit(main())
