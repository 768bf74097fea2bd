"""Streams and stations in the search of every page."""

from __future__ import annotations

from collections.abc import Iterator

from django.db.models import Q
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from base.accounts.models import User
from plugins.monitoring.streams.models import Station, Stream
from web.portal.shared.searching import Hit, SearchKind, SearchText, either, marked


def _streams(search: SearchText, _user: User) -> Iterator[Hit]:
    rows = Stream.objects.present().select_related("station").order_by("name", "pk")
    named = Q(name__icontains=search.text) | Q(station__name__icontains=search.text)
    for stream in either(rows, Q(uid__in=search.ids), named, search):
        url = reverse("portal:stream_day", args=[stream.uid])
        yield Hit(marked(stream.name, search.text), url, stream.station.name)


def _stations(search: SearchText, _user: User) -> Iterator[Hit]:
    exact = Q(uid__in=search.ids) | Q(custom_id=search.text)
    named = Q(name__icontains=search.text) | Q(call_sign__iexact=search.text)
    for station in either(Station.objects.order_by("name"), exact, named, search):
        url = reverse("portal:station", args=[station.uid])
        yield Hit(marked(station.name, search.text), url, station.place)


SEARCH_KINDS = (
    SearchKind("streams", _("Streams"), "streams", _streams),
    SearchKind("stations", _("Stations"), "streams", _stations),
)
