"""Forms of statements: why one is kept or withdrawn."""

from __future__ import annotations

from django import forms
from django.utils.translation import gettext_lazy as _

from statements.models import Statement
from web.portal.shared.filters import DayInput


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
