"""Forms of the portal's pages."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django import forms
from django.conf import settings
from django.core.files.uploadedfile import UploadedFile

from catalogue.identifiers import BadIdentifier, check_iswc, check_upc
from catalogue.models import (
    Bucket,
    IntakeRule,
    RecordingStatus,
)
from catalogue.selectors import searchable_buckets
from catalogue.services import RecordingDetails
from scanning.choices import EngineChoice, FileStatus
from scanning.models import Container
from scanning.services.intake import FileDetails


def sentence_of(form: forms.BaseForm) -> str:
    """Return what is wrong with a form, in one line."""
    return " ".join(str(text) for texts in form.errors.values() for text in texts)


class ManyFilesInput(forms.ClearableFileInput):
    """A file input that takes several files."""

    allow_multiple_selected = True


class ManyFilesField(forms.FileField):
    """Cleans to a list; an empty or odd file is the service's to refuse, by name."""

    widget = ManyFilesInput

    def clean(
        self, data: Any, initial: Any = None
    ) -> list[UploadedFile[Any]]:  # Any: Django's own signature
        """Return every file that was sent."""
        if not data:
            return []
        return list(data) if isinstance(data, list | tuple) else [data]


class UploadForm(forms.Form):
    """Files and links for one container, as the page sends them without scripts."""

    container = forms.ModelChoiceField(Container.objects.all(), empty_label=None)
    files = ManyFilesField(required=False)  # type: ignore[assignment]  # a field, not the attribute
    links = forms.CharField(required=False, widget=forms.Textarea)
    programme = forms.CharField(required=False, max_length=300)
    account = forms.CharField(required=False, max_length=300)
    published_at = forms.DateTimeField(
        required=False,
        label="Published",
        widget=forms.DateTimeInput(attrs={"type": "date"}),
    )

    def clean_links(self) -> list[str]:
        """Return the links, one per line, without blanks."""
        lines = str(self.cleaned_data["links"]).splitlines()
        links = [line.strip() for line in lines if line.strip()]
        limit = settings.DATA_UPLOAD_MAX_NUMBER_FILES
        if len(links) > limit:
            raise forms.ValidationError(
                f"These are {len(links)} links; {limit} go in one submit."
            )
        return links

    def details(self) -> FileDetails:
        """Return what is said about every item."""
        return FileDetails(
            programme=self.cleaned_data["programme"],
            account=self.cleaned_data["account"],
            published_at=self.cleaned_data["published_at"],
        )


class FileFilterForm(forms.Form):
    """Filters of the list of files."""

    q = forms.CharField(required=False, label="Name")
    state = forms.ChoiceField(
        required=False, choices=[("", "Any state"), *FileStatus.choices]
    )
    container = forms.ModelChoiceField(
        Container.objects.all(), required=False, empty_label="Any container"
    )


class DeleteFileForm(forms.Form):
    """Why a file is deleted."""

    reason = forms.CharField(
        max_length=500, label="Why is it deleted?", help_text="Kept in the audit trail."
    )


class RemoveAudioForm(forms.Form):
    """Why the audio of a file is removed."""

    reason = forms.CharField(
        max_length=500, label="Why is it removed?", help_text="Kept in the audit trail."
    )


class RescanForm(forms.Form):
    """What else a scan searches, or who does it in place of the container's engine."""

    also = forms.ModelMultipleChoiceField(searchable_buckets(), required=False)
    engine = forms.TypedChoiceField(
        required=False,
        choices=[("", ""), (EngineChoice.ACRCLOUD.value, "ACRCloud")],
        coerce=EngineChoice,
        empty_value="",
    )


class ContainerForm(forms.ModelForm[Container]):
    """What an admin says about a container."""

    callback_url = forms.URLField(
        required=False,
        max_length=2000,
        label="Callback address",
        assume_scheme="https",
        help_text="Results are posted to this address when a scan has ended.",
    )

    class Meta:
        model = Container
        fields = [
            *("name", "buckets", "engine", "audio_type", "score_floor"),
            *("upload_audio", "link_audio", "audio_days"),
            *("hide_rejected", "callback_url"),
        ]
        labels = {
            "upload_audio": "Audio kept of uploads",
            "link_audio": "Audio kept of links",
        }
        widgets = {"buckets": forms.CheckboxSelectMultiple}


class BucketForm(forms.ModelForm[Bucket]):
    """What is said about a bucket."""

    class Meta:
        model = Bucket
        fields = ["name", "intake_rule", "intake_versions", "search_earlier"]


class RecordingFilterForm(forms.Form):
    """Filters of the list of recordings."""

    q = forms.CharField(required=False, label="Title, artist or code")
    state = forms.ChoiceField(
        required=False, choices=[("", "Any state"), *RecordingStatus.choices]
    )


def release_date_field() -> forms.RegexField:
    """Return a field for a date of which month and day may be unknown."""
    return forms.RegexField(
        r"^\d{4}(-\d{2}(-\d{2})?)?$",
        required=False,
        help_text="2016, 2016-06 or 2016-06-28",
        error_messages={"invalid": "Enter a date as 2016, 2016-06 or 2016-06-28."},
    )


def checked(check: Callable[[str], str], given: str) -> str:
    """Return an identifier as its check has it, or say what is wrong with it."""
    try:
        return check(given)
    except BadIdentifier as error:
        raise forms.ValidationError(str(error)) from error


class RecordingForm(forms.Form):
    """A new recording: audio and metadata."""

    bucket = forms.ModelChoiceField(searchable_buckets(), empty_label=None)
    audio = forms.FileField()
    title = forms.CharField(max_length=500)
    artists = forms.CharField(
        required=False, max_length=1000, help_text="Several are separated by |"
    )
    version_title = forms.CharField(required=False, max_length=500)
    custom_id = forms.CharField(required=False, max_length=200, label="Your id for it")
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
            ("", "Ask, or do as the bucket says"),
            (IntakeRule.ADD_AS_VERSION, "Add it as a version"),
            (IntakeRule.IGNORE, "Add it all the same"),
        ],
        help_text="For buckets that ask a person.",
    )

    def clean_upc(self) -> str:
        """Check the digits."""
        return checked(check_upc, self.cleaned_data["upc"])

    def clean_iswc(self) -> str:
        """Check the digits."""
        return checked(check_iswc, self.cleaned_data["iswc"])

    def details(self) -> RecordingDetails:
        """Return what is said about the recording."""
        told = self.cleaned_data
        names = [name.strip() for name in told["artists"].split("|")]
        return RecordingDetails(
            title=told["title"],
            artists=[name for name in names if name],
            **{
                name: told[name]
                for name in (
                    *("custom_id", "version_title", "album", "label"),
                    *("release_date", "isrc", "upc", "iswc"),
                )
            },
        )
