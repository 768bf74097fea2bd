"""Duplicates by keyboard alone: listen, merge, undo, keep apart, the next group."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.conftest import Portal, sign_in

pytestmark = pytest.mark.e2e

_MAKE = """
from catalogue.models import Bucket, Recording
from dedup.services import find_duplicates
bucket = Bucket.objects.create(name="Keys")
for digest in ("ab", "cd"):
    for title in ("Night Drive", "NIGHT DRIVE"):
        Recording.objects.create(bucket=bucket, title=f"{title} {digest}",
            status="ready", duration_ms=60000, audio_sha256=digest * 32, audio_bytes=10)
find_duplicates(bucket=bucket)
"""


def test_groups_are_settled_by_keyboard(page: Page, portal: Portal) -> None:
    portal.shell.run(_MAKE)
    sign_in(page, portal, "mira")
    page.goto("/duplicates/")
    page.wait_for_load_state("networkidle")

    page.keyboard.press("j")
    page.wait_for_url("**/duplicates/g/**")
    page.wait_for_load_state("networkidle")
    first = page.url
    page.keyboard.press("s")
    expect(page.locator("[data-ask=s]")).to_have_attribute("open", "")
    page.keyboard.press("Escape")
    expect(page.locator("[data-ask=s]")).not_to_have_attribute("open", "")

    for verb in ("m", "d"):
        page.goto(first)
        page.wait_for_load_state("networkidle")
        # Choosing what the merged record says leaves the keys alone.
        page.locator("input[name=canonical]").last.check()
        page.keyboard.press(verb)
        if verb == "m":
            # Merging asks first; the answer has the focus.
            expect(page.locator("[data-ask=m] button")).to_be_focused()
            # The reason was that of the proposed one.
            expect(page.locator("[data-merge-why]")).to_be_attached()
            expect(page.locator("[data-merge-why]")).to_be_hidden()
            page.keyboard.press("Enter")
        expect(page.locator("[data-verb=z]")).to_be_visible()
        assert page.url != first
        page.wait_for_load_state("networkidle")
        page.keyboard.press("z")
        # It leads to the group that is open again.
        page.wait_for_url(first)
        expect(page.locator("[data-verb=z]")).to_have_count(0)


_COPY = """
from catalogue.models import Bucket, Recording, new_acr_id
from base.common.uid import new_uid
from dedup.services import find_duplicates
one = Recording.objects.exclude(audio="").order_by("pk")[0]
bucket = Bucket.objects.create(name="Sounds")
for name in ("First", "Second"):
    one.pk, one.bucket, one.title, one.custom_id = None, bucket, name, name
    one.uid, one.acr_id = new_uid("r"), new_acr_id()
    one.save()
find_duplicates(bucket=bucket)
print(bucket.pk)
"""
_SOUNDS = """() => [...document.querySelectorAll("[data-sound-audio]")].map(
  (one) => ({ paused: one.paused, at: one.currentTime }))"""


@pytest.mark.soak
def test_the_sounds_of_a_group_are_heard_by_keys_at_one_instant(page: Page, portal: Portal) -> None:
    bucket = portal.shell.run(_COPY).split()[-1]
    sign_in(page, portal, "mira")
    page.goto(f"/duplicates/?bucket={bucket}")
    page.wait_for_load_state("networkidle")
    page.keyboard.press("j")
    page.wait_for_url("**/duplicates/g/**")
    page.wait_for_load_state("networkidle")

    page.keyboard.press("p")
    page.wait_for_function("() => document.querySelector('audio').currentTime > 1")
    page.keyboard.press("a")
    page.wait_for_function(
        "() => { const [first, second] = document.querySelectorAll('audio');"
        " return first.paused && !second.paused; }"
    )
    first, second = page.evaluate(_SOUNDS)

    assert abs(second["at"] - first["at"]) < 1
    page.keyboard.press("p")
    assert page.evaluate(_SOUNDS)[1]["paused"]
