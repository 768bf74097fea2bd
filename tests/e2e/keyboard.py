"""What keeps somebody from using a page by keyboard alone."""

from __future__ import annotations

from playwright.sync_api import Page

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
  const faults = [];
  const before = document.activeElement;
  const place = [scrollX, scrollY];
  for (const node of document.querySelectorAll(CAN)) {
    if (node.tabIndex < 0 || node.disabled || node.closest("[inert], dialog:not([open])") || !isSeen(node)) continue;
    if (node.tabIndex > 0) faults.push(`order by hand: ${named(node)}`);
    document.activeElement.blur();
    const atRest = looks(node);
    node.focus({ focusVisible: true });
    if (document.activeElement !== node) continue;
    document.getAnimations().forEach((one) => one.finish());
    if (looks(node) === atRest) faults.push(`no visible focus: ${named(node)}`);
    const shown = around(node).map((one) => one.getBoundingClientRect()).find((one) => one.width > 1 && one.height > 1);
    if (!shown || shown.right <= 0 || shown.bottom <= 0 || shown.left >= innerWidth || shown.top >= innerHeight) {
      faults.push(`focus out of sight: ${named(node)}`);
    }
  }
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
    found: list[str] = page.evaluate(_FAULTS)
    return found
