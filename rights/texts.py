"""Texts made comparable: case, accents and punctuation do not tell titles apart."""

from __future__ import annotations

import re
import unicodedata


def folded(text: str) -> str:
    """Return letters and digits in lower case, words parted by one blank."""
    plain = unicodedata.normalize("NFKD", text).casefold()
    bare = "".join(each for each in plain if not unicodedata.combining(each))
    return re.sub(r"[\W_]+", " ", bare).strip()[:500]
