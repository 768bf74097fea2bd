"""Forms of stations and streams, and the filters of the log."""

from __future__ import annotations

from datetime import date
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from base.common.exchanges import LinkRefused
from base.common.http import check_link
from base.common.receivers import MailRefused, check_mail
from base.common.zones import UTC, zone_choices
from plugins.monitoring.streams.choices import AirplayState
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
from web.portal.shared.model_forms import PortalForm, name_empty_choice

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


class ZoneField(forms.ChoiceField):
    """A time zone."""

    widget = SearchSelect

    def __init__(self, **options: Any) -> None:  # Any: Django's own signature
        options.pop("max_length", None)
        super().__init__(choices=zone_choices, **options)


class StationForm(PortalForm[Station]):
    """A station as reports and declarations name it."""

    class Meta(PortalForm.Meta):
        model = Station
        fields = Station.SETTINGS
        field_classes = {"territory": CountryField, "time_zone": ZoneField}

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # Any: Django's signature
        """Say in words what an empty commercial model means."""
        super().__init__(*args, **kwargs)
        name_empty_choice(self, commercial_model=_("Not known"))


class BannedForm(forms.Form):
    """Recordings that a station must not play."""

    banned = RecordingsField(
        required=False,
        label=gettext_lazy("Recordings that must not be played"),
        help_text=gettext_lazy("Playing one raises an alarm on every stream."),
    )


class StreamSettingsForm(PortalForm[Stream]):
    """What people may change about a stream after it was added."""

    class Meta(PortalForm.Meta):
        model = Stream
        fields: tuple[str, ...] = Stream.SETTINGS
        field_classes = {
            "urls": AddressesField,
            "alarm_emails": EmailsField,
            "alarm_url": WebhookField,
        }
        widgets = dict.fromkeys(
            ("quiet_from", "quiet_until"), forms.TimeInput({"type": "time"}, format="%H:%M")
        )

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # Any: Django's signature
        """Say in words what happens without a chosen encoding."""
        super().__init__(*args, **kwargs)
        if "title_charset" in self.fields:
            name_empty_choice(self, title_charset=_("Guessed"))

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
    time_zone = ZoneField(required=False, initial=UTC, label=gettext_lazy("Its time zone"))
    container = container_field(gettext_lazy("Its buckets are searched; its policies apply."))
    name = forms.CharField(
        required=False,
        max_length=200,
        label=gettext_lazy("Name of the stream"),
        help_text=gettext_lazy("Leave empty to use the station's name."),
    )

    class Meta(StreamSettingsForm.Meta):
        fields = ("urls", "container", "name", "keep_hours")

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
