"""Forms of episodes, broadcasts, uses of music and figures of stations.

Each form of existing values carries their ``seen`` state, so that two people do not
overwrite each other.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from django import forms
from django.http import QueryDict
from django.utils.translation import gettext_lazy as _

from plugins.monitoring.broadcasts.choices import RightsType
from plugins.monitoring.broadcasts.models import Audience, Broadcast, Revenue
from plugins.monitoring.broadcasts.services import broadcast_state, hours_state
from plugins.monitoring.broadcasts.times import (
    hours_of_day,
    length_text,
    local_text,
    moments,
    read_length,
)
from plugins.monitoring.pages.broadcasts.fields import BroadcastFields
from plugins.monitoring.streams.models import Station
from review.programmes.errors import ProgrammeRefused
from review.programmes.models import Episode
from review.programmes.values import Values
from web.portal.shared.seen_forms import SeenField, SeenForm

_USUAL_HOURS = 24


class LengthField(forms.CharField):
    """A length as hours, minutes and seconds; cleans to milliseconds or None."""

    def clean(self, value: object) -> Any:  # Any: a number where Django has text
        """Return the length in milliseconds; None for an empty one."""
        text = super().clean(value)
        if not text:
            return None
        try:
            return read_length(text)
        except ProgrammeRefused as refused:
            raise forms.ValidationError(str(refused)) from refused


class EpisodeForm(SeenForm[Episode]):
    """What a file is as a programme."""

    class Meta(SeenForm.Meta):
        model = Episode
        fields = Episode.VALUES


class BroadcastForm(BroadcastFields):
    """One broadcast; the time is the station's local time.

    ``occurrence`` is asked for only when the clocks there show the time twice.
    """

    field_order = ("station", "starts_at", "occurrence", "length_ms", "showing")
    starts_at = forms.DateTimeField(
        label=_("Begins at"),
        help_text=_("Local time of the station."),
        input_formats=[
            *("%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S"),
            *("%Y-%m-%d %H:%M", "%Y-%m-%d %H:%M:%S"),
        ],
        widget=forms.DateTimeInput(
            {"type": "datetime-local", "step": "1"}, format="%Y-%m-%dT%H:%M:%S"
        ),
    )
    occurrence = forms.ChoiceField(
        required=False,
        label=_("Which of the two"),
        choices=[
            ("", _("Choose one")),
            ("earlier", _("The earlier, in summer time")),
            ("later", _("The later, in standard time")),
        ],
    )
    length_ms = LengthField(
        required=False,
        max_length=20,
        label=_("Length"),
        help_text=_("Such as 0:30:00; leave empty for the whole file."),
    )
    seen = SeenField()

    def __init__(
        self, data: QueryDict | None = None, *, broadcast: Broadcast | None = None
    ) -> None:
        super().__init__(data, initial=_initial(broadcast) if broadcast else {})
        if not (self.is_bound and self._is_doubled()):
            self.fields["occurrence"].widget = forms.HiddenInput()

    def clean_starts_at(self) -> datetime:
        """Return the local time without the zone that Django gave it."""
        # Django reads times in the zone of the reader; this one is of the station.
        local: datetime = self.cleaned_data["starts_at"]
        return local.replace(tzinfo=None, fold=0)

    def values(self) -> Values:
        """Return the values of a valid form; the start is local unless it was chosen."""
        local: datetime = self.cleaned_data["starts_at"]
        station: Station = self.cleaned_data["station"]
        instants = moments(local, station.time_zone)
        chosen = self.cleaned_data["occurrence"]
        starts_at = local
        if chosen and len(instants) > 1:
            starts_at = instants[0] if chosen == "earlier" else instants[1]
        return {name: self.cleaned_data[name] for name in Broadcast.VALUES} | {
            "starts_at": starts_at
        }

    def _is_doubled(self) -> bool:
        """Tell whether the clocks at the station show the time twice."""
        try:
            station = self.fields["station"].clean(self.data.get("station"))
            local = datetime.fromisoformat(str(self.data.get("starts_at")))
            if local.tzinfo is not None:
                return False
            return len(moments(local, station.time_zone)) > 1
        except (forms.ValidationError, ValueError, OverflowError):
            return False


def _initial(row: Broadcast) -> dict[str, Any]:  # Any: values of a form
    local = row.starts_at.astimezone(ZoneInfo(row.time_zone)).replace(tzinfo=None)
    instants = moments(local.replace(fold=0), row.time_zone)
    occurrence = ""
    if len(instants) > 1:
        occurrence = "earlier" if row.starts_at == instants[0] else "later"
    return {
        "station": row.station.uid,
        "starts_at": local_text(row.starts_at, row.time_zone)[:19].replace(" ", "T"),
        "occurrence": occurrence,
        "length_ms": "" if row.length_ms is None else length_text(row.length_ms),
        "showing": row.showing,
        "seen": broadcast_state(row),
    }


class AudienceForm(SeenForm[Audience]):
    """How many people heard a broadcast, or a station in a month."""

    class Meta(SeenForm.Meta):
        model = Audience
        fields = Audience.VALUES


class HoursForm(forms.Form):
    """How many people heard a station in each hour of a day."""

    seen = SeenField()

    def __init__(
        self, day: date, zone: str, heard: Mapping[datetime, int], data: Any = None
    ) -> None:  # Any: Django's own
        super().__init__(data, initial={"seen": hours_state(heard)})
        self._hours: dict[str, datetime] = {}
        hours = hours_of_day(day, zone)
        for number, hour in enumerate(hours):
            name = f"hour_{number}"
            self._hours[name] = hour
            clock = local_text(hour, zone)
            # Where summer time ends, one hour comes twice; the offset tells them apart.
            offset = clock[19:] if len(hours) > _USUAL_HOURS else ""
            self.fields[name] = forms.IntegerField(
                required=False,
                min_value=0,
                max_value=10**12,
                initial=heard.get(hour),
                label=clock[11:16] + offset,
            )

    def listeners(self) -> dict[datetime, int | None]:
        """Return the figures of a valid form."""
        return {hour: self.cleaned_data[name] for name, hour in self._hours.items()}


class RevenueForm(SeenForm[Revenue]):
    """What a station earned in a month, for one kind of rights."""

    class Meta(SeenForm.Meta):
        model = Revenue
        fields = Revenue.VALUES

    def __init__(
        self, rights_type: RightsType, data: QueryDict | None = None, *, row: Revenue | None = None
    ) -> None:
        super().__init__(data, row=row, prefix=rights_type.value)
        self.rights_type = rights_type


class DayForm(forms.Form):
    """The day whose hours are shown."""

    day = forms.DateField(
        label=_("Day"), widget=forms.DateInput({"type": "date"}, format="%Y-%m-%d")
    )


class MonthForm(forms.Form):
    """The month whose figures are shown."""

    month = forms.RegexField(
        r"^\d{4}-(0[1-9]|1[0-2])$",
        label=_("Month"),
        widget=forms.TextInput({"type": "month", "placeholder": "2026-11"}),
        error_messages={"invalid": _("Write the month as 2026-11.")},
    )
