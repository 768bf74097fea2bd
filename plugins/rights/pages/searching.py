"""Works, parties and releases in the search of every page."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from django.db.models import QuerySet
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from base.accounts.models import User
from plugins.rights import selectors
from web.portal.shared.searching import Hit, SearchKind, SearchText, marked


def _finder(
    route: str,
    search: Callable[[str], QuerySet[Any]],  # Any: works, parties or releases
) -> Callable[[SearchText, User], Iterator[Hit]]:
    def find(query: SearchText, _user: User) -> Iterator[Hit]:
        for row in search(query.text).order_by("pk")[: query.limit]:
            yield Hit(marked(str(row), query.text), reverse(route, args=[row.uid]))

    return find


SEARCH_KINDS = (
    SearchKind("works", _("Works"), "layers", _finder("portal:work", selectors.search_works)),
    SearchKind(
        "parties", _("Parties"), "layers", _finder("portal:party", selectors.search_parties)
    ),
    SearchKind(
        "releases", _("Releases"), "layers", _finder("portal:release", selectors.search_releases)
    ),
)
