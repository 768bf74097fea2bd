"""Parts of file names, made of what people entered."""

from __future__ import annotations

import re
import unicodedata

_NOT_ALLOWED = re.compile(r"[^A-Za-z0-9-]+")
_MOST_CHARS = 60


def name_part(text: str) -> str:
    """Return letters, digits and hyphens of a text; accents are dropped."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    return _NOT_ALLOWED.sub("-", plain).strip("-")[:_MOST_CHARS].strip("-")
