"""The form that makes a recording of sound without a name."""

from __future__ import annotations

from django import forms
from django.utils.translation import gettext_lazy as _

from catalogue.models import Bucket, Recording
from catalogue.selectors import searchable_buckets
from web.portal.shared.fields import ArtistsField, IfThereField, SearchSelect
from web.portal.shared.model_forms import field_of


class NameForm(forms.Form):
    """The metadata of the recording that sound becomes."""

    title = field_of(Recording, "title")
    artists = ArtistsField()
    isrc = field_of(Recording, "isrc")
    bucket = forms.ModelChoiceField(
        searchable_buckets(), empty_label=None, widget=SearchSelect, label=_("Bucket")
    )
    if_there = IfThereField()

    @property
    def bucket_chosen(self) -> Bucket:
        """Return the bucket of a valid form."""
        bucket: Bucket = self.cleaned_data["bucket"]
        return bucket

    def details(self) -> Recording:
        """Return the metadata of the recording."""
        values = self.cleaned_data
        return Recording(title=values["title"], artists=values["artists"], isrc=values["isrc"])
