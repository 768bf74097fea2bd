"""What keeps somebody from using a page by keyboard alone."""

from __future__ import annotations

import re

from playwright.sync_api import Locator, Page

_FAULTS = r"""() => {
  const CAN = "a[href], button, input, select, textarea, summary, audio[controls], [tabindex]";
  const named = (node) => node.outerHTML.replace(/\s+/g, " ").slice(0, 140);
  const isSeen = (node) => node.checkVisibility({ visibilityProperty: true });
  const look = (node) => {
    const { outlineStyle, outlineWidth, outlineColor, boxShadow, borderColor, backgroundColor, stroke, strokeWidth } = getComputedStyle(node);
    return [outlineStyle !== "none" && outlineWidth, outlineColor, boxShadow, borderColor, backgroundColor, stroke, strokeWidth].join();
  };
  /* The thing itself or what stands for it: a label, a switch, the frame around a field, a shape. */
  const around = (node) => [node, node.parentElement, node.nextElementSibling, ...(node.labels ?? []), ...(node instanceof SVGElement ? node.children : [])].filter(Boolean);
  const looks = (node) => around(node).map(look).join("|");
  /* Where looks have names (test_every_page), each focus is looked at once for all pages. */
  const focused = new Set(JSON.parse(localStorage.getItem("focused") ?? "[]"));
  const nameOf = (node) => window.lookOf && around(node).map((one) => lookOf.get(one)).join();
  const faults = [];
  const before = document.activeElement;
  const place = [scrollX, scrollY];
  for (const node of document.querySelectorAll(CAN)) {
    if (node.tabIndex < 0 || node.disabled || node.closest("[inert], dialog:not([open])") || !isSeen(node)) continue;
    if (node.tabIndex > 0) faults.push(`order by hand: ${named(node)}`);
    const name = nameOf(node);
    const isToBeSeen = !focused.has(name);
    if (isToBeSeen) document.activeElement.blur();
    const atRest = isToBeSeen && looks(node);
    node.focus({ focusVisible: true });
    if (document.activeElement !== node) continue;
    if (isToBeSeen) {
      document.getAnimations().forEach((one) => one.finish());
      if (looks(node) === atRest) faults.push(`no visible focus: ${named(node)}`);
      if (name) focused.add(name);
    }
    const shown = around(node).map((one) => one.getBoundingClientRect()).find((one) => one.width > 1 && one.height > 1);
    if (!shown || shown.right <= 0 || shown.bottom <= 0 || shown.left >= innerWidth || shown.top >= innerHeight) {
      faults.push(`focus out of sight: ${named(node)}`);
    }
  }
  localStorage.setItem("focused", JSON.stringify([...focused]));
  document.activeElement.blur();
  before?.focus?.({ preventScroll: true });
  scrollTo(...place);
  for (const node of document.body.querySelectorAll("*")) {
    // Django's own autocomplete has keys for what its crosses do, and what is hidden from
    // screen readers repeats what stands beside it, as the bars of a chart its table.
    if (node.closest("[data-stage], .select2-container, [aria-hidden=true]")) continue;
    if (getComputedStyle(node).cursor !== "pointer" || !isSeen(node)) continue;
    const own = node.closest(`${CAN}, label, option`);
    if (own && (own.matches("label, option") || own.tabIndex >= 0 || own.disabled || own.closest("[role=radiogroup], [role=listbox], [role=tablist]"))) continue;
    if (!node.querySelector(CAN)) faults.push(`for the mouse only: ${named(node)}`);
  }
  return faults;
}"""


def faults_of_keys(page: Page) -> list[str]:
    """Return what a page hides from the keyboard, one line per element.

    Controls without a visible focus, or whose focus is out of sight, and what only the
    mouse can press.
    """
    faults: list[str] = page.evaluate(_FAULTS)
    return faults


# What opens a dialog, a menu, a strip that asks, or the navigation of a narrow window.
_OPENERS = (
    "[data-palette-open], [data-open-dialog], [popovertarget], "
    "details.menu > summary, .ask > summary"
)
# Empty for what is hidden.
_NAMES = """nodes => nodes.map(node =>
  node.checkVisibility({ visibilityProperty: true }) ? node.outerHTML.replace(/\\s+/g, " ") : "")"""
