"""The form that makes a recording of sound without a name."""

from __future__ import annotations

from django import forms
from django.utils.translation import gettext_lazy as _

from catalogue.models import Bucket
from catalogue.selectors import searchable_buckets
from catalogue.services import RecordingDetails
from web.portal.shared.fields import ArtistsField, IfThereField, SearchSelect


class NameForm(forms.Form):
    """The metadata of the recording that sound becomes."""

    title = forms.CharField(max_length=500, label=_("Title"))
    artists = ArtistsField()
    isrc = forms.CharField(required=False, max_length=40, label=_("ISRC"))
    bucket = forms.ModelChoiceField(
        searchable_buckets(), empty_label=None, widget=SearchSelect, label=_("Bucket")
    )
    if_there = IfThereField()

    @property
    def bucket_chosen(self) -> Bucket:
        """Return the bucket of a valid form."""
        bucket: Bucket = self.cleaned_data["bucket"]
        return bucket

    def details(self) -> RecordingDetails:
        """Return the metadata of the recording."""
        values = self.cleaned_data
        return RecordingDetails(
            title=values["title"], artists=values["artists"], isrc=values["isrc"]
        )
