"""Makes a test fail when a page that it reads contains inline code or an unknown icon.

The content security policy refuses inline scripts, styles and event attributes, so
they would do nothing in a browser. An icon that the sprite lacks leaves a gap.
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
            faults = faults_in_markup(response.content.decode())
            if faults:
                pytest.fail(f"{request.path} contains {faults}", pytrace=False)
        return response

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ClientHandler, "get_response", checked)
        yield
