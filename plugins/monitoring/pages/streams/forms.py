"""Forms of stations and streams, and the filters of the log."""

from __future__ import annotations

from datetime import date
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from base.common.charsets import CHARSETS
from base.common.exchanges import LinkRefused
from base.common.http import check_link
from base.common.receivers import MailRefused, check_mail
from base.common.zones import UTC, zone_choices
from plugins.monitoring.streams.choices import AirplayState, CommercialModel
from plugins.monitoring.streams.models import Station, Stream
from web.portal.shared.fields import (
    CountryField,
    LinesField,
    Picker,
    RecordingsField,
    SearchSelect,
    WebhookField,
    container_field,
    only_when,
)

MOST_ADDRESSES = 5
MOST_EMAILS = 20
_DAY = forms.DateInput({"type": "date"}, format="%Y-%m-%d")


class AddressesField(LinesField):
    """Addresses of one stream, one per line, in the order in which they are tried."""

    def clean(self, value: object) -> Any:  # Any: a list where Django has text
        """Return the addresses; reject those that no request may go to."""
        urls: list[str] = super().clean(value)
        if len(urls) > MOST_ADDRESSES:
            raise ValidationError(_("Enter at most %(most)s addresses.") % {"most": MOST_ADDRESSES})
        for url in urls:
            if len(url) > 2000:
                raise ValidationError(_("An address is longer than 2,000 characters."))
            try:
                check_link(url)
            except LinkRefused as error:
                raise ValidationError(f"{url[:80]}: {error}") from error
        return urls


class EmailsField(LinesField):
    """Email addresses, one per line."""

    def clean(self, value: object) -> Any:  # Any: a list where Django has text
        """Return the addresses; reject those to which no mail may be sent."""
        emails: list[str] = super().clean(value)
        if len(emails) > MOST_EMAILS:
            raise ValidationError(_("Enter at most %(most)s addresses.") % {"most": MOST_EMAILS})
        for email in emails:
            try:
                check_mail(email)
            except MailRefused as refused:
                raise ValidationError(str(refused)) from refused
        return emails


