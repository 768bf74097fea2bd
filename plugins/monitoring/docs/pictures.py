"""The pictures of streams, while a radio on this machine plays the demo's music."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import Browser, Page

from docs.pictures import ROOT, URL, Screenshot, at, draw
from plugins.monitoring.benchmarks.radio import DOWN, Broken, Radio, encoded
from plugins.monitoring.streams.recording.clocks import Clock

_IMAGES = Path(__file__).parent / "images"
_ON_AIR_S, _AWAY_S, _SHOWN_S = 500, (150, 95), 315


def draw_live(browser: Browser) -> None:
    """Take the pictures, which takes five minutes: the radio is away for a while."""
    played = encoded(ROOT / "demo", _ON_AIR_S, "libmp3lame", ".mp3")
    with Radio(played, Clock(), [Broken(DOWN, *_AWAY_S)]) as sender:
        sender.titles = ["Harbour FM - Music for the night"]
        address = f"{sender.address}/live"

        def listened(page: Page) -> None:
            page.goto(f"{URL}/streams/add/")
            page.fill("#id_urls", address)
            page.fill("#id_station_name", "Harbour FM")
            page.get_by_role("button", name="Listen").click()
            page.get_by_text("What was heard").wait_for()

        def added(page: Page) -> None:
            listened(page)
            page.get_by_role("button", name="Add the stream").click()
            page.wait_for_url("**/streams/s_*/")
            page.goto(f"{page.url}edit/")
            page.fill("#id_away_minutes", "1")
            page.get_by_role("button", name="Save").click()
            page.wait_for_url("**/streams/s_*/")
            page.wait_for_timeout(1000 * max(0.0, _SHOWN_S - sender.now))
            page.goto(f"{URL}/streams/")

        def day(page: Page) -> None:
            page.goto(f"{URL}/streams/")
            page.locator("#now").get_by_role("link", name="Harbour FM").first.click()
            page.wait_for_url("**/streams/s_*/")

        for picture in (
            Screenshot("stream-add", "ana", listened, 640, is_live=True, folder=_IMAGES),
            Screenshot("streams", "ana", added, 420, is_live=True, folder=_IMAGES),
            Screenshot("stream-day", "ana", day, 1380, is_live=True, folder=_IMAGES),
            Screenshot(
                "stream-alarms", "ana", at("/streams/alarms/"), 360, is_live=True, folder=_IMAGES
            ),
        ):
            draw(browser, picture)
