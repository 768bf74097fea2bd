"""Forms of declarations: the period to declare, and a profile with its format's options."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from plugins.monitoring.broadcasts.choices import RightsType
from plugins.monitoring.declarations.formats import registry
from plugins.monitoring.declarations.formats.template import format as template
from plugins.monitoring.declarations.models import DeclarationProfile
from plugins.monitoring.streams.models import Station
from web.portal.shared.fields import SearchSelectMultiple, only_when

_DAY = forms.DateInput({"type": "date"}, format="%Y-%m-%d")
_TEMPLATE = template.TemplateDeclaration.key


class PeriodForm(forms.Form):
    """What to declare: a profile and the first and last day."""

    profile = forms.ModelChoiceField(
        DeclarationProfile.objects.all(), label=_("Profile"), to_field_name="uid", empty_label=None
    )
    begins = forms.DateField(label=_("First day"), widget=_DAY)
    ends = forms.DateField(
        label=_("Last day"), widget=_DAY, help_text=_("Days are in each station's local time.")
    )
    replaces = forms.CharField(required=False, widget=forms.HiddenInput)


class DeclarationProfileForm(forms.ModelForm[DeclarationProfile]):
    """A profile; the options of the template show only for it."""

    format = forms.ChoiceField(choices=registry.choices, label=_("Format"))
    stations = forms.ModelMultipleChoiceField(
        Station.objects.order_by("name"),
        label=_("Stations"),
        to_field_name="uid",
        widget=SearchSelectMultiple,
        error_messages={"required": _("Choose at least one station.")},
    )
    columns = forms.CharField(
        required=False,
        label=_("Columns"),
        widget=forms.Textarea({"rows": 10, "spellcheck": "false"}),
        help_text=_(
            "One per line: Heading = value. An exclamation mark after the value "
            "makes it mandatory. Put fixed text in double quotes. The values are "
            "listed below."
        ),
    )
    separator = forms.ChoiceField(label=_("Separator"), required=False)
    quotes = forms.ChoiceField(label=_("Quotation marks"), required=False)
    decimal = forms.ChoiceField(label=_("Decimal sign"), required=False)
    date_format = forms.ChoiceField(label=_("Dates"), required=False)
    time_format = forms.ChoiceField(label=_("Times of day"), required=False)
    length_format = forms.ChoiceField(label=_("Lengths"), required=False)
    list_separator = forms.ChoiceField(label=_("Between several names"), required=False)
    encoding = forms.ChoiceField(label=_("Encoding"), required=False)
    line_end = forms.ChoiceField(label=_("Line ends"), required=False)
    header = forms.BooleanField(label=_("Headings in the first line"), required=False, initial=True)
    formula_safe = forms.BooleanField(
        label=_("Keep spreadsheets from reading text as a formula"), required=False, initial=True
    )
    file_name = forms.CharField(
        label=_("Start of the file name"),
        required=False,
        max_length=60,
        help_text=_("The period is appended. If empty, the name of the service is used."),
    )

    class Meta:
        model = DeclarationProfile
        fields = (
            *("name", "format", "stations", "service", "rights_type"),
            *("sender", "sender_dpid", "recipient", "recipient_dpid"),
            *("contact", "street", "city", "phone", "email"),
            *("signer", "signer_title"),
        )

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # Any: Django's own
        super().__init__(*args, **kwargs)
        self.fields["rights_type"].choices = [  # type: ignore[attr-defined]  # a choice field
            ("", gettext("Any")),
            *RightsType.choices,
        ]
        for name, choices in template.CHOICES.items():
            self.fields[name].choices = list(choices.items())  # type: ignore[attr-defined]  # a choice field
        for name in self.option_names:
            only_when(self.fields[name], "format", _TEMPLATE)
            if name in self.instance.options:
                self.initial[name] = self.instance.options[name]
        if self.instance.pk:
            self.initial["stations"] = [station.uid for station in self.instance.stations.all()]

    @property
    def option_names(self) -> tuple[str, ...]:
        """Return the names of the fields that are options of the template."""
        return ("columns", *template.CHOICES, *template.SWITCHES, "file_name")

    def profile(self) -> DeclarationProfile:
        """Return the profile of a valid form, not saved."""
        made = self.instance
        made.options = (
            {name: self.cleaned_data[name] for name in self.option_names}
            if self.cleaned_data["format"] == _TEMPLATE
            else {}
        )
        return made
