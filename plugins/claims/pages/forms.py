"""Forms of platform claims: filters, and what people say of claims."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _

from catalogue.models import Recording
from plugins.claims.choices import (
    MEANINGS,
    DiscrepancyKind,
    DiscrepancyState,
    ValueColumn,
)
from plugins.claims.models import PlatformAccount, ReportedValue
from web.portal.shared.fields import RecordingsField
from web.portal.shared.filters import DayInput


class ClaimFilterForm(forms.Form):
    """The filters of the lists; ``list`` is the tab."""

    q = forms.CharField(required=False, max_length=200, label=_("Title or id"))
    account = forms.ModelChoiceField(
        PlatformAccount.objects.all(),
        required=False,
        to_field_name="uid",
        empty_label=_("Any account"),
        widget=forms.Select({"class": "control"}),
        label=_("Account"),
    )
    state = forms.ChoiceField(
        required=False,
        choices=[("", DiscrepancyState.OPEN.label), *DiscrepancyState.choices[1:]],
        widget=forms.Select({"class": "control"}),
        label=_("State"),
    )
    list = forms.ChoiceField(
        required=False, choices=DiscrepancyKind.choices, widget=forms.HiddenInput
    )

    @property
    def kind(self) -> DiscrepancyKind:
        """Return the chosen list, by default the first."""
        return DiscrepancyKind(self.cleaned_data.get("list") or DiscrepancyKind.NOT_CLAIMED)

    @property
    def chosen_state(self) -> DiscrepancyState:
        """Return the chosen state, by default open."""
        return DiscrepancyState(self.cleaned_data.get("state") or DiscrepancyState.OPEN)


class AssetLinkForm(forms.Form):
    """The recording of an asset; empty for the one that its identifiers name."""

    recording = RecordingsField(
        required=False,
        label=_("Recording"),
        help_text=_("Leave it empty to link the asset by its identifiers again."),
    )

    def clean_recording(self) -> Recording | None:
        """Return the one chosen recording."""
        chosen: list[Recording] = self.cleaned_data["recording"]
        if len(chosen) > 1:
            raise forms.ValidationError(_("Choose one recording."))
        return chosen[0] if chosen else None


class DisputeDayForm(forms.Form):
    """The true day of a dispute, which reports lack."""

    day = forms.DateField(
        required=False,
        label=_("Day of the dispute"),
        help_text=_("As the platform shows it. Empty: the day that reports allow."),
        widget=DayInput,
    )


class ValuesForm(forms.Form):
    """What each value means."""

    def __init__(self, values: list[ReportedValue], data: Any = None) -> None:
        # Any: as Django's own
        super().__init__(data)
        self.values = values
        for value in values:
            self.fields[f"value-{value.pk}"] = forms.ChoiceField(
                required=False,
                label=format_html(
                    "<code>{}</code> <small>{}</small>", value.value, value.get_column_display()
                ),
                initial=value.meaning,
                choices=[
                    (meaning.value, meaning.label)
                    for meaning in MEANINGS[ValueColumn(value.column)]
                ],
                widget=forms.Select({"class": "control"}),
            )

    def chosen(self) -> list[tuple[ReportedValue, str]]:
        """Return each value with its meaning."""
        return [(value, self.cleaned_data[f"value-{value.pk}"]) for value in self.values]
