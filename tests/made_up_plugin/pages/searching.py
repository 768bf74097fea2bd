"""Letters in the search of every page."""

from __future__ import annotations

from collections.abc import Iterator

from base.accounts.models import User
from plugins.letters.models import Letter
from web.portal.shared.searching import Hit, SearchKind, SearchText, marked


def _find(search: SearchText, _user: User) -> Iterator[Hit]:
    for letter in Letter.objects.filter(text__icontains=search.text)[: search.limit]:
        yield Hit(marked(letter.text, search.text), letter.url)


LETTER_HITS = SearchKind("letters", "Letters", "edit", _find)
