"""Forms of the catalogue: buckets and recordings."""

from __future__ import annotations

from typing import Any

from django import forms
from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.http import QueryDict
from django.utils.translation import gettext_lazy as _

from catalogue.identifiers import check_iswc, check_upc
from catalogue.models import Bucket, Recording, RecordingStatus
from catalogue.selectors import searchable_buckets
from catalogue.services import RecordingDetails
from portal.shared.fields import (
    ArtistsField,
    IfThereField,
    SearchSelect,
    checked,
    release_date_field,
)
from scanning.sources.links import too_large_message

CANNOT_BE_FOUND = "cannot_be_found"


class BucketForm(forms.ModelForm[Bucket]):
    """The settings of a bucket."""

    class Meta:
        model = Bucket
        fields = ["name", "intake_rule", "intake_versions", "search_earlier"]


class MoveForm(forms.Form):
    """The bucket that a recording moves to."""

    bucket = forms.ModelChoiceField(
        searchable_buckets(), widget=SearchSelect, label=_("New bucket")
    )

    def __init__(self, data: QueryDict | None, *, recording: Recording) -> None:
        super().__init__(data)
        self._recording = recording

    def clean_bucket(self) -> Bucket:
        """Refuse the bucket in which the recording is."""
        bucket: Bucket = self.cleaned_data["bucket"]
        if bucket.pk == self._recording.bucket_id:
            raise forms.ValidationError(
                _("The recording is in this bucket. Choose another one.")
            )
        return bucket


class RecordingFilterForm(forms.Form):
    """Filters of the list of recordings."""

    q = forms.CharField(required=False, label=_("Title, artist or code"))
    state = forms.ChoiceField(
        required=False,
        choices=[
            ("", _("Any state")),
            *RecordingStatus.choices,
            (CANNOT_BE_FOUND, _("Cannot be found")),
        ],
        label=_("State"),
    )


class ReplaceAudioForm(forms.Form):
    """The audio that takes the place of a recording's."""

    audio = forms.FileField(
        label=_("Audio"),
        error_messages={
            "required": _("Choose the audio file first."),
            "empty": _("The file is empty. Nothing was replaced."),
        },
    )

    def clean_audio(self) -> UploadedFile[Any]:  # Any: bytes or text
        """Refuse a file over the limit of uploads."""
        file: UploadedFile[Any] = self.cleaned_data["audio"]
        if (file.size or 0) > settings.ACRPORTAL_MAX_FILE_BYTES:
            raise forms.ValidationError(
                too_large_message(str(file.name), file.size or 0)
            )
        return file


class RecordingForm(forms.Form):
    """A new recording: audio and metadata."""

    bucket = forms.ModelChoiceField(
        searchable_buckets(),
        empty_label=None,
        widget=SearchSelect,
        label=_("Bucket"),
    )
    audio = forms.FileField(label=_("Audio"))
    title = forms.CharField(max_length=500, label=_("Title"))
    artists = ArtistsField()
    version_title = forms.CharField(
        required=False, max_length=500, label=_("Version title")
    )
    custom_id = forms.CharField(required=False, max_length=200, label=_("Custom ID"))
    album = forms.CharField(required=False, max_length=500, label=_("Album"))
    label = forms.CharField(required=False, max_length=300, label=_("Label"))
    release_date = release_date_field()
    isrc = forms.CharField(required=False, max_length=40, label=_("ISRC"))
    upc = forms.CharField(required=False, max_length=20, label=_("UPC or EAN"))
    iswc = forms.CharField(required=False, max_length=20, label=_("ISWC"))
    if_there = IfThereField(help_text=_("For buckets that ask a person."))

    def clean_upc(self) -> str:
        """Refuse a code with wrong digits."""
        return checked(check_upc, self.cleaned_data["upc"])

    def clean_iswc(self) -> str:
        """Refuse a code with wrong digits."""
        return checked(check_iswc, self.cleaned_data["iswc"])

    def details(self) -> RecordingDetails:
        """Return the metadata of the recording."""
        values = self.cleaned_data
        return RecordingDetails(
            **{
                name: values[name]
                for name in (
                    *(
                        "title",
                        "artists",
                        "custom_id",
                        "version_title",
                        "album",
                        "label",
                    ),
                    *("release_date", "isrc", "upc", "iswc"),
                )
            },
        )
