"""Forms of statements: the filters of their list, and why one is kept or withdrawn."""

from __future__ import annotations

from django import forms
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from statements.choices import StatementState, kind_choices
from statements.models import Statement
from statements.selectors import Subset
from web.portal.shared.filters import DayInput


def _kinds_or_any() -> list[tuple[str, str | Promise]]:
    return [("", _("Any kind")), *kind_choices()]


class StatementFilterForm(forms.Form):
    """The filters of the list; ``show`` is the tab."""

    q = forms.CharField(required=False, max_length=200, label=_("Name"))
    kind = forms.ChoiceField(
        required=False,
        choices=_kinds_or_any,
        widget=forms.Select({"class": "control"}),
        label=_("Kind"),
    )
    state = forms.ChoiceField(
        required=False,
        choices=[("", _("Any state")), *StatementState.choices],
        widget=forms.Select({"class": "control"}),
        label=_("State"),
    )
    show = forms.ChoiceField(
        required=False, choices=[(subset, subset) for subset in Subset], widget=forms.HiddenInput
    )

    @property
    def subset(self) -> Subset:
        """Return the chosen tab, by default the statements to correct."""
        return Subset(self.cleaned_data.get("show") or Subset.TO_CORRECT)


class KeepForm(forms.Form):
    """Why a statement stays although it differs, and until when."""

    differs = forms.CharField(max_length=64, widget=forms.HiddenInput)
    why = forms.CharField(
        max_length=Statement._meta.get_field("kept_why").max_length,
        widget=forms.Textarea({"rows": 4}),
        label=_("Why does it stay as it is?"),
    )
    until = forms.DateField(
        required=False,
        widget=DayInput,
        label=_("Until"),
        help_text=_(
            "It comes back into the list after this day, and when it differs in something else."
        ),
    )


class WithdrawForm(forms.Form):
    """Why a statement is withdrawn."""

    why = forms.CharField(max_length=1000, widget=forms.Textarea({"rows": 4}), label=_("Reason"))
