"""Makes a test fail when a page that it reads contains inline code or an unknown icon.

The content security policy refuses inline scripts, styles and event attributes, so
they would do nothing in a browser. An icon that the sprite lacks leaves a gap.

A test reads a page without the white space that no browser shows, so that the line
breaks of a template are not part of what a test expects.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import pytest
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.test.client import ClientHandler

_TAG = re.compile(r"""<([a-z][\w-]*)((?:[^>"']|"[^"]*"|'[^']*')*)>""")
_VALUE = re.compile(r""""[^"]*"|'[^']*'""")
_INLINE = re.compile(r"\s(?:style|on[a-z]+|hx-on[\w:-]*)\s*=")
_ICON = re.compile(r"/img/icons\.svg#([\w-]+)")
_KEPT = re.compile(r"<(pre|textarea|script|style)\b.*?</\1\s*>", re.DOTALL)
# White space at the edges of these elements is not shown (CSS Text 3, section 4.1.1).
_BLOCKS = (
    r"article|aside|blockquote|body|br|button|caption|col|colgroup|datalist|dd|details|dialog|div|dl"
    r"|dt|fieldset|figcaption|figure|footer|form|h[1-6]|head|header|hr|html|legend|li|link"
    r"|main|meta|nav|ol|optgroup|option|p|section|select|summary|table|tbody|td|template"
    r"|tfoot|th|thead|title|tr|ul"
)
_EDGE = re.compile(rf" ?(</?(?:{_BLOCKS})(?: (?:[^>\"']|\"[^\"]*\"|'[^']*')*)?>) ?")


def faults_in_markup(html: str) -> list[str]:
    """Return the inline code and the unknown icons of a page."""
    faults = [
        f"<{name}{attributes}>"
        for name, attributes in _TAG.findall(html)
        if _INLINE.search(_VALUE.sub('""', attributes))
        or name == "style"
        or (name == "script" and not re.search(r"\bsrc=|application/json", attributes))
        or "javascript:" in attributes
    ]
    return faults + sorted(set(_ICON.findall(html)) - _icons())


def as_shown(html: str) -> str:
    """Return a page without the white space that no browser shows."""
    parts, end = [], 0
    for match in _KEPT.finditer(html):
        parts += [_collapsed(html[end : match.start()]), match[0]]
        end = match.end()
    return "".join([*parts, _collapsed(html[end:])])


def _collapsed(html: str) -> str:
    return _EDGE.sub(r"\1", re.sub(r"[ \t\r\n\f]+", " ", html).replace(" >", ">"))


@cache
def _icons() -> set[str]:
    """Return the names of the icons in the sprite."""
    sprite = Path(settings.BASE_DIR) / "static" / "img" / "icons.svg"
    return set(re.findall(r'<symbol id="([\w-]+)"', sprite.read_text(encoding="utf-8")))


@contextmanager
def checked_answers() -> Iterator[None]:
    """Check every page that Django's test client reads."""
    answer = ClientHandler.get_response

    def checked(handler: ClientHandler, request: HttpRequest) -> HttpResponseBase:
        response = answer(handler, request)
        is_page = response.headers.get("Content-Type", "").startswith("text/html")
        if is_page and isinstance(response, HttpResponse):
            html = response.content.decode()
            if faults := faults_in_markup(html):
                pytest.fail(f"{request.path} contains {faults}", pytrace=False)
            response.content = as_shown(html).encode()
        return response

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ClientHandler, "get_response", checked)
        yield