_OPENED = """opener => {
  const { openDialog, paletteOpen } = opener.dataset;
  if (paletteOpen !== undefined) return document.querySelector("#palette");
  if (openDialog) return document.getElementById(openDialog);
  return opener.popoverTargetElement ?? opener.parentElement;
}"""
# Where the focus is: inside, on the opener, somewhere in plain sight, or covered.
_PLACE = """([opened, opener]) => {
  const at = document.activeElement;
  if (opened.contains(at) && at !== opener) return "inside";
  if (at === opener) return "opener";
  if (at === document.body) return "page";
  const box = at.getBoundingClientRect();
  const top = document.elementFromPoint(box.x + box.width / 2, box.y + box.height / 2);
  return opened.contains(top) ? "covered" : "page";
}"""
_IS_OPEN = "opened => opened.matches(opened.popover ? ':popover-open' : '[open]')"
_MOST_TABS = 80
# Openers that differ in the row that they name are alike.
_NUMBER = re.compile(r"[a-z]+_[0-9A-HJKMNP-TV-Z]{20}|\d+")


def faults_of_openings(page: Page, seen: set[str]) -> list[str]:
    """Open whatever opens on a page by keys; return what is wrong, a line per fault.

    Tab must lead into what has opened and never to what it covers. Escape must close it
    and return to what opened it. Openers in ``seen``, as on earlier pages, are left out.
    """
    faults = []
    openers = page.locator(_OPENERS)
    names = openers.evaluate_all(_NAMES)
    for number, name in enumerate(names):
        opener, kind = openers.nth(number), _NUMBER.sub("", name)
        if not name or kind in seen or not opener.is_visible():
            continue
        seen.add(kind)
        faults += [f"{fault}: {name[:140]}" for fault in _faults_of_opening(opener)]
    return faults


def _faults_of_opening(opener: Locator) -> list[str]:
    keys = opener.page.keyboard
    opened = opener.evaluate_handle(_OPENED)
    first_key = "a" if opener.get_attribute("data-palette-open") is not None else "Enter"
    where = [opened, opener.element_handle()]

    opener.focus()
    keys.press(first_key)
    if not opened.evaluate(_IS_OPEN):
        return [f"{first_key} does not open it"]
    place = opener.page.evaluate(_PLACE, where)
    for _ in range(_MOST_TABS):
        keys.press("Tab")
        before, place = place, opener.page.evaluate(_PLACE, where)
        if before == "opener" and place == "page" and opened.evaluate(_IS_OPEN):
            return ["Tab does not lead into it"]
        if place != "inside":
            break
    if place == "covered":
        return ["Tab leads behind it"]

    if not opened.evaluate(_IS_OPEN):
        opener.focus()
        keys.press(first_key)
    keys.press("Escape")
    if opened.evaluate(_IS_OPEN):
        return ["Escape does not close it"]
    if opener.page.evaluate(_PLACE, where) != "opener":
        return ["Escape does not return to what opened it"]
    return []


_UNLISTED = """() => {
  const dialog = document.getElementById("key-list");
  if (!dialog) return [];
  const here = [...dialog.querySelectorAll("section")].filter(({ dataset }) => !dataset.where || document.querySelector(dataset.where));
  const listed = here.flatMap((section) => [...section.querySelectorAll("kbd")].map((key) => key.textContent));
  return [...document.querySelectorAll("[aria-keyshortcuts]")]
    .filter((node) => node.getAttribute("aria-keyshortcuts").length === 1 && !listed.includes(node.getAttribute("aria-keyshortcuts")))
    .map((node) => `not in the list of keys: ${node.outerHTML.slice(0, 140)}`);
}"""


def unlisted_keys(page: Page) -> list[str]:
    """Return the controls whose key the page's list of keys does not name."""
    faults: list[str] = page.evaluate(_UNLISTED)
    return faults
