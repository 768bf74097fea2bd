"""Forms of the file pages."""

from __future__ import annotations

from django import forms

from catalogue.selectors import searchable_buckets
from scanning.choices import EngineChoice, FileStatus
from scanning.models import Container


class FileFilterForm(forms.Form):
    """Filters of the list of files."""

    q = forms.CharField(required=False, label="Name")
    state = forms.ChoiceField(
        required=False, choices=[("", "Any state"), *FileStatus.choices]
    )
    container = forms.ModelChoiceField(
        Container.objects.present(), required=False, empty_label="Any container"
    )


class DeleteFileForm(forms.Form):
    """The reason to delete a file."""

    reason = forms.CharField(
        max_length=500, label="Why is it deleted?", help_text="Kept in the audit trail."
    )


class RemoveAudioForm(forms.Form):
    """The reason to remove a file's audio."""

    reason = forms.CharField(
        max_length=500, label="Why is it removed?", help_text="Kept in the audit trail."
    )


class RescanForm(forms.Form):
    """Further buckets to search, or an engine to use instead of the container's."""

    also = forms.ModelMultipleChoiceField(searchable_buckets(), required=False)
    engine = forms.TypedChoiceField(
        required=False,
        choices=[("", ""), (EngineChoice.ACRCLOUD.value, "ACRCloud")],
        coerce=EngineChoice,
        empty_value="",
    )
