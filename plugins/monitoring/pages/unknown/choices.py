"""Unknown sound as values of search boxes."""

from __future__ import annotations

from collections.abc import Iterable

from base.common.reading import read_clock
from plugins.monitoring.unknown import selectors as recurring_selectors
from plugins.monitoring.unknown.models import UnknownItem
from web.portal.shared.choices import SHOWN, Choice, ChoiceKind


def _unknown(items: Iterable[UnknownItem]) -> Iterable[Choice]:
    listing = list(items)
    titles = recurring_selectors.titles(listing)
    return [
        Choice(item.uid, titles[item.pk], read_clock(item.length_ms, digits=1)) for item in listing
    ]


def _unknown_items(text: str) -> Iterable[Choice]:
    return _unknown(recurring_selectors.search(text)[:SHOWN])


def _named_unknown_items(values: list[str]) -> Iterable[Choice]:
    return _unknown(recurring_selectors.items_in_reach().filter(uid__in=values))


CHOICES = (("unknown_items", ChoiceKind(_unknown_items, _named_unknown_items)),)
