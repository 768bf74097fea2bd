"""Fields about one broadcast, alike wherever people enter them."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from plugins.monitoring.broadcasts.choices import Showing
from plugins.monitoring.streams.models import Station
from web.portal.shared.fields import SearchSelect


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


class PerhapsBroadcast(BroadcastFields):
    """A broadcast that may be left out."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        """Ask for no broadcast. Any: Django's own arguments."""
        super().__init__(*arguments, **options)
        station = self.fields["station"]
        if isinstance(station, forms.ModelChoiceField):
            station.empty_label = _("No broadcast")
        for field in self.fields.values():
            field.required = False
