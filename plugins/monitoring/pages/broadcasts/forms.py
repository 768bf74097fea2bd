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
from plugins.monitoring.broadcasts.models import Broadcast
from plugins.monitoring.broadcasts.services import broadcast_state, broadcast_values, hours_state
from plugins.monitoring.broadcasts.times import (
    hours_of_day,
    length_text,
    local_text,
    moments,
    read_length,
)
from plugins.monitoring.broadcasts.values import AudienceValues, BroadcastValues, RevenueValues
from plugins.monitoring.pages.broadcasts.fields import BroadcastFields
from plugins.monitoring.streams.models import Station
from review.programmes.errors import ProgrammeRefused
from review.programmes.values import EpisodeValues, Values
from web.portal.shared.arrivals import SeriesFields
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


class EpisodeForm(SeenForm, SeriesFields):
    """What a file is as a programme."""

    field_order = ("series", "also_known_as", "season", "number", "title")

    also_known_as = forms.CharField(required=False, max_length=300, label=_("Also known as"))
    number = forms.CharField(required=False, max_length=40, label=_("Episode number"))
    title = forms.CharField(required=False, max_length=300, label=_("Episode title"))
    isan = forms.CharField(required=False, max_length=40, label="ISAN")

    def values(self) -> EpisodeValues:
        """Return the values of a valid form."""
        return self._cleaned(EpisodeValues)


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

    def values(self) -> BroadcastValues:
        """Return the values of a valid form; the start is local unless it was chosen."""
        local: datetime = self.cleaned_data["starts_at"]
        station: Station = self.cleaned_data["station"]
        instants = moments(local, station.time_zone)
        chosen = self.cleaned_data["occurrence"]
        starts_at = local
        if chosen and len(instants) > 1:
            starts_at = instants[0] if chosen == "earlier" else instants[1]
        return BroadcastValues(
            starts_at=starts_at,
            length_ms=self.cleaned_data["length_ms"],
            showing=self.cleaned_data["showing"],
        )

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
    values = broadcast_values(row)
    return {
        "station": row.station.uid,
        "starts_at": local_text(row.starts_at, row.time_zone)[:19].replace(" ", "T"),
        "occurrence": occurrence,
        "length_ms": "" if values.length_ms is None else length_text(values.length_ms),
        "showing": values.showing,
        "seen": broadcast_state(row),
    }


class AudienceForm(SeenForm):
    """How many people heard a broadcast, or a station in a month."""

    listeners = forms.IntegerField(
        required=False,
        min_value=0,
        max_value=10**12,
        label=_("Listeners"),
        help_text=_("The average number at one time."),
    )
    performances = forms.IntegerField(
        required=False,
        min_value=0,
        max_value=10**15,
        label=_("Performances"),
        help_text=_("Each play, counted once per listener."),
    )
    tuning_hours = forms.DecimalField(
        required=False,
        min_value=0,
        max_digits=16,
        decimal_places=2,
        label=_("Hours of listening"),
        help_text=_("All listeners together."),
    )

    def values(self) -> AudienceValues:
        """Return the values of a valid form."""
        return self._cleaned(AudienceValues)


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


class RevenueForm(SeenForm):
    """What a station earned in a month, for one kind of rights."""

    net_revenue = forms.DecimalField(
        required=False,
        min_value=0,
        max_digits=16,
        decimal_places=2,
        label=_("Net revenue"),
        help_text=_("Leave empty if not known."),
    )
    currency = forms.CharField(
        required=False,
        max_length=3,
        label=_("Currency"),
        help_text=_("Three letters, such as CHF."),
    )

    def __init__(
        self, rights_type: RightsType, data: QueryDict | None = None, *, now: Values | None = None
    ) -> None:
        super().__init__(data, now=now, prefix=rights_type.value)
        self.rights_type = rights_type

    def values(self) -> RevenueValues:
        """Return the values of a valid form."""
        return self._cleaned(RevenueValues)


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
