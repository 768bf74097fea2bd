"""Texts made comparable: case, accents and punctuation do not tell titles apart."""

from __future__ import annotations

import re
import unicodedata
from typing import Final

from base.common.outside_text import normalised, without_joiners

_MOST: Final = 500


def folded(text: str) -> str:
    """Return letters and digits in lower case, words parted by one blank."""
    plain = normalised(without_joiners(text[: 4 * _MOST]), "NFKD").casefold()
    bare = "".join(character for character in plain if not unicodedata.combining(character))
    return re.sub(r"[\W_]+", " ", bare).strip()[:_MOST]
