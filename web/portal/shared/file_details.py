"""What people say about a file, alike wherever they submit or change it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django import forms
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from scanning.errors import IntakeRefused
from scanning.models import ScannedFile
from scanning.services.intake import Details, checked_link
from scanning.tags import tags_of
from web.portal.shared.fields import tags_field, territories_field
from web.portal.shared.model_forms import field_of


class PublishedField(forms.DateTimeField):
    """The day on which a file was published, in the installation's zone.

    Licences count by this day, so it is the same one whoever enters or reads it.
    """

    widget = forms.DateTimeInput(attrs={"type": "date"}, format="%Y-%m-%d")

    def prepare_value(self, value: Any) -> Any:  # Any: Django's own signature
        """Return a moment as the day there."""
        with timezone.override(None):
            return super().prepare_value(value)

    def to_python(self, value: Any) -> datetime | None:
        """Return the begin of the day there. Any: Django's own signature."""
        with timezone.override(None):
            return super().to_python(value)


class AddressField(forms.CharField):
    """Where a file is on the web, as a link."""

    widget = forms.URLInput

    def clean(self, value: Any) -> str:
        """Return the address as it is stored. Any: Django's own signature."""
        text: str = super().clean(value)
        try:
            return checked_link(text) if text else ""
        except IntakeRefused as refused:
            raise forms.ValidationError(str(refused), refused.code) from refused


class FileDetailsForm(forms.Form):
    """A file's address, programme, account, day, territories, tags."""

    source_url = field_of(
        ScannedFile,
        "source_url",
        form_class=AddressField,
        label=_("Address on the web"),
        help_text=_("Where people find this file. Licences and claims read it."),
    )
    programme = field_of(
        ScannedFile, "programme", widget=forms.TextInput({"data-suggest": "programmes"})
    )
    account = field_of(ScannedFile, "account", widget=forms.TextInput({"data-suggest": "accounts"}))
    published_at = field_of(ScannedFile, "published_at", form_class=PublishedField)
    territories = territories_field()
    tags = tags_field()

    def details(self) -> Details:
        """Return the details of a valid form."""
        values = self.cleaned_data
        stated = {name: values[name] for name in ScannedFile.DETAILS if name in values}
        return stated | {"tags": tags_of(territories=values["territories"], words=values["tags"])}
