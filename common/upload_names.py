"""Restores the names of uploaded files that browsers encode in forms.

Browsers write a quote as ``%22`` and line breaks as ``%0D`` and ``%0A``, and leave all
else, even ``%``, unchanged (HTML standard, *multipart form data*). A name that really
contains ``%22`` looks the same. Such names come from URLs and contain other escapes
too, mostly ``%20``; those names are left alone.
"""

from __future__ import annotations

import re

_OTHER_ESCAPE = re.compile(r"%(?!22|0D|0A)[0-9A-Fa-f]{2}")
_LINE_BREAK = re.compile(r"(?:%0D|%0A)+")


def as_given(name: str) -> str:
    """Return the original name, with line breaks as spaces."""
    if _OTHER_ESCAPE.search(name):
        return name
    return _LINE_BREAK.sub(" ", name).replace("%22", '"')
