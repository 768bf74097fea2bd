"""Fields about the episode and the broadcast of files, alike wherever people enter them."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from broadcasts.arrivals import BROADCAST_FIELDS, EPISODE_FIELDS, Arrival, read_arrival
from broadcasts.choices import Showing
from broadcasts.errors import BroadcastRefused
from portal.shared.fields import SearchSelect
from streams.models import Station

_NAMES = (*EPISODE_FIELDS, *BROADCAST_FIELDS)


class SeriesFields(forms.Form):
    """What the episodes of a series have in common."""

    series = forms.CharField(required=False, max_length=300, label=_("Series or film"))
    season = forms.CharField(required=False, max_length=40, label=_("Season"))
    production_company = forms.CharField(
        required=False, max_length=300, label=_("Production company")
    )


class BroadcastFields(forms.Form):
    """One broadcast; its start is a local time of the station, or has an offset."""

    station = forms.ModelChoiceField(
        Station.objects.all(),
        to_field_name="uid",
        label=_("Station"),
        empty_label=_("Choose a station"),
        widget=SearchSelect,
    )
    starts_at: forms.Field = forms.CharField(
        max_length=40,
        label=_("Begins at"),
        help_text=_("Local time of the station, as 2026-11-03 07:00."),
    )
    showing = forms.ChoiceField(
        required=False,
        choices=[("", _("Not known")), *Showing.choices],
        label=_("First broadcast or repeat"),
    )


class ArrivalFields(forms.Form):
    """A form whose cleaned values say something of many files at once."""

    def clean(self) -> dict[str, Any]:  # Any: Django's own type
        """Read the time of the broadcast in the zone of its station."""
        values = super().clean() or {}
        if self.errors.keys() & {*_NAMES}:
            return values
        try:
            values["arrival"] = read_arrival(values)
        except BroadcastRefused as refused:
            self.add_error(refused.field, str(refused))
        return values

    @property
    def arrival(self) -> Arrival:
        """Return the values of a valid form."""
        arrival: Arrival = self.cleaned_data["arrival"]
        return arrival


class ArrivalForm(ArrivalFields, SeriesFields, BroadcastFields):
    """The episode of submitted files, and one broadcast of them; all of it optional."""

    episode = forms.CharField(required=False, max_length=40, label=_("Episode number"))
    episode_title = forms.CharField(
        required=False, max_length=300, label=_("Episode title")
    )

    def __init__(self, *arguments: Any, **options: Any) -> None:
        """Ask for no broadcast. Any: Django's own arguments."""
        super().__init__(*arguments, **options)
        station = self.fields["station"]
        if isinstance(station, forms.ModelChoiceField):
            station.empty_label = _("No broadcast")
        for name in BROADCAST_FIELDS:
            self.fields[name].required = False

    def arrival_fields(self) -> list[forms.BoundField]:
        """Return the fields for a page."""
        return [self[name] for name in _NAMES]

    def sent_arrival(self) -> list[tuple[str, str]]:
        """Return the submitted values of these fields, to be sent again."""
        sent = [(name, self.data.get(name, "")) for name in _NAMES]
        return [(name, text) for name, text in sent if text]

    @property
    def says_arrival(self) -> bool:
        """Tell whether any of these fields has a value."""
        return any(field.value() for field in self.arrival_fields())
