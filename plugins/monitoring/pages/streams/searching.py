"""Streams and stations in the search of every page."""

from __future__ import annotations

from collections.abc import Iterator

from django.db.models import Q
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from plugins.monitoring.streams.models import Station, Stream
from portal.shared.searching import Hit, SearchKind, SearchText, either, marked


def _streams(asked: SearchText, _user: User) -> Iterator[Hit]:
    rows = Stream.objects.present().select_related("station").order_by("name", "pk")
    named = Q(name__icontains=asked.text) | Q(station__name__icontains=asked.text)
    for each in either(rows, Q(uid__in=asked.ids), named, asked):
        url = reverse("portal:stream_day", args=[each.uid])
        yield Hit(marked(each.name, asked.text), url, each.station.name)


def _stations(asked: SearchText, _user: User) -> Iterator[Hit]:
    exact = Q(uid__in=asked.ids) | Q(custom_id=asked.text)
    named = Q(name__icontains=asked.text) | Q(call_sign__iexact=asked.text)
    for each in either(Station.objects.order_by("name"), exact, named, asked):
        url = reverse("portal:station", args=[each.uid])
        yield Hit(marked(each.name, asked.text), url, each.place)


SEARCH_KINDS = (
    SearchKind("streams", _("Streams"), "streams", _streams),
    SearchKind("stations", _("Stations"), "streams", _stations),
)
