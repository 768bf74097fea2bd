"""Forms of the reports: what a report holds and how it is written."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.http import QueryDict
from django.utils.translation import gettext_lazy as _

from common.http import LinkRefused, check_link
from portal.filter_forms import MatchFilterForm
from reports.choices import FilesWithout, Format, Mode, Separator
from reports.layouts import Layout
from reports.models import ReportRun, ReportTemplate
from reports.models.schedule import Channel, Every
from reports.scheduling import Plan
from reports.schemas import SCHEMAS
from review.choices import MatchState
from review.filters import MatchFilter

_OPTIONS = ("mode", "format", "separator", "byte_order_mark", "files_without")


class ReportForm(MatchFilterForm):
    """Filters, mode, format, dialect and columns; the address holds all of it."""

    state = forms.MultipleChoiceField(
        required=False,
        label=_("State"),
        choices=MatchState.choices,
        widget=forms.CheckboxSelectMultiple,
    )
    mode = forms.ChoiceField(
        required=False, label=_("One row per"), choices=Mode.choices
    )
    format = forms.ChoiceField(
        required=False, label=_("Format"), choices=Format.choices
    )
    separator = forms.ChoiceField(
        required=False, label=_("Separator (CSV)"), choices=Separator.choices
    )
    byte_order_mark = forms.ChoiceField(
        required=False,
        label=_("Byte order mark (CSV)"),
        choices=[("yes", _("Yes, for Excel")), ("no", _("No"))],
    )
    files_without = forms.ChoiceField(
        required=False,
        label=_("Files without a match"),
        choices=FilesWithout.choices,
    )
    columns = forms.MultipleChoiceField(
        required=False,
        label=_("Columns"),
        widget=forms.CheckboxSelectMultiple,
        help_text=_("None chosen means all. Choosing never changes their order."),
    )

    def __init__(self, data: QueryDict) -> None:
        super().__init__(data)
        asked = data.get("mode", "")
        mode = Mode(asked) if asked in Mode.values else Mode.MATCH
        names = [field.name for field in SCHEMAS[mode].fields]
        self.fields["columns"].choices = [(name, name) for name in names]  # type: ignore[attr-defined]  # a choice field
        # Columns of another mode are let go rather than refused.
        kept = data.copy()
        kept.setlist(
            "columns", [each for each in data.getlist("columns") if each in names]
        )
        if not data.get("files_without"):
            kept["files_without"] = _files_that_fit(data)
        self.data: QueryDict = kept

    def clean(self) -> dict[str, Any]:  # Any: Django's own signature
        """Refuse a period that ends before it begins."""
        told = super().clean() or {}
        begin, end = told.get("found_from"), told.get("found_until")
        if begin and end and end < begin:
            self.add_error("found_until", _("The period ends before it begins."))
        return told

    @property
    def layout(self) -> Layout:
        """Return what a valid form asks for."""
        told = self.cleaned_data
        return Layout(
            filters=MatchFilter.from_query(self.data).to_query(),
            mode=Mode(told["mode"] or Mode.MATCH),
            format=Format(told["format"] or Format.CSV),
            separator=Separator(told["separator"] or Separator.COMMA),
            byte_order_mark=told["byte_order_mark"] != "no",
            files_without=FilesWithout(told["files_without"]),
            columns=tuple(told["columns"]),
        )


class WriteAgainForm(forms.Form):
    """How the rows of a run are to be written once more."""

    mode = forms.ChoiceField(label=_("One row per"), choices=Mode.choices)
    format = forms.ChoiceField(label=_("Format"), choices=Format.choices)
    separator = forms.ChoiceField(label=_("Separator (CSV)"), choices=Separator.choices)
    byte_order_mark = forms.ChoiceField(
        label=_("Byte order mark (CSV)"),
        choices=[("yes", _("Yes, for Excel")), ("no", _("No"))],
    )

    def layout_of(self, run: ReportRun) -> Layout:
        """Return what a valid form asks for; columns stay where the mode does."""
        told, before = self.cleaned_data, Layout.of(run)
        mode = Mode(told["mode"])
        return replace(
            before,
            mode=mode,
            format=Format(told["format"]),
            separator=Separator(told["separator"]),
            byte_order_mark=told["byte_order_mark"] == "yes",
            columns=before.columns if mode == before.mode else (),
        )


class TemplateForm(forms.Form):
    """The name under which a report is kept for the next time."""

    name = forms.CharField(max_length=200, label=_("Keep as a template named"))


class ScheduleForm(forms.Form):
    """Which template is run when, and who gets it."""

    template = forms.ModelChoiceField(
        ReportTemplate.objects.all(), label=_("Template"), empty_label=None
    )
    every = forms.ChoiceField(label=_("Run"), choices=Every.choices, initial=Every.WEEK)
    hour = forms.IntegerField(
        label=_("At hour (UTC)"), min_value=0, max_value=23, initial=8
    )
    channel = forms.ChoiceField(label=_("Send by"), choices=Channel.choices)
    recipients = forms.CharField(
        required=False,
        label=_("E-mail addresses"),
        widget=forms.Textarea({"rows": 2}),
        help_text=_("Separated by commas or lines."),
    )
    url = forms.CharField(
        required=False,
        label=_("Webhook address"),
        help_text=_("Gets the manifest as JSON, signed; the file is fetched by token."),
    )
    last_period = forms.BooleanField(
        required=False,
        initial=True,
        label=_("Only what was found in the day, week or month before"),
    )
    send_unchanged = forms.BooleanField(
        required=False, label=_("Send also when nothing is new")
    )

    def clean_recipients(self) -> tuple[str, ...]:
        """Name the address that is none."""
        given = re.split(r"[,;\s]+", self.cleaned_data["recipients"])
        addresses = tuple(each for each in given if each)
        for each in addresses:
            try:
                validate_email(each)
            except ValidationError as error:
                raise ValidationError(
                    _("%(address)s is no e-mail address.") % {"address": each}
                ) from error
        return addresses

    def clean_url(self) -> str:
        """Say why an address may not be called."""
        url: str = self.cleaned_data["url"].strip()
        if url:
            try:
                check_link(url)
            except LinkRefused as refused:
                raise ValidationError(
                    _("This address is not allowed: %(why)s.") % {"why": refused}
                ) from refused
        return url

    def clean(self) -> dict[str, Any]:  # Any: Django's own signature
        """Ask for what the channel needs."""
        told = super().clean() or {}
        by_email = told.get("channel") == Channel.EMAIL
        needed = "recipients" if by_email else "url"
        if needed in told and not told[needed]:
            self.add_error(needed, _("Say where the report is to be sent."))
        return told

    @property
    def plan(self) -> Plan:
        """Return what a valid form asks for."""
        told = self.cleaned_data
        return Plan(
            every=Every(told["every"]),
            hour=told["hour"],
            last_period=told["last_period"],
            send_unchanged=told["send_unchanged"],
            channel=Channel(told["channel"]),
            recipients=told["recipients"],
            url=told["url"],
        )


def _files_that_fit(data: QueryDict) -> str:
    """Leave files without a match out where the filter asks for what only matches have."""
    about_matches = MatchFilter.from_query(data).is_about_matches
    return FilesWithout.NONE if about_matches else FilesWithout.ALL


def pairs_of(layout: Layout) -> list[tuple[str, str]]:
    """Return a layout as names and values, as the address and hidden fields have it."""
    values = query_dict(layout)
    return [(name, str(value)) for name, each in values.lists() for value in each]


def query_of(layout: Layout) -> str:
    """Return a layout as the address of the report page has it."""
    return query_dict(layout).urlencode()


def query_dict(layout: Layout) -> QueryDict:
    """Return a layout as a query string that ``ReportForm`` reads back."""
    query = QueryDict(mutable=True)
    for name, value in layout.filters.items():
        query.setlist(name, value if isinstance(value, list) else [value])
    for name in _OPTIONS:
        query[name] = str(getattr(layout, name))
    query["byte_order_mark"] = "yes" if layout.byte_order_mark else "no"
    query.setlist("columns", list(layout.columns))
    return query
