"""Lists, forms and the admin for managers and admins: long names, filters, keyboard."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.e2e.conftest import Portal, sign_in

pytestmark = pytest.mark.e2e

# German compounds and file names have no space where a line could break.
NAME = "Landesrundfunkanstalt_Langzeitarchiv-2026_ohne_Leerzeichen_" * 2
_MAKE = f"""
from catalogue.models import Bucket, Recording
from reports.models import ReportRun
from review.models import Licence, Policy
from scanning.models import Container
name = {NAME!r}[:100]
bucket = Bucket.objects.create(name=name)
container = Container.objects.create(name=name)
container.buckets.add(bucket)
recording = Recording.objects.create(bucket=bucket, title=name, artists=[name])
Policy.objects.create(name=name, action="review", conditions={{}}, enabled=False)
Licence.objects.create(holder=name, active=False)
ReportRun.objects.create(name=name, run_by_name="admin")
print(bucket.pk, container.pk, recording.pk)
"""
_WIDER = """() => {
  const wide = node => node.scrollWidth > node.clientWidth + 1;
  const lists = document.querySelectorAll(".table-wrap, .results, .scroll, .tabs");
  return [document.documentElement, ...lists].filter(wide)
    .map(node => `${node.className || "page"} ${node.scrollWidth} > ${node.clientWidth}`);
}"""


def wider_than_the_window(page: Page, paths: list[str]) -> list[str]:
    """Return what is wider than its place on these pages, in windows of three sizes."""
    wide = []
    for path in paths:
        page.goto(path)
        for width in (390, 768, 1280):
            page.set_viewport_size({"width": width, "height": 900})
            wide += [f"{path} {width}: {element}" for element in page.evaluate(_WIDER)]
    return wide


@pytest.fixture(scope="module")
def made(portal: Portal) -> list[str]:
    """Make rows with a long name; return the ids of a bucket, container and recording."""
    return portal.shell.run(_MAKE).split()


@pytest.mark.soak
def test_no_name_is_too_long_for_a_page(page: Page, portal: Portal, made: list[str]) -> None:
    bucket, container, recording = made
    paths = [
        *("/containers/", "/catalogue/", "/licences/", "/policies/", "/reports/"),
        "/reports/summary/",
        *("/tokens/keys/new/", f"/containers/{container}/"),
        *(f"/catalogue/buckets/{bucket}/", "/catalogue/import/"),
        *(f"/admin/{model}/" for model in ("catalogue/recording", "review/licence")),
        "/admin/review/match/",
        f"/admin/catalogue/recording/{recording}/change/",
        f"/admin/scanning/container/{container}/change/",
    ]
    sign_in(page, portal, "admin")

    assert wider_than_the_window(page, paths) == []


def test_rows_on_an_admin_page_become_cards_on_a_phone(page: Page, portal: Portal) -> None:
    sign_in(page, portal, "admin")
    page.goto("/admin/scanning/detection/")
    page.locator("#result_list tbody a").first.click()
    page.set_viewport_size({"width": 390, "height": 900})

    segments = page.locator("#segments-group")
    expect(segments.locator("td[data-label='Source']").first).to_be_visible()
    assert page.evaluate(_WIDER) == []


def test_an_admin_filter_finds_a_bucket_by_typing(
    browser: Browser, page: Page, portal: Portal, made: list[str]
) -> None:
    sign_in(page, portal, "admin")
    page.goto("/admin/catalogue/recording/?status__exact=metadata_only")

    page.locator(".pick-filter .select2-selection").focus()
    page.keyboard.press("Enter")
    page.keyboard.type("landesrund")
    expect(page.locator(".select2-results__option")).to_have_count(1)
    expect(page.locator(".select2-results__option")).to_contain_text("Landesrundfunk")
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")

    page.wait_for_url(re.compile(f"bucket__id__exact={made[0]}"))
    assert "status__exact=metadata_only" in page.url
    expect(page.locator(".select2-selection__rendered")).to_contain_text("Landesrund")


def test_a_report_that_ends_appears_without_reloading(page: Page, portal: Portal) -> None:
    sign_in(page, portal, "mira")
    page.goto("/reports/")

    portal.shell.run(
        "from base.accounts.models import User; from reports.layouts import Layout;"
        "from reports.services import stream_report;"
        "list(stream_report(layout=Layout(), user=User.objects.get(username='mira'),"
        " name='While you watch'))"
    )

    expect(page.locator("#runs")).to_contain_text("While you watch")


def test_a_policy_is_saved_and_moved_by_keyboard_alone(
    page: Page, portal: Portal, made: list[str]
) -> None:
    assert made
    sign_in(page, portal, "mira")
    page.goto("/policies/new/")
    page.fill("input[name=name]", "By keyboard")
    page.select_option("select[name=action]", "review")
    page.focus("input[name=due_days]")
    page.keyboard.press("Control+Enter")
    page.wait_for_url("**/dry-run/")

    page.goto("/policies/")
    rows = page.locator("tr[data-row]")
    up = page.get_by_role("button", name="Move By keyboard up")
    up.focus()
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Tab")
    for place in range(rows.count() - 1, 0, -1):
        expect(up).to_be_focused()
        page.keyboard.press("Enter")
        expect(rows.nth(place - 1)).to_contain_text("By keyboard")
    # It goes no further up, so that the focus is on the way back.
    expect(page.get_by_role("button", name="Move By keyboard down")).to_be_focused()


def test_a_select_that_acts_at_once_waits_for_the_keyboard(page: Page, portal: Portal) -> None:
    sign_in(page, portal, "mira")
    page.goto(f"{portal.url}/reports/")
    page.get_by_label("Format").focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    expect(page.get_by_label("Format")).to_have_value("json")
    assert page.url.endswith("/reports/")
    page.keyboard.press("Enter")
    page.wait_for_url("**/reports/?**format=json**")

    page.goto(f"{portal.url}/policies/new/")
    add = page.get_by_label("Add a condition")
    add.focus()
    page.keyboard.type("Ter")
    expect(add).to_have_value("territories")
    page.keyboard.press("Enter")
    expect(page.locator("[data-condition=territories] input").first).to_be_visible()
    add.focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Tab")
    expect(page.locator("[data-condition=buckets]")).to_be_visible()
    expect(page.locator("[data-condition]:not([hidden])")).to_have_count(2)
