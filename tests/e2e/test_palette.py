"""The palette and the search boxes of forms, by keyboard."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.conftest import PATIENCE_MS, Portal, open_first, sign_in

pytestmark = pytest.mark.e2e


def test_the_palette_opens_by_key_and_enter_opens_the_first_thing(
    page: Page, portal: Portal
) -> None:
    sign_in(page, portal, "ana")
    page.goto("/")
    palette = page.locator("#palette")

    page.keyboard.press("/")
    expect(palette).to_be_visible()
    page.keyboard.type("licen")
    chosen = palette.locator("[aria-selected=true]")
    expect(chosen).to_have_text("Licences", timeout=PATIENCE_MS)
    page.keyboard.press("Enter")
    expect(page).to_have_url(f"{portal.url}/licences/")
    page.wait_for_load_state()

    page.keyboard.press("Control+k")
    expect(palette).to_be_visible()
    page.keyboard.type("upload")
    expect(palette.locator("[role=option]")).not_to_have_count(0)
    expect(palette.locator("[data-kind=verbs] [role=option]")).to_have_count(1)
    page.keyboard.press("Escape")
    expect(palette).to_be_hidden()


def test_what_is_open_is_decided_and_assigned_from_the_palette(
    page: Page, portal: Portal, restored: list[str]
) -> None:
    sign_in(page, portal, "ana")
    restored.append(open_first(page))
    here = page.locator("#palette [data-kind=here] [role=option]")

    page.keyboard.press("Control+k")
    page.keyboard.type("reject wrong recording")
    expect(here).to_have_count(1)
    expect(here).to_have_text("Reject: Wrong recordingR")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(page.get_by_role("radio", name="Wrong recording")).to_be_checked()
    page.keyboard.press("Escape")

    page.keyboard.press("Control+k")
    page.keyboard.type("assign mira")
    expect(here).to_have_count(1)
    expect(here).to_have_text("Assign this match: mira")
    here.click()
    page.wait_for_url("**/queue/decide/**")
    expect(page.locator("[name=assignee] option:checked")).to_have_text("mira")


def test_a_territory_is_chosen_by_its_name_and_taken_back(page: Page, portal: Portal) -> None:
    sign_in(page, portal, "ana")
    page.goto("/upload/")
    box = page.locator(".picker", has=page.locator("#id_territories"))

    page.fill("#id_territories", "switz")
    expect(box.get_by_role("option", name="Switzerland")).to_be_visible()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(box.locator(".picker__chip")).to_have_text("Switzerland×")
    expect(page.locator("[name=territories]")).to_have_value("CH")

    box.get_by_role("button", name="Remove Switzerland").click()
    expect(page.locator("[name=territories]")).to_have_value("")
    page.fill("#id_territories", "fra")
    page.keyboard.press("Enter")
    expect(page.locator("[name=territories]")).to_have_value("FR")


def test_what_is_none_of_the_choices_is_kept_and_not_saved(page: Page, portal: Portal) -> None:
    sign_in(page, portal, "ana")
    page.goto("/accounts/language/")
    box = page.locator("input#id_time_zone")

    box.fill("new yrk")
    page.get_by_role("button", name="Save").click()
    expect(box).to_be_focused()
    expect(box).to_have_value("new yrk")
    wrong = "“new yrk” is not in this list. Choose one of its entries."
    expect(box).to_have_js_property("validationMessage", wrong)

    box.fill("new york")
    page.keyboard.press("Enter")
    expect(page.locator("[name=time_zone]")).to_have_value("America/New_York")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Language and time zone were saved.")).to_be_visible()
    page.get_by_role("button", name="Remove America/New_York").click()
    page.keyboard.press("Escape")  # the choices cover the button
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Language and time zone were saved.")).to_be_visible()


MANY = """
from scanning.models import Container
for number in range(15):
    Container.objects.create(name=f"Many {number:02d}")
"""
NO_LONGER = """
from scanning.models import Container
Container.objects.filter(name__startswith="Many ").delete()
"""


@pytest.fixture
def many_containers(portal: Portal) -> Iterator[None]:
    portal.shell.run(MANY)
    yield
    portal.shell.run(NO_LONGER)


@pytest.mark.soak
@pytest.mark.usefixtures("many_containers")
def test_one_of_many_containers_is_found_by_name(page: Page, portal: Portal) -> None:
    sign_in(page, portal, "mira")
    page.goto("/files/")
    container = page.locator("input#id_container")
    chosen = page.locator("[name=container] option:checked")
    expect(container).to_have_attribute("placeholder", "Any container")

    # What names none changes nothing, and says so.
    container.fill("no container")
    container.press("Tab")
    wrong = "“no container” is not in this list. Choose one of its entries."
    expect(page.get_by_role("search").get_by_text(wrong)).to_be_visible()
    expect(container).to_have_value("no container")
    expect(chosen).to_have_text("Any container")
    page.get_by_label("State").select_option("ready")
    expect(page).to_have_url(re.compile(r"state=ready"))
    page.get_by_role("link", name="State Ready, remove").click()

    container.fill("many 07")
    container.press("Enter")
    expect(page).to_have_url(re.compile(r"/files/\?container=\d+"))
    expect(page.get_by_text("No file fits these filters")).to_be_visible()

    page.get_by_role("button", name="Remove Many 07").click()
    expect(page.locator(".files, table").first).to_be_visible()
    expect(page).not_to_have_url(re.compile(r"container=\d+"))


@pytest.mark.usefixtures("many_containers")
def test_an_upload_always_has_a_container(page: Page, portal: Portal) -> None:
    sign_in(page, portal, "mira")
    page.goto("/upload/")
    container = page.locator("input#id_container")
    first = page.locator("[name=container] option:checked").text_content()

    container.press("Backspace")
    expect(page.locator("[name=container] option:checked")).to_have_text(str(first))
    container.fill("many 03")
    container.press("Enter")
    expect(page.locator("[name=container] option:checked")).to_have_text("Many 03")
    expect(page.locator("[data-facts]:visible")).to_have_count(1)


def test_a_few_people_are_a_plain_choice(page: Page, portal: Portal) -> None:
    sign_in(page, portal, "mira")
    page.goto("/policies/new/")
    page.locator("select#id_assignee").select_option(label="mira")
    expect(page.locator("[name=assignee] option:checked")).to_have_text("mira")


def test_a_guide_is_found_and_opened_from_the_palette(page: Page, portal: Portal) -> None:
    sign_in(page, portal, "vera")
    page.goto("/")

    page.keyboard.press("Control+k")
    page.keyboard.type("drops metadata")
    hit = page.locator("#palette [data-kind=guides] [role=option]").first
    expect(hit).to_contain_text("Metadata")
    hit.click()
    expect(page).to_have_url(f"{portal.url}/guides/drops/#metadata")
    expect(page.get_by_role("heading", name="Metadata")).to_be_in_viewport()
