"""Unknown sound in the search of every page."""

from __future__ import annotations

from collections.abc import Iterator

from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from base.accounts.models import User
from base.common.reading import read_clock
from plugins.monitoring.unknown import selectors
from web.portal.shared.searching import Hit, SearchKind, SearchText, marked


def _items(search: SearchText, _user: User) -> Iterator[Hit]:
    items = list(selectors.find_items(search.text, search.ids)[: search.limit])
    titles = selectors.titles(items)
    for item in items:
        yield Hit(
            marked(titles[item.pk], search.text),
            reverse("portal:unknown_item", args=[item.uid]),
            read_clock(item.length_ms, digits=1),
            end=item.get_state_display(),
        )


SEARCH_KINDS = (SearchKind("unknown", _("Unknown sound"), "unknown", _items),)
