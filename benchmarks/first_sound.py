"""Measures in a browser how long the next match takes to sound after a decision.

A reviewer listens and confirms one match after the other: in the preview beside the queue,
then on the review page. The clock runs from the key to the ``playing`` event of the next
match's source.
"""

from __future__ import annotations

import io
import shutil
import subprocess
import wave
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from tests.wire.live import free_port, serving

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from base.accounts.models import User
    from review.models import Match

SECONDS = 30
RATE = 22_050
# A person listens before deciding; meanwhile the next match is loaded.
LISTENS_MS = 2_000
PATIENCE_MS = 180_000
_ARGUMENTS = ["--no-sandbox", "--autoplay-policy=no-user-gesture-required"]
_WATCH = """() => {
  window.taken = [];
  let pressed = 0;
  let before = null;
  const source = () => document.querySelector("[data-match] [data-audio=source]");
  document.addEventListener("keydown", (event) => {
    if (event.key !== "c") return;
    pressed = performance.now();
    before = source();
  }, true);
  document.addEventListener("playing", (event) => {
    // A segment that begins again is not the next match.
    if (!pressed || event.target !== source() || event.target === before) return;
    window.taken.push(performance.now() - pressed);
    pressed = 0;
  }, true);
}"""


def measure(person: User, decisions: int) -> dict[str, list[float]]:
    """Return the milliseconds of each decision by place; they are undone afterwards.

    Each place takes ``decisions``. The person needs to be a manager, who may decide every
    match that waits.
    """
    from web.portal.review.queue import Queue

    chosen = list(Queue(user=person).rows()[: 2 * decisions + 50])
    _give_sound(chosen)
    try:
        port = free_port()
        with serving(port, log=subprocess.DEVNULL):
            url = f"http://127.0.0.1:{port}"
            return _decide_in_browser(url, person, decisions)
    finally:
        _undo(chosen, person)


def _give_sound(matches: Sequence[Match]) -> None:
    """Store one sound, and name it as the audio of the files and recordings."""
    from django.core.files.base import ContentFile

    from catalogue.models import Recording
    from scanning.models import ScannedFile

    storage = ScannedFile._meta.get_field("media").storage
    name = storage.save("first-sound.wav", ContentFile(_noise()))
    facts = {"container": "wav", "codec": "pcm_s16le"}
    ScannedFile.objects.filter(pk__in=[match.scanned_file_id for match in matches]).update(
        media=name, facts=facts, sha256="0" * 64
    )
    Recording.objects.filter(pk__in=[match.recording_id for match in matches]).update(
        audio=name, facts=facts, audio_sha256="0" * 64
    )


def _noise() -> bytes:
    samples = np.random.default_rng(1).normal(0, 3000, SECONDS * RATE)
    made = io.BytesIO()
    with wave.open(made, "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(RATE)
        sound.writeframes(samples.astype("<i2").tobytes())
    return made.getvalue()


def _decide_in_browser(url: str, person: User, decisions: int) -> dict[str, list[float]]:
    from playwright.sync_api import sync_playwright

    name, value = _session_of(person)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=_ARGUMENTS
        )
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        page.set_default_timeout(PATIENCE_MS)
        page.context.add_cookies([{"name": name, "value": value, "url": url}])
        beside: list[float] = []
        while len(beside) < decisions:
            beside += _decide_one_page(page, url, decisions - len(beside))
        alone = _decide_one_by_one(page, url, decisions)
        browser.close()
    return {"preview beside the queue": beside, "review page": alone}


def _decide_one_page(page: Page, url: str, decisions: int) -> list[float]:
    """Decide all but the last matches of a page, so that a next one is always there."""
    page.goto(f"{url}/queue/?view=waiting", wait_until="networkidle")
    page.evaluate(_WATCH)
    page.keyboard.press("j")
    page.wait_for_selector("[data-match]")
    return _confirm(page, min(decisions, 20))


def _decide_one_by_one(page: Page, url: str, decisions: int) -> list[float]:
    """Decide on the review page, which opens the next match after each decision."""
    page.goto(f"{url}/queue/?view=waiting", wait_until="networkidle")
    page.locator("[data-row] [data-open]").first.click()
    page.wait_for_selector("#review [data-pair]")
    page.evaluate(_WATCH)
    return _confirm(page, decisions)


def _confirm(page: Page, decisions: int) -> list[float]:
    page.keyboard.press("p")
    for number in range(decisions):
        page.wait_for_timeout(LISTENS_MS)
        page.keyboard.press("c")
        page.wait_for_function("(count) => window.taken.length >= count", arg=number + 1)
    # The last decision is still on its way; a list opened now would show its match.
    page.wait_for_timeout(LISTENS_MS)
    return [float(millis) for millis in page.evaluate("window.taken")]


def _session_of(person: User) -> tuple[str, str]:
    from django.conf import settings
    from django.test import Client

    client = Client(headers={"host": "localhost"})
    client.force_login(person)
    name = settings.SESSION_COOKIE_NAME
    return name, client.cookies[name].value


def _undo(matches: Sequence[Match], person: User) -> None:
    from review.choices import MatchState, Verb
    from review.decisions.decide import decide_one
    from review.decisions.verbs import Decision
    from review.models import Match

    confirmed = Match.objects.filter(
        pk__in=[match.pk for match in matches], state=MatchState.CONFIRMED
    )
    for match in confirmed:
        decide_one(match=match, version=match.version, decision=Decision(Verb.UNDO), user=person)
