"""Forms of the catalogue: buckets and recordings."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from django import forms
from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.db.models import Q
from django.http import QueryDict
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from base.accounts.reach import person_at_work
from catalogue.artist_ids import check_artist_ids
from catalogue.changes import update_recording
from catalogue.identifiers import check_isrc, check_iswc, check_upc
from catalogue.models import Bucket, Recording, RecordingStatus
from scanning.sources.links import too_large_message
from web.portal.shared.fields import (
    ArtistsField,
    BucketField,
    IfThereField,
    LinesField,
    checked,
)
from web.portal.shared.model_forms import PortalForm
from web.portal.shared.stated import refuse_unseen

CANNOT_BE_FOUND = "cannot_be_found"


class BucketForm(forms.ModelForm[Bucket]):
    """The settings of a bucket."""

    class Meta:
        model = Bucket
        fields = ["name", "intake_rule", "intake_versions", "search_earlier"]


class MoveForm(forms.Form):
    """The bucket that a recording moves to."""

    bucket = BucketField(label=_("New bucket"))

    def __init__(self, data: QueryDict | None, *, recording: Recording) -> None:
        super().__init__(data)
        self._recording = recording

    def clean_bucket(self) -> Bucket:
        """Refuse the bucket in which the recording is."""
        bucket: Bucket = self.cleaned_data["bucket"]
        if bucket.pk == self._recording.bucket_id:
            raise forms.ValidationError(_("The recording is in this bucket. Choose another one."))
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
            raise forms.ValidationError(too_large_message(str(file.name), file.size or 0))
        return file


class CodeField(forms.CharField):
    """A code with or without marks between its digits; ``check`` returns it without."""

    def __init__(self, check: Callable[[str], str], **options: Any) -> None:  # Any: Django's own
        super().__init__(**options | {"max_length": 20})
        self._check = check

    def clean(self, value: object) -> str:
        """Return the code; refuse one with wrong digits."""
        return checked(self._check, super().clean(value))


class RecordingDetailsForm(PortalForm[Recording]):
    """What people state of a recording, with validated identifiers."""

    class Meta(PortalForm.Meta):
        model = Recording
        fields = Recording.DETAILS
        field_classes = {
            "upc": partial(CodeField, check_upc),
            "iswc": partial(CodeField, check_iswc),
        }
        widgets = {"notes": forms.Textarea(attrs={"rows": 3})}


class RecordingForm(RecordingDetailsForm):
    """A new recording: audio and metadata."""

    field_order = ("bucket", "audio")
    bucket = BucketField()
    audio = forms.FileField(label=_("Audio"))
    artists = ArtistsField()
    if_there = IfThereField(help_text=_("For buckets that ask a person."))


class RecordingEditForm(RecordingDetailsForm):
    """The metadata of a recording that is there, with the ids of its artists."""

    artist_ids = LinesField(
        required=False,
        help_text=_("One per line: place, MBID or ISNI, id. 1 ISNI 0000000081266409"),
        label=_("Artist ids"),
    )

    stated_seen = ""
    """The mark of the statements that an error of this form names."""

    def __init__(self, *args: Any, **options: Any) -> None:  # Any: Django's own
        super().__init__(*args, **options)
        ids = self.instance.artist_ids if self.instance.pk else ""
        self.initial["artist_ids"] = ids.split(", ") if ids else []

    def clean(self) -> Any:  # Any: Django's own
        """Say first what was stated of the recording, before its metadata change."""
        cleaned = super().clean()
        if self.instance.pk and set(self.changed_data) - {"notes"} and not self.errors:
            refuse_unseen(self, self._change, about=Q(recording=self.instance.pk))
        return cleaned

    def _change(self) -> None:
        row = Recording.objects.get(pk=self.instance.pk)
        columns = self.changed_columns()
        update_recording(recording=row, columns=columns, user=person_at_work())

    def clean_artist_ids(self) -> str:
        """Normalise the ids of artists; reject a wrong check digit."""
        return checked(check_artist_ids, ", ".join(self.cleaned_data["artist_ids"]))

    def clean_custom_id(self) -> str:
        """Reject an id that another recording of the bucket has."""
        custom_id: str = self.cleaned_data["custom_id"].strip()
        bucket, status = self.instance.bucket_id, self.instance.status
        same_id = Recording.objects.filter(bucket=bucket, custom_id=custom_id)
        same_id = same_id.exclude(status=RecordingStatus.RETIRED)
        is_free = not custom_id or status == RecordingStatus.RETIRED
        if not is_free and same_id.exclude(pk=self.instance.pk).exists():
            raise forms.ValidationError(gettext("Another recording of this bucket has this id."))
        return custom_id

    def changed_columns(self) -> dict[str, Any]:  # Any: a column's value
        """Return the values that differ, for ``catalogue.changes.update_recording``."""
        columns = {name: self.cleaned_data[name] for name in self.changed_data}
        if "isrc" in columns:
            isrc = check_isrc(columns["isrc"])
            columns["isrc_normalised"] = isrc.normalised
            columns["isrc_status"] = isrc.status
        return columns
