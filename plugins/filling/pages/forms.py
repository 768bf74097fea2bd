"""Forms of sources and rules."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from catalogue.selectors import searchable_buckets
from plugins.filling.indexes import incoming
from plugins.filling.models import FillingRule
from plugins.filling.open_data.kinds import source_kinds
from web.portal.shared.fields import SearchSelect


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
