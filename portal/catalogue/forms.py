"""Forms of the catalogue: buckets and recordings."""

from __future__ import annotations

from django import forms

from catalogue.identifiers import check_iswc, check_upc
from catalogue.models import (
    Bucket,
    IntakeRule,
    RecordingStatus,
)
from catalogue.selectors import searchable_buckets
from catalogue.services import RecordingDetails
from portal.shared.fields import checked, release_date_field


class BucketForm(forms.ModelForm[Bucket]):
    """The settings of a bucket."""

    class Meta:
        model = Bucket
        fields = ["name", "intake_rule", "intake_versions", "search_earlier"]


class RecordingFilterForm(forms.Form):
    """Filters of the list of recordings."""

    q = forms.CharField(required=False, label="Title, artist or code")
    state = forms.ChoiceField(
        required=False, choices=[("", "Any state"), *RecordingStatus.choices]
    )


class RecordingForm(forms.Form):
    """A new recording: audio and metadata."""

    bucket = forms.ModelChoiceField(searchable_buckets(), empty_label=None)
    audio = forms.FileField()
    title = forms.CharField(max_length=500)
    artists = forms.CharField(
        required=False, max_length=1000, help_text="Several are separated by |"
    )
    version_title = forms.CharField(required=False, max_length=500)
    custom_id = forms.CharField(required=False, max_length=200, label="Custom ID")
    album = forms.CharField(required=False, max_length=500)
    label = forms.CharField(required=False, max_length=300)
    release_date = release_date_field()
    isrc = forms.CharField(required=False, max_length=40, label="ISRC")
    upc = forms.CharField(required=False, max_length=20, label="UPC or EAN")
    iswc = forms.CharField(required=False, max_length=20, label="ISWC")
    if_there = forms.ChoiceField(
        required=False,
        label="If it is there already",
        choices=[
            ("", "Use the bucket's rule"),
            (IntakeRule.ADD_AS_VERSION, "Add it as a version"),
            (IntakeRule.IGNORE, "Add it anyway"),
        ],
        help_text="For buckets that ask a person.",
    )

    def clean_upc(self) -> str:
        """Refuse a code with wrong digits."""
        return checked(check_upc, self.cleaned_data["upc"])

    def clean_iswc(self) -> str:
        """Refuse a code with wrong digits."""
        return checked(check_iswc, self.cleaned_data["iswc"])

    def details(self) -> RecordingDetails:
        """Return the metadata of the recording."""
        values = self.cleaned_data
        names = [name.strip() for name in values["artists"].split("|")]
        return RecordingDetails(
            title=values["title"],
            artists=[name for name in names if name],
            **{
                name: values[name]
                for name in (
                    *("custom_id", "version_title", "album", "label"),
                    *("release_date", "isrc", "upc", "iswc"),
                )
            },
        )