class StationForm(forms.ModelForm[Station]):
    """A station as reports and declarations name it."""

    territory = CountryField(label=gettext_lazy("Territory"))
    time_zone = forms.ChoiceField(
        choices=zone_choices,
        initial=UTC,
        widget=SearchSelect,
        label=gettext_lazy("Time zone"),
        help_text=gettext_lazy("The days of its streams begin at midnight in this zone."),
    )

    class Meta:
        model = Station
        fields = [
            *("name", "place", "territory", "time_zone", "type", "call_sign"),
            *("custom_id", "commercial_model", "soundexchange_category"),
        ]
        labels = {
            "name": gettext_lazy("Name"),
            "place": gettext_lazy("Place"),
            "call_sign": gettext_lazy("Call sign"),
            "custom_id": gettext_lazy("Custom ID"),
            "type": gettext_lazy("Type"),
            "commercial_model": gettext_lazy("Commercial model"),
            "soundexchange_category": gettext_lazy("SoundExchange category"),
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # Any: Django's signature
        """Say in words what an empty commercial model means."""
        super().__init__(*args, **kwargs)
        self.fields["commercial_model"].choices = [  # type: ignore[attr-defined]  # a choice field
            ("", _("Not known")),
            *CommercialModel.choices,
        ]


class BannedForm(forms.Form):
    """Recordings that a station must not play."""

    banned = RecordingsField(
        required=False,
        label=gettext_lazy("Recordings that must not be played"),
        help_text=gettext_lazy("Playing one raises an alarm on every stream."),
    )


class StreamSettingsForm(forms.ModelForm[Stream]):
    """What people may change about a stream after it was added."""

    urls = AddressesField(
        label=gettext_lazy("Addresses"),
        help_text=gettext_lazy(
            "One per line: Icecast, SHOUTcast or HLS. The next is tried if one fails."
        ),
    )
    title_charset = forms.ChoiceField(
        required=False,
        choices=[("", gettext_lazy("Guessed")), *CHARSETS.items()],
        label=gettext_lazy("Text of the titles"),
        help_text=gettext_lazy("Choose an encoding if titles show wrong letters."),
    )
    alarm_emails = EmailsField(
        required=False,
        label=gettext_lazy("Email addresses"),
        help_text=gettext_lazy("One per line. Each gets an email when an alarm begins."),
    )
    alarm_url = WebhookField(
        label=gettext_lazy("Webhook"),
        help_text=gettext_lazy("Alarms are posted to this address, signed."),
    )

    class Meta:
        model = Stream
        fields = [
            *("name", "urls", "title_charset", "keep_hours"),
            *("silent_minutes", "away_minutes"),
            *("unmatched_minutes", "quiet_from", "quiet_until", "alarm_emails"),
            "alarm_url",
        ]
        labels = {
            "name": gettext_lazy("Name"),
            "keep_hours": gettext_lazy("Hours of audio kept"),
            "silent_minutes": gettext_lazy("Alarm after minutes of silence"),
            "away_minutes": gettext_lazy("Alarm after minutes away"),
            "unmatched_minutes": gettext_lazy("Alarm after minutes without a match"),
            "quiet_from": gettext_lazy("No email from"),
            "quiet_until": gettext_lazy("No email until"),
        }
        help_texts = {
            "keep_hours": gettext_lazy("At most 2,160, which is 90 days."),
            "silent_minutes": gettext_lazy("Leave empty for no such alarm."),
            "away_minutes": gettext_lazy("Leave empty for no such alarm."),
            "unmatched_minutes": gettext_lazy("Leave empty for no such alarm."),
            "quiet_from": gettext_lazy("In the station's local time."),
        }
        widgets = {
            "quiet_from": forms.TimeInput({"type": "time"}, format="%H:%M"),
            "quiet_until": forms.TimeInput({"type": "time"}, format="%H:%M"),
        }

    def clean(self) -> dict[str, Any] | None:  # Any: Django's own signature
        """Require both ends of the quiet hours, or none."""
        values = super().clean() or {}
        ends = [values.get(name) for name in ("quiet_from", "quiet_until")]
        if ends.count(None) == 1 and not self.errors.keys() & {"quiet_from", "quiet_until"}:
            self.add_error("quiet_until", _("Enter both ends of the quiet hours, or none."))
        return values


class StreamForm(StreamSettingsForm):
    """A new stream; its station is one that exists, or a new one."""

    station = forms.ModelChoiceField(
        Station.objects.all(),
        required=False,
        empty_label=gettext_lazy("A new station"),
        label=gettext_lazy("Station"),
        widget=SearchSelect,
    )
    station_name = forms.CharField(
        required=False, max_length=200, label=gettext_lazy("Name of the new station")
    )
    time_zone = forms.ChoiceField(
        choices=zone_choices,
        initial=UTC,
        required=False,
        widget=SearchSelect,
        label=gettext_lazy("Its time zone"),
    )
    container = container_field(gettext_lazy("Its buckets are searched; its policies apply."))
    name = forms.CharField(
        required=False,
        max_length=200,
        label=gettext_lazy("Name of the stream"),
        help_text=gettext_lazy("Leave empty to use the station's name."),
    )

    class Meta(StreamSettingsForm.Meta):
        fields = ["urls", "container", "name", "keep_hours"]

    title_charset = None  # type: ignore[assignment]  # Django's way to drop a field
    alarm_emails = None  # type: ignore[assignment]
    alarm_url = None  # type: ignore[assignment]

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # Any: Django's signature
        """Require a new station's fields only if the station is new."""
        super().__init__(*args, **kwargs)
        for name in ("station_name", "time_zone"):
            only_when(self.fields[name], "station", "", needed=True)

    def clean(self) -> dict[str, Any] | None:  # Any: Django's own signature
        """Require a station, or the name of one that does not exist yet."""
        values = forms.ModelForm.clean(self) or {}
        name = (values.get("station_name") or "").strip()
        if values.get("station") is None and "station" not in self.errors:
            if not name:
                self.add_error("station_name", _("Choose a station, or name a new one."))
            elif Station.objects.filter(name=name).exists():
                self.add_error(
                    "station_name",
                    _("A station with this name already exists. Choose it from the list."),
                )
        return values


class LogFilterForm(forms.Form):
    """Filters of the log of plays; days are those of the reader's zone."""

    station = forms.ModelChoiceField(
        Station.objects.all(),
        required=False,
        empty_label=gettext_lazy("Any station"),
        label=gettext_lazy("Station"),
    )
    stream = forms.ModelChoiceField(
        Stream.objects.present(),
        required=False,
        to_field_name="uid",
        empty_label=gettext_lazy("Any stream"),
        label=gettext_lazy("Stream"),
    )
    since = forms.DateField(required=False, label=gettext_lazy("From"), widget=_DAY)
    until = forms.DateField(required=False, label=gettext_lazy("To"), widget=_DAY)
    state = forms.ChoiceField(
        required=False,
        choices=[("", gettext_lazy("Any")), *AirplayState.choices],
        label=gettext_lazy("State"),
    )
    recording = RecordingsField(
        required=False, label=gettext_lazy("Recordings"), widget=Picker("recordings")
    )

    def chosen(self, name: str) -> Any:  # Any: of the field's type
        """Return the value of a filter; None if it is missing or wrong."""
        return self.cleaned_data.get(name) if self.is_valid() or self.is_bound else None

    @property
    def days(self) -> tuple[date | None, date | None]:
        """Return the first and the last day."""
        return self.chosen("since"), self.chosen("until")
