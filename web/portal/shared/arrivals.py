"""Fields about the episode of files, and what else is said of them, alike everywhere."""

from __future__ import annotations

from typing import Any, Protocol

from django import forms
from django.utils.translation import gettext
from rest_framework import serializers

from base.common.registry import Registry
from review.programmes.arrivals import Arrival, arrival_fields, arrival_labels, read_arrival
from review.programmes.errors import ProgrammeRefused
from review.programmes.models import Episode
from web.portal.shared.model_forms import field_of


class ApiPart(Protocol):
    """What another feature asks about submitted files in the API."""

    def fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        """Return the optional fields. Any: their values."""

    def read(self, values: dict[str, Any]) -> dict[str, Any]:
        """Return the values with rows instead of ids, as ``read_arrival`` takes them.

        Raises ``ValidationError``. Any: JSON.
        """


api_parts: Registry[ApiPart] = Registry()
"""Parts of the API that belong to the arrival of files."""
more_fields: Registry[type[forms.Form]] = Registry()
"""Forms with optional fields that belong to the arrival of files."""


class SeriesFields(forms.Form):
    """What the episodes of a series have in common."""

    series = field_of(Episode, "series")
    season = field_of(Episode, "season")
    production_company = field_of(Episode, "production_company")


class ArrivalFields(forms.Form):
    """A form whose cleaned values say something of many files at once."""

    def clean(self) -> dict[str, Any]:  # Any: Django's own type
        """Read what the fields say together."""
        values = super().clean() or {}
        if self.errors.keys() & {*arrival_fields()}:
            return values
        try:
            values["arrival"] = read_arrival(values)
        except ProgrammeRefused as refused:
            self.add_error(refused.field, str(refused))
        return values

    @property
    def arrival(self) -> Arrival:
        """Return the values of a valid form."""
        arrival: Arrival = self.cleaned_data["arrival"]
        return arrival


class ArrivalForm(ArrivalFields, SeriesFields):
    """The episode of submitted files, and what else is said of them; all optional."""

    episode = field_of(Episode, "number")
    episode_title = field_of(Episode, "title")

    def __init__(self, *arguments: Any, **options: Any) -> None:
        """Add the fields of packages above. Any: Django's own arguments."""
        super().__init__(*arguments, **options)
        for form in more_fields:
            self.fields.update(form().fields)

    @property
    def arrival_title(self) -> str:
        """Return the heading of the fields."""
        return ", ".join((gettext("Episode"), *arrival_labels()))

    def arrival_fields(self) -> list[forms.BoundField]:
        """Return the fields for a page."""
        return [self[name] for name in arrival_fields()]

    def sent_arrival(self) -> list[tuple[str, str]]:
        """Return the submitted values of these fields, to be sent again."""
        sent = [(name, self.data.get(name, "")) for name in arrival_fields()]
        return [(name, text) for name, text in sent if text]

    @property
    def says_arrival(self) -> bool:
        """Tell whether any of these fields has a value."""
        return any(field.value() for field in self.arrival_fields())
