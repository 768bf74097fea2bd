"""Forms with the filters of a list, made from their definitions."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from django import forms
from django.http import QueryDict
from django.utils import timezone

from base.common.filters import ZONE, Filter, day, score, seconds, zone
from base.common.zones import UTC
from review.filters import FILTERS, MATCHES, QUEUE
from web.portal.shared.choices import KINDS
from web.portal.shared.fields import SearchSelect


class DayInput(forms.DateInput):
    """The browser's date input, with ISO dates as in the query string."""

    input_type = "date"

    def __init__(self) -> None:
        super().__init__(format="%Y-%m-%d")


class ZoneInput(forms.HiddenInput):
    """The zone of a list's days: that of its address, else the reader's."""

    def value_from_datadict(
        self, data: Mapping[str, Any], files: object, name: str
    ) -> str:  # Any: Django's own signature
        """Return the zone; empty for UTC, which needs no name in addresses."""
        zone = str(data.get(name) or "")
        if zone or any(data.get(day_name) for day_name in _DAYS):
            return zone
        own = timezone.get_current_timezone_name()
        return "" if own == UTC else own


_DAYS = [filter_.name for filter_ in FILTERS if filter_.parse is day]


def field_of(filter_: Filter) -> forms.Field:
    """Return the optional form field of a filter."""
    label = str(filter_.label)
    if filter_.parse is zone:
        return forms.CharField(required=False, label="", widget=ZoneInput)
    if not label:
        return forms.CharField(required=False, widget=forms.HiddenInput)
    offered = filter_.options() if filter_.options else filter_.choices
    if offered:
        choices = [("", filter_.any_label), *offered]
        widget = SearchSelect() if filter_.options else forms.Select({"class": "control"})
        return forms.ChoiceField(required=False, label=label, choices=choices, widget=widget)
    if filter_.model is not None:
        return forms.ModelChoiceField(
            filter_.model.objects.present(),  # type: ignore[attr-defined]  # as those of buckets and containers have
            required=False,
            label=label,
            empty_label=str(filter_.any_label),
            widget=SearchSelect,
        )
    if filter_.parse is day:
        return forms.DateField(required=False, label=label, widget=DayInput)
    if filter_.parse is seconds:
        return forms.DecimalField(required=False, label=label, min_value=Decimal(0))
    if filter_.parse is score:
        return forms.DecimalField(
            required=False, label=label, min_value=Decimal(0), max_value=Decimal(100)
        )
    kind = f"{filter_.name}s"
    suggested = {"data-suggest": kind} if kind in KINDS else {}
    return forms.CharField(required=False, label=label, widget=forms.TextInput(suggested))


# Always in sight above a list; the others are behind "Add filter".
_FIRST = frozenset({"q", "state", "container", "bucket"})


class FilterForm(forms.Form):
    """The filters that one list offers."""

    list_name = MATCHES

    @property
    def behind_menu(self) -> list[str]:
        """Return the names of the filters that a menu adds."""
        return [name for name in self.fields if name not in _FIRST]

    def __init__(self, data: QueryDict | None = None) -> None:
        super().__init__(data)
        own = self.fields
        self.fields = {
            filter_.name: own.pop(filter_.name) if filter_.name in own else field_of(filter_)
            for filter_ in FILTERS
            if self.list_name in filter_.lists
        } | own
        for name in _DAYS:
            if name in self.fields:
                self.fields[name].help_text = str(self[ZONE].value() or UTC)


class QueueFilterForm(FilterForm):
    """Filters of the review queue."""

    list_name = QUEUE


class MatchFilterForm(FilterForm):
    """Filters of the list of all matches."""
