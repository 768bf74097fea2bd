"""Finds streams, stations and unknown sound."""

from __future__ import annotations

from collections.abc import Iterator

from django.db.models import Q
from django.urls import reverse
from django.utils.translation import gettext as _

from common.reading import read_clock
from monitoring.streams.models import Station, Stream
from monitoring.unknown import selectors as recurring
from portal.search.finding import Hit, HitGroup, SearchText, either, group, marked


def on_air(asked: SearchText) -> Iterator[HitGroup]:
    """Yield streams and stations."""
    yield group("streams", _("Streams"), "streams", _streams(asked))
    yield group("stations", _("Stations"), "streams", _stations(asked))


def unknown_sound(asked: SearchText) -> HitGroup:
    """Return unknown sound that repeats."""
    return group("unknown", _("Unknown sound"), "unknown", _unknown_items(asked))


def _streams(asked: SearchText) -> Iterator[Hit]:
    rows = Stream.objects.present().select_related("station").order_by("name", "pk")
    named = Q(name__icontains=asked.text) | Q(station__name__icontains=asked.text)
    for each in either(rows, Q(uid__in=asked.ids), named, asked):
        url = reverse("portal:stream_day", args=[each.uid])
        yield Hit(marked(each.name, asked.text), url, each.station.name)


def _stations(asked: SearchText) -> Iterator[Hit]:
    exact = Q(uid__in=asked.ids) | Q(custom_id=asked.text)
    named = Q(name__icontains=asked.text) | Q(call_sign__iexact=asked.text)
    for each in either(Station.objects.order_by("name"), exact, named, asked):
        url = reverse("portal:station", args=[each.uid])
        yield Hit(marked(each.name, asked.text), url, each.place)


def _unknown_items(asked: SearchText) -> Iterator[Hit]:
    items = list(recurring.find_items(asked.text, asked.ids)[: asked.limit])
    titles = recurring.titles(items)
    for each in items:
        yield Hit(
            marked(titles[each.pk], asked.text),
            reverse("portal:unknown_item", args=[each.uid]),
            read_clock(each.length_ms, digits=1),
            end=each.get_state_display(),
        )
