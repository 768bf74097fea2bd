"""Finds the links in what people paste: messages, pages, tables, formulas.

Each step reads a text once from its beginning to its end, however long it is.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise
from typing import Final

from base.common.outside_text import JOINERS, one_line
from base.common.territories import MEANT, TERRITORIES

_ENDINGS: Final = frozenset(
    {
        *(code.lower() for code in TERRITORIES | MEANT.keys()),
        *("com", "eu", "info", "net", "org", "app", "audio", "club", "dev", "live"),
        *("media", "music", "news", "online", "radio", "show", "site", "stream"),
        *("studio", "video", "watch", "world", "xyz"),
    }
)
"""The last parts of host names that may stand without a scheme within a sentence."""
# Blanks without width that a page puts into addresses, or between two of them.
_UNSEEN_BETWEEN: Final = re.compile(r"[\u200b\u2060\ufeff\xad](?=https?://|www\.)", re.IGNORECASE)
_ENTITY: Final = re.compile(r"&(?:amp;)*(amp|lt|gt|quot|apos|nbsp|#0*3[489]|#x2[267]);", re.I)
_ENTITIES: Final = {
    "lt": "<",
    "gt": ">",
    "quot": '"',
    "apos": "'",
    "nbsp": " ",
    "34": '"',
    "38": "&",
    "39": "'",
    "22": '"',
    "26": "&",
    "27": "'",
    "amp": "&",
}
# What a link is called: in messages of Slack, and in pages. The name may be an address.
_CALLED: Final = re.compile(r"<([^<>|\s]+)\|[^<>]*>|(<a\s[^<>]*>)[^<]*", re.IGNORECASE)
# What ends a link in any language: blanks, quotes, and signs that no address holds.
_BETWEEN: Final = re.compile(
    r"[\s<>\"`\\^“”„‟«»‹›‘‚‛…•→⇒⟨⟩،؛؟۔।॥።។"
    r"、。〃〈-】〔-〟︰-﹏！＂（），．：；＜＞？［］｛｜｝～-･]+"
)
_HOST: Final = r"(?:[a-z0-9-]{1,63}\.){1,6}[a-z]{2,24}(?::\d{1,5})?(?=/[^\s])"
_BEGIN: Final = re.compile(
    rf"""
    https?:// | (?<![a-z0-9+.-])[a-z](?:(?!https?://)[a-z0-9+.-]){{1,15}}://
    | (?:(?<=[,;|(\[{{'*=>])|(?<=[^\x00-\x7f])|\A)(?://)?
      (?:www\.(?=[a-z0-9])|(?P<host>{_HOST}))
    """,
    re.IGNORECASE | re.VERBOSE,
)
# Behind one of these an address is a part of the one before.
_GOES_ON: Final = frozenset("/=:%?&")
_SEPARATORS: Final = frozenset(",;|")
_SCHEME: Final = re.compile(r"[a-z][a-z0-9+.-]*+://", re.IGNORECASE)
# Quotes, and the names of links in wikis, by what stands before a link.
_ENDED_BY: Final = {"'": "'", "[": "|"}
_PAIRS: Final = {")": "(", "]": "[", "}": "{"}
_TRAILING: Final = f".,;:!?'*|([{{’–—{JOINERS}"


def links_in(line: str) -> list[str]:
    """Return each link in a line of text once, with a scheme, in order."""
    text = _UNSEEN_BETWEEN.sub(" ", line.replace("\\/", "/"))
    text = _ENTITY.sub(lambda entity: _ENTITIES[entity[1].lower().lstrip("#x0")], text)
    text = _CALLED.sub(lambda called: f"<{called[1]}>" if called[1] else called[2], text)
    words = [word for word in _BETWEEN.split(one_line(text)) if word]
    links: dict[str, str] = {}
    for word in words:
        for link in _links_of(word, alone=len(words) == 1):
            # The name of a link is often the link itself.
            bare = link.partition("://")[2].removeprefix("www.").rstrip("/")
            links.setdefault(bare, link)
    return list(links.values())


def _links_of(word: str, *, alone: bool) -> Iterator[str]:
    """Yield the links in a text without blanks."""
    begins: list[int] = []
    for beginning in _BEGIN.finditer(word):
        start, before = (beginning.start(), word[max(0, beginning.start() - 1) : beginning.start()])
        is_whole = beginning[0].endswith("://")
        if begins and (before in _GOES_ON if is_whole else before not in _SEPARATORS):
            continue
        ending = (beginning["host"] or "").partition(":")[0].rpartition(".")[2].lower()
        if ending and ending not in _ENDINGS and not (alone and start == 0):
            continue
        begins.append(start)
    for start, end in pairwise([*begins, len(word)]):
        link = _trimmed(word[start:end], _ENDED_BY.get(word[start - 1 : start], ""))
        if not link.endswith("://"):
            yield link if _SCHEME.match(link) else f"https://{link.lstrip('/')}"


def _trimmed(link: str, end: str) -> str:
    """Return a link to the sign that ends it, without brackets and punctuation around it."""
    if end:
        link = link.partition(end)[0]
    opened: Counter[str] = Counter()
    for at, sign in enumerate(link):
        if sign in _PAIRS.values():
            opened[sign] += 1
        elif sign in _PAIRS:
            if not opened[_PAIRS[sign]]:
                link = link[:at]
                break
            opened[_PAIRS[sign]] -= 1
    return link.rstrip(_TRAILING)
