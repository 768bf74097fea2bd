"""Unknown sound in the search of every page."""

from __future__ import annotations

from collections.abc import Iterator

from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from common.reading import read_clock
from plugins.monitoring.unknown import selectors
from portal.shared.searching import Hit, SearchKind, SearchText, marked


def _items(asked: SearchText, _user: User) -> Iterator[Hit]:
    items = list(selectors.find_items(asked.text, asked.ids)[: asked.limit])
    titles = selectors.titles(items)
    for each in items:
        yield Hit(
            marked(titles[each.pk], asked.text),
            reverse("portal:unknown_item", args=[each.uid]),
            read_clock(each.length_ms, digits=1),
            end=each.get_state_display(),
        )


SEARCH_KINDS = (SearchKind("unknown", _("Unknown sound"), "unknown", _items),)
