"""What axe-core would say of a page's structure, without a browser.

``tests/e2e/test_every_page.py`` opens only so many pages that each kind of element, class and
attribute is on one of them. How the other pages put the same parts together is read here, on
every page in every state.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from lxml import etree, html

_REFERENCES = (
    *("aria-activedescendant", "aria-controls", "aria-describedby", "aria-details"),
    *("aria-errormessage", "aria-labelledby", "aria-owns", "for", "form", "headers", "list"),
    "popovertarget",
)
_CONTROLS = (
    "//a[@href] | //button | //summary | //select | //textarea | //*[@role='button']"
    " | //input[not(@type='hidden')] | //dialog | //*[@role='dialog']"
)
_HAVE_LABELS = frozenset({"input", "select", "textarea"})
_BUTTONS = frozenset({"submit", "button", "reset"})
_HEADINGS = "//h1 | //h2 | //h3 | //h4 | //h5 | //h6"
_BESIDE = frozenset({"script"})
_CHILDREN = {
    "ul": frozenset({"li"}) | _BESIDE,
    "ol": frozenset({"li"}) | _BESIDE,
    "menu": frozenset({"li"}) | _BESIDE,
    "dl": frozenset({"dt", "dd", "div"}) | _BESIDE,
    "tr": frozenset({"th", "td"}) | _BESIDE,
}
# An element with the one role is in an element with one of the others.
_WITHIN = {
    "option": ("listbox", "group"),
    "tab": ("tablist",),
    "radio": ("radiogroup",),
    "listitem": ("list",),
    "menuitem": ("menu", "menubar", "group"),
    "treeitem": ("tree", "group"),
    "row": ("table", "grid", "treegrid", "rowgroup"),
    "cell": ("row",),
    "gridcell": ("row",),
    "columnheader": ("row",),
}


def faults_in_structure(text: str) -> list[str]:
    """Return what is wrong with the elements of a whole page, one line for each."""
    page = html.document_fromstring(text)
    etree.strip_elements(page, "template", with_tail=False)
    faults = (
        *_of_document(page),
        *_of_ids(page),
        *_of_names(page),
        *_of_headings(page),
        *_of_children(page),
    )
    return list(dict.fromkeys(faults))


def _of_document(page: html.HtmlElement) -> Iterator[str]:
    if not page.get("lang"):
        yield "names no language"
    if not page.xpath("normalize-space(string(//head/title))"):
        yield "has no title"
    if len(page.xpath("//main | //*[@role='main']")) != 1:
        yield "has no single main part"


def _of_ids(page: html.HtmlElement) -> Iterator[str]:
    ids = Counter(page.xpath("//@id"))
    yield from (
        f"has {name!r} as id of {count} elements" for name, count in ids.items() if count > 1
    )
    for reference in _REFERENCES:
        for element in page.xpath(f"//*[@{reference}]"):
            names = element.get(reference).split()
            missing = [name for name in names if name not in ids]
            if missing:
                yield f"has {reference} of {missing}, which is not there: {_beginning_of(element)}"


def _of_names(page: html.HtmlElement) -> Iterator[str]:
    labelled = set(page.xpath("//label/@for"))
    for element in page.xpath(_CONTROLS):
        if not _is_named(element, labelled):
            yield f"has no name for {_beginning_of(element)}"
        inner = element.xpath(".//a[@href] | .//button | .//select | .//input[not(@type='hidden')]")
        if element.tag in ("a", "button", "summary") and inner:
            yield f"has a control within {_beginning_of(element)}"
    for element in page.xpath("//img[not(@alt)] | //iframe[not(@title)] | //area[not(@alt)]"):
        yield f"has no text for {_beginning_of(element)}"
    for element in page.xpath("//*[@role='img'][not(@aria-label or @aria-labelledby or @alt)]"):
        if not element.xpath("./*[local-name()='title']"):
            yield f"has no text for {_beginning_of(element)}"


def _is_named(element: html.HtmlElement, labelled: set[str]) -> bool:
    if any(element.get(name, "").strip() for name in ("aria-label", "aria-labelledby", "title")):
        return True
    if element.get("aria-hidden") == "true":
        return True
    if element.tag in _HAVE_LABELS:
        if element.get("type") in _BUTTONS:
            return bool(element.get("value", "").strip())
        return element.get("id") in labelled or bool(element.xpath("ancestor::label"))
    return bool(
        element.text_content().strip()
        or element.xpath(".//img[@alt != ''] | .//*[@aria-label] | .//*[local-name()='title']")
    )


def _of_headings(page: html.HtmlElement) -> Iterator[str]:
    # A dialog is a page of its own, and what a screen reader skips has no place in the order.
    level = 0
    for heading in page.xpath(_HEADINGS):
        if heading.xpath("ancestor::*[@hidden]"):
            continue
        if not heading.text_content().strip():
            yield f"has an empty {heading.tag}"
        if heading.xpath("ancestor::dialog | ancestor::*[@popover]"):
            continue
        number = int(heading.tag[1])
        if level and number > level + 1:
            yield f"has h{number} after h{level}: {_beginning_of(heading)}"
        level = number


def _of_children(page: html.HtmlElement) -> Iterator[str]:
    for parent, allowed in _CHILDREN.items():
        for element in page.xpath(f"//{parent}[not(@role)]/*"):
            if isinstance(element.tag, str) and element.tag not in allowed:
                yield f"has {element.tag} in {parent}: {_beginning_of(element)}"
    for element in page.xpath("//li"):
        if element.getparent().tag not in ("ul", "ol", "menu"):
            yield f"has li outside a list: {_beginning_of(element)}"
    for role, around in _WITHIN.items():
        for element in page.xpath(f"//*[@role='{role}']"):
            if not any(element.xpath(f"ancestor::*[@role='{name}']") for name in around):
                yield f"has {role} outside {' or '.join(around)}: {_beginning_of(element)}"


def _beginning_of(element: html.HtmlElement) -> str:
    """Return an element's beginning."""
    return " ".join(html.tostring(element, encoding="unicode", with_tail=False).split())[:140]
