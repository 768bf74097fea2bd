"""Forms of suggestions, sources and rules."""

from __future__ import annotations

from typing import Any

from django import forms
from django.db.models import QuerySet
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from catalogue.models import Bucket
from catalogue.selectors import searchable_buckets
from plugins.filling import selectors
from plugins.filling.choices import FillField, HoldReason
from plugins.filling.indexes import incoming
from plugins.filling.models import EnrichmentSource, FillingRule, Suggestion
from plugins.filling.open_data.kinds import source_kinds
from web.portal.shared.fields import SearchSelect

SAFE = "safe"
SINGLY = "singly"


class SuggestionFilterForm(forms.Form):
    """The filters of the list of suggestions."""

    field = forms.ChoiceField(
        required=False, choices=[("", _("Any field")), *FillField.choices], label=_("Field")
    )
    bucket = forms.ModelChoiceField(
        Bucket.objects.none(),
        required=False,
        label=_("Bucket"),
        empty_label=_("Any bucket"),
        widget=SearchSelect,
    )
    way = forms.ChoiceField(
        required=False,
        choices=[
            ("", _("Any way")),
            (SAFE, _("In one go")),
            (SINGLY, _("One by one")),
            *HoldReason.choices,
        ],
        label=_("Decided"),
    )
    source = forms.ModelChoiceField(
        EnrichmentSource.objects.all(),
        required=False,
        to_field_name="uid",
        label=_("Source"),
        empty_label=_("Any source"),
    )

    def __init__(self, *args: Any, **options: Any) -> None:  # Any: Django's own
        super().__init__(*args, **options)
        self.fields["bucket"].queryset = searchable_buckets()  # type: ignore[attr-defined]  # a choice of models

    def chosen(self) -> QuerySet[Suggestion]:
        """Return the open suggestions that fit the filters; unreadable ones are ignored."""
        self.is_valid()
        values = self.cleaned_data
        rows = selectors.open_suggestions()
        if values.get("field"):
            rows = rows.filter(field=values["field"])
        if values.get("bucket"):
            rows = rows.filter(recording__bucket=values["bucket"])
        if values.get("source"):
            rows = rows.filter(sources=values["source"])
        way = values.get("way")
        if way == SAFE:
            return rows.filter(selectors.is_safe())
        if way == SINGLY:
            return rows.exclude(selectors.is_safe())
        return rows.filter(hold=way) if way else rows


class SourceForm(forms.Form):
    """A file in the folder of sources, its kind, and its licence."""

    file = forms.ChoiceField(label=_("File"))
    kind = forms.ChoiceField(label=_("Kind"))
    name = forms.CharField(label=_("Name"), max_length=200, required=False)
    accepts_licence = forms.BooleanField(
        label=_("I accept the licence of this kind of source"),
        error_messages={"required": _("Accept the licence first.")},
    )

    def __init__(self, *args: Any, **options: Any) -> None:  # Any: Django's own
        super().__init__(*args, **options)
        names = sorted(path.name for path in incoming().iterdir() if path.is_file())
        kinds = source_kinds().values()
        offered = [(kind.name, gettext(kind.label)) for kind in kinds]
        self.fields["file"].choices = [(name, name) for name in names]  # type: ignore[attr-defined]  # a choice
        self.fields["kind"].choices = offered  # type: ignore[attr-defined]  # a choice


class OwnListForm(forms.Form):
    """A list of the customer's own, sent from the browser."""

    file = forms.FileField(
        label=_("Table (CSV or XLSX)"),
        help_text=_("Columns as in an import of recordings, with at least the title."),
    )
    name = forms.CharField(label=_("Name"), max_length=200, required=False)
    accepts_licence = forms.BooleanField(
        label=_("The list is ours, or its owner lets us use it for this"),
        error_messages={"required": _("Confirm that you may use the list.")},
    )


class FillingRuleForm(forms.ModelForm[FillingRule]):
    """A rule that accepts suggestions of one bucket by itself."""

    class Meta:
        model = FillingRule
        fields = ["bucket", "field", "least_confidence"]
        labels = {
            "bucket": _("Bucket"),
            "field": _("Field"),
            "least_confidence": _("Least confidence"),
        }
        help_texts = {"least_confidence": _("0 to 1; the safe mark holds where it is higher.")}
        widgets = {"bucket": SearchSelect}

    def __init__(self, *args: Any, **options: Any) -> None:  # Any: Django's own
        super().__init__(*args, **options)
        self.fields["bucket"].queryset = searchable_buckets()  # type: ignore[attr-defined]  # a choice of models
