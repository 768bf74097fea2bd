"""Forms of the file pages."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django import forms
from django.forms.models import model_to_dict
from django.http import QueryDict
from django.utils.translation import gettext_lazy as _

from base.common.zones import office_day
from catalogue.selectors import searchable_buckets
from review.filters import FILES
from scanning.choices import EngineChoice, FileStatus
from scanning.models import ScannedFile
from scanning.services.intake import Details
from scanning.tags import territories_of, words_of
from web.portal.shared.fields import container_filter
from web.portal.shared.file_details import FileDetailsForm
from web.portal.shared.filters import FilterForm
from web.portal.shared.model_forms import field_of

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise


class FileFilterForm(FilterForm):
    """Filters of the list of files."""

    list_name = FILES

    q = forms.CharField(required=False, label=_("Name"))
    state = forms.ChoiceField(
        required=False, choices=[("", _("Any state")), *FileStatus.choices], label=_("State")
    )
    container = container_filter()
    tag = forms.CharField(required=False, label=_("Tag"))
    late = forms.ChoiceField(
        required=False,
        choices=[("", _("All")), ("yes", _("Only with matches found late"))],
        label=_("Late matches"),
    )

    def __init__(self, data: QueryDict | None = None) -> None:
        super().__init__(data)
        self.fields["found_from"].label = _("Added from")
        self.fields["found_until"].label = _("Added until")


def reason_field(label: _StrPromise) -> forms.CharField:
    """Return the field for a reason that the audit trail keeps."""
    return forms.CharField(max_length=500, label=label, help_text=_("Kept in the audit trail."))


class DeleteFileForm(forms.Form):
    """The reason to delete a file."""

    reason = reason_field(_("Why is it deleted?"))


class RemoveAudioForm(forms.Form):
    """The reason to remove a file's audio."""

    reason = reason_field(_("Why is it removed?"))


class RescanForm(forms.Form):
    """Further buckets to search, or an engine to use instead of the container's."""

    also = forms.ModelMultipleChoiceField(searchable_buckets(), required=False, label=_("Also"))
    engine = forms.TypedChoiceField(
        required=False,
        choices=[("", ""), (EngineChoice.ACRCLOUD.value, "ACRCloud")],
        coerce=EngineChoice,
        empty_value="",
        label=_("Engine"),
    )


class EditDetailsForm(FileDetailsForm):
    """The details of an existing file."""

    platform = field_of(ScannedFile, "platform")
    external_id = field_of(ScannedFile, "external_id")
    field_order = ("source_url", "programme", "account", "platform", "external_id")

    def __init__(self, data: QueryDict | None, *, file: ScannedFile) -> None:
        initial = model_to_dict(file, ScannedFile.DETAILS) | {
            "territories": territories_of(file.tags),
            "tags": words_of(file.tags),
        }
        super().__init__(data, initial=initial)
        self._file = file
        if not file.may_get_address:
            del self.fields["source_url"]

    def details(self) -> Details:
        """Return the details of a valid form.

        The form shows the day alone; an unchanged day keeps its time.
        """
        details = dict(super().details())
        before, published = self._file.published_at, details["published_at"]
        if before and published and office_day(before) == office_day(published):
            details["published_at"] = before
        return details
