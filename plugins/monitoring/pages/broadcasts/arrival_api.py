"""The broadcast of submitted files, in the API."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext
from rest_framework import serializers

from base.common.api_requests import ChoiceField
from plugins.monitoring.broadcasts.choices import Showing
from plugins.monitoring.streams.models import Station


class BroadcastOfFiles:
    """The station that broadcast files, and when."""

    def fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        """Return the optional fields. Any: their values."""
        optional: dict[str, Any] = {"required": False, "default": "", "allow_blank": True}
        return {
            "station": serializers.CharField(
                max_length=64,
                help_text="The id of the station that broadcast the files.",
                **optional,
            ),
            "starts_at": serializers.CharField(
                max_length=40,
                help_text="The start of the broadcast, in local time of the station.",
                **optional,
            ),
            "showing": ChoiceField(choices=Showing.choices, **optional),
        }

    def read(self, values: dict[str, Any]) -> dict[str, Any]:
        """Return the values with the station. Raises ``ValidationError``. Any: JSON."""
        return values | {"station": _station(values["station"])}


def _station(uid: str) -> Station | None:
    """Return the station that a submit names, if it names one."""
    station = Station.objects.filter(uid=uid).first()
    if uid and station is None:
        raise serializers.ValidationError({"station": [gettext("This station does not exist.")]})
    return station
