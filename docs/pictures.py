"""Makes the pictures of the documents from the running demo, or sheets of every page.

Run ``make demo`` with an empty ``var/`` in one terminal, then ``.venv/bin/python
docs/pictures.py`` in another; a new demo gives the same pictures, except for invisible
differences of shade.

``--live`` makes those of what goes on by itself instead, drops and what plug-ins have in
their ``docs/pictures.py``; it may take minutes. Run the demo with ``ACRPORTAL_ALLOW_PRIVATE_ADDRESSES=1 ACRPORTAL_DROP_ROOTS=/srv/drops``,
and ``.venv/bin/python -m docs.pictures --live`` with the same second setting.

``--sheets FOLDER`` takes every page instead, narrow to wide, light and dark, several to
a sheet, for inspection; add the addresses of pages that have no link. It prints pages
that are wider than their window, and the exit code reports them. Needs a Chromium on
the machine.
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
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import urlsplit

from PIL import Image, ImageDraw
from playwright.sync_api import Browser, Error, Page, sync_playwright

from acrportal.plugins import plugin_names

ROOT = Path(__file__).resolve().parent.parent
DATA_DIR = Path(os.environ.get("ACRPORTAL_DATA_DIR", ROOT / "var"))
URL = os.environ.get("ACRPORTAL_BASE_URL", "http://localhost:8000")
IMAGES = ROOT / "docs" / "images"

# Width of the window, width of its picture on a sheet, pictures per row, pictures per
# sheet.
WIDTHS = ((390, 390, 4, 8), (768, 600, 2, 4), (1280, 800, 2, 4), (1920, 1000, 2, 4))
THEMES = ("light", "dark")
# Only the pages on which people work all day get the widest window.
WORKPLACES = re.compile(r"/|/queue/|/m/[^/]+|/files/[^/]+/")
WIDEST = 1920
# Pictures end here; pages may be longer.
HEIGHT = 1700
_MARGIN, _LINE = 16, 18
_LEADS_NOWHERE = ("/static/", "/admin/", "/api/", "/accounts/logout")
# Pages of different rows look alike, so one per route is enough.
_IDS = re.compile(r"[0-9a-f-]{36}|\b[a-z]+_[0-9A-Za-z_]{6,}|\b\d+\b")
_WIDER = "document.documentElement.scrollWidth > document.documentElement.clientWidth"
_LINKS = """nodes => nodes.map(node => node.href?.baseVal ?? node.href)"""
# Pictures must not depend on the time or on speed.
_STILL = r"""() => {
  for (const time of document.querySelectorAll("time")) time.textContent = "today 9:30";
  for (const line of document.querySelectorAll("[data-lock-text], .page-head__sub"))
    if (line.childElementCount === 0)
      line.textContent = line.textContent
        .replace(/\d+:\d\d$/, "9:45").replace(/\w+day \d+ \w+/, "Monday 5 October");
}"""
# The port of a server on this machine is another one each time.
_LIVE = r"""() => {
  const named = text => text.replace(/http:\/\/127\.0\.0\.1:\d+/g, "https://harbour.example");
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) walker.currentNode.data = named(walker.currentNode.data);
  for (const field of document.querySelectorAll("textarea")) field.value = named(field.value);
}"""
_COLOURS = 256
_SETTLED_MS = 800
_ENDED = 2


def main() -> int:
    """Sign in to the demo and take the requested pictures."""
    args = _arguments()
    wide: list[str] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox"]
        )
        if args.live:
            _draw_live(browser)
        elif args.sheets is None:
            for picture in PICTURES:
                draw(browser, picture)
        else:
            page = browser.new_page()
            _sign_in(page, args.user)
            wide = _take_all(page, args.sheets, args.address)
        browser.close()
    for line in wide:
        sys.stdout.write(f"wider than its window: {line}\n")
    return 1 if wide else 0


def _arguments() -> argparse.Namespace:
    made = argparse.ArgumentParser(description=__doc__)
    made.add_argument("--sheets", type=Path, metavar="FOLDER")
    made.add_argument("--live", action="store_true")
    made.add_argument("--user", default="admin", help="who of the demo looks")
    made.add_argument("address", nargs="*", help="further pages, as /path/")
    return made.parse_args()


def _sign_in(page: Page, username: str) -> None:
    page.goto(f"{URL}/accounts/login/")
    page.fill("input[name=username]", username)
    page.fill("input[name=password]", password(username))
    page.click("button[type=submit]")


def password(username: str) -> str:
    logins = json.loads((DATA_DIR / "demo" / "logins.json").read_text())
    passwords = {login["username"]: login["password"] for login in logins}
    return str(passwords[username])


def _file_page(page: Page) -> None:
    page.goto(f"{URL}/files/?q=morning")
    page.get_by_role("link", name="programme-morning.opus", exact=True).first.click()


def _chosen_file(page: Page) -> None:
    page.goto(f"{URL}/upload/")
    programme = ROOT / "demo" / "programmes" / "programme-evening.opus"
    page.set_input_files("#id_files", programme)
    page.wait_for_selector("[data-row]")


def _chosen_matches(page: Page) -> None:
    page.goto(f"{URL}/queue/")
    for key in ("ArrowDown", "Space", "Shift+ArrowDown"):
        page.keyboard.press(key)
    page.wait_for_selector(".bulkbar", state="visible")


def _match(page: Page) -> None:
    page.goto(f"{URL}/queue/")
    page.get_by_role("link", name="Graveyard", exact=True).click()
    page.wait_for_url("**/m/*")


def _rejecting(page: Page) -> None:
    _match(page)
    page.wait_for_load_state("networkidle")
    page.keyboard.press("r")
    page.get_by_text("Reject: why?").wait_for()


def _excluding(page: Page) -> None:
    _match(page)
    page.wait_for_load_state("networkidle")
    page.keyboard.press("x")
    page.locator("[data-interval]").first.wait_for()


def _container(page: Page) -> None:
    page.goto(f"{URL}/containers/")
    page.get_by_role("link", name="Edit Demo programmes").click()


def at(address: str) -> Callable[[Page], None]:
    def go(page: Page) -> None:
        page.goto(f"{URL}{address}")

    return go


@dataclass(frozen=True, slots=True)
class Screenshot:
    """A picture of the documents: its user, the steps to its page, and its crop."""

    name: str
    user: str
    show: Callable[[Page], None]
    height: int
    is_live: bool = False
    """Whether its times are part of the picture."""
    folder: Path = IMAGES


PICTURES = (
    Screenshot("dashboard", "ana", at("/"), 620),
    Screenshot("upload", "ana", _chosen_file, 480),
    Screenshot("file-page", "ana", _file_page, 960),
    Screenshot("queue", "ana", _chosen_matches, 720),
    Screenshot("review-page", "ana", _match, 900),
    Screenshot("reject", "ana", _rejecting, 900),
    Screenshot("exclude", "ana", _excluding, 900),
    Screenshot("reports", "ana", at("/reports/"), 800),
    Screenshot("container", "admin", _container, 620),
    Screenshot("retention", "admin", at("/retention/"), 420),
    Screenshot("api", "admin", at("/api/docs/"), 620),
)


def draw(browser: Browser, picture: Screenshot) -> None:
    """Take one picture of the documents and reduce its size."""
    page = browser.new_page(
        viewport={"width": 1280, "height": picture.height},
        color_scheme="light",
        reduced_motion="reduce",
    )
    _sign_in(page, picture.user)
    # The first page shows the messages of the sign-in.
    page.wait_for_url(f"{URL}/")
    picture.show(page)
    page.wait_for_load_state("networkidle")
    # Players and ribbons need a moment after their data has arrived.
    page.wait_for_timeout(_SETTLED_MS)
    page.evaluate(_LIVE if picture.is_live else _STILL)
    taken = Image.open(io.BytesIO(page.screenshot(animations="disabled", caret="hide")))
    held = page.get_by_role("button", name="Release", exact=True)
    if held.count():
        held.first.click()
        page.wait_for_load_state("networkidle")
    page.close()
    few = taken.convert("RGB").quantize(_COLOURS, kmeans=1, dither=Image.Dither.NONE)
    few.save(picture.folder / f"{picture.name}.png", optimize=True)


def _draw_live(browser: Browser) -> None:
    """Take the pictures of what goes on: drops, and those of plug-ins."""
    draw(browser, Screenshot("drop", "ana", _dropped, 900, is_live=True))
    for name in plugin_names(ROOT / "plugins"):
        module = f"plugins.{name}.docs.pictures"
        if find_spec(module) is not None:
            import_module(module).draw_live(browser)


def _dropped(page: Page) -> None:
    """Add a drop with files: one is taken, one is refused, one waits."""
    folder = Path(os.environ["ACRPORTAL_DROP_ROOTS"]) / "recorder"
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "interviews").mkdir(parents=True)
    page.goto(f"{URL}/drops/new/")
    page.fill("#id_place", str(folder))
    page.fill("#id_name", "Recorder of the studio")
    page.select_option("#id_every_seconds", "15")
    page.get_by_role("button", name="Add the drop").click()
    page.wait_for_url("**/drops/d_*/")
    music = ROOT / "demo"
    shutil.copy(music / "graveyard.opus", folder / "evening.opus")
    shutil.copy(music / "awakening.opus", folder / "morning.opus")
    (folder / "morning.opus.json").write_text("{")
    shutil.copy(music / "castle.opus", folder / "interviews" / "monday.opus")
    while len([*folder.glob("done/*.opus"), *folder.glob("failed/*.opus")]) < _ENDED:
        page.wait_for_timeout(1000)
    page.reload()


def _take_all(page: Page, folder: Path, further: list[str]) -> list[str]:
    """Write the sheets; return the pages that are wider than their window."""
    folder.mkdir(parents=True, exist_ok=True)
    addresses = list(_addresses(page, further))
    wide = set()
    for width, shown, across, per_sheet in WIDTHS:
        for theme in THEMES:
            page.set_viewport_size({"width": width, "height": 900})
            page.emulate_media(
                color_scheme="dark" if theme == "dark" else "light", reduced_motion="reduce"
            )
            taken = []
            for address in addresses:
                if width == WIDEST and not WORKPLACES.fullmatch(_plain(address)):
                    continue
                picture, is_wide = _take(page, address)
                taken.append((address, _scaled(picture, shown)))
                if is_wide:
                    wide.add(f"{address} at {width} px")
            sheets = _sheets(taken, shown, across, per_sheet)
            for number, sheet in enumerate(sheets, start=1):
                sheet.save(folder / f"{width}-{theme}-{number:02}.png")
    return sorted(wide)


def _addresses(page: Page, first: list[str]) -> Iterator[str]:
    """Follow links from the dashboard; return one address of each kind of page."""
    waiting, kinds = deque(["/", *first]), set[str]()
    while waiting:
        address = waiting.popleft()
        kind = _IDS.sub("*", _plain(address))
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


def _plain(address: str) -> str:
    return address.partition("?")[0]


def _open(page: Page, address: str) -> bool:
    """Open an address; return whether it is a complete page, not a file or fragment."""
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
    taken: list[tuple[str, Image.Image]], width: int, across: int, per_sheet: int
) -> Iterator[Image.Image]:
    """Arrange pictures on sheets, each with its URL as the caption."""
    for first in range(0, len(taken), per_sheet):
        rows = [
            taken[at : at + across]
            for at in range(first, min(first + per_sheet, len(taken)), across)
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
