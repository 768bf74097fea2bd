"""Forms for the contents, format and schedule of reports."""

from __future__ import annotations

import re
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.http import QueryDict
from django.utils.translation import gettext_lazy as _

from base.common.receivers import MailRefused, check_mail
from reports.choices import FilesWithout, Mode
from reports.layouts import Layout, schema_of
from reports.models import ReportRun, ReportSchedule
from reports.models.schedule import Channel
from reports.options import OPTIONS
from reports.summaries import By
from review.choices import MatchState
from review.filters import MatchFilter
from web.portal.shared.fields import LinesField, WebhookField, only_when
from web.portal.shared.filters import MatchFilterForm
from web.portal.shared.model_forms import PortalForm

_YES_OR_NO = (("yes", _("Yes, for Excel")), ("no", _("No")))


def _option_field(name: str, *, required: bool = False) -> forms.ChoiceField:
    option = OPTIONS[name]
    choices = option.choices.choices if option.choices else _YES_OR_NO
    return forms.ChoiceField(required=required, label=option.label, choices=choices)


class ReportForm(MatchFilterForm):
    """A report's filters, mode, format and columns; the URL can carry all of them."""

    state = forms.MultipleChoiceField(
        required=False,
        label=_("State"),
        choices=MatchState.choices,
        widget=forms.CheckboxSelectMultiple,
    )
    mode = _option_field("mode")
    format = _option_field("format")
    separator = _option_field("separator")
    byte_order_mark = _option_field("byte_order_mark")
    files_without = _option_field("files_without")
    columns = forms.MultipleChoiceField(
        required=False,
        label=_("Columns"),
        widget=forms.CheckboxSelectMultiple,
        help_text=_("Choose none for all. Their order stays the same."),
    )

    def __init__(self, data: QueryDict) -> None:
        super().__init__(data)
        posted_mode = data.get("mode", "")
        mode = Mode(posted_mode) if posted_mode in Mode.values else Mode.MATCH
        names = [field.name for field in schema_of(mode).fields]
        self.fields["columns"].choices = [(name, name) for name in names]  # type: ignore[attr-defined]  # a choice field
        # Ignore columns of another mode, so that changing the mode never fails.
        query = data.copy()
        query.setlist("columns", [column for column in data.getlist("columns") if column in names])
        if not data.get("files_without"):
            # Files without a match fit no filter that tests a property of matches.
            about_matches = MatchFilter.from_query(data).is_about_matches
            query["files_without"] = FilesWithout.NONE if about_matches else FilesWithout.ALL
        self.data: QueryDict = query

    def clean(self) -> dict[str, Any]:  # Any: Django's own signature
        """Reject a period that ends before it begins."""
        cleaned = super().clean() or {}
        begin, end = cleaned.get("found_from"), cleaned.get("found_until")
        if begin and end and end < begin:
            self.add_error("found_until", _("The period ends before it begins."))
        return cleaned

    @property
    def layout(self) -> Layout:
        """Return the layout that a valid form describes."""
        return Layout.given(
            self.cleaned_data,
            filters=MatchFilter.from_query(self.data).to_query(),
            columns=self.cleaned_data["columns"],
        )


class WriteAgainForm(forms.Form):
    """Another layout for the stored rows of a report run."""

    mode = _option_field("mode", required=True)
    format = _option_field("format", required=True)
    separator = _option_field("separator", required=True)
    byte_order_mark = _option_field("byte_order_mark", required=True)

    def layout_of(self, run: ReportRun) -> Layout:
        """Return the layout of a valid form; columns stay if the mode does."""
        before = Layout.of(run)
        has_same_columns = self.cleaned_data["mode"] == before.mode
        return Layout.given(
            {"files_without": before.files_without, **self.cleaned_data},
            filters=before.filters,
            columns=before.columns if has_same_columns else (),
        )


class TemplateForm(forms.Form):
    """The name of a report template."""

    name = forms.CharField(max_length=200, label=_("Save as a template named"))


class RecipientsField(LinesField):
    """Email addresses, separated by commas, semicolons or white space."""

    widget = forms.Textarea({"rows": 2})

    def to_python(self, value: object) -> Any:  # Any: a list where Django has text
        """Return the addresses without blanks and repeats."""
        return super().to_python("\n".join(re.split(r"[,;\s]+", str(value or ""))))

    def clean(self, value: object) -> Any:  # Any: a list where Django has text
        """Return the addresses; reject the first to which no mail may be sent."""
        addresses: list[str] = super().clean(value)
        for address in addresses:
            try:
                check_mail(address)
            except MailRefused as refused:
                raise ValidationError(str(refused)) from refused
        return addresses


OUTBOUND = ("channel", "recipients", "url")
"""The fields of a schedule that say where reports are sent to."""


class ScheduleForm(PortalForm[ReportSchedule]):
    """A scheduled report: its template, its time and its recipients."""

    class Meta(PortalForm.Meta):
        model = ReportSchedule
        fields = ReportSchedule.SETTINGS
        field_classes = {"recipients": RecipientsField, "url": WebhookField}

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # Any: Django's signature
        """Ask only where the chosen channel leads."""
        super().__init__(*args, **kwargs)
        self.fields["template"].empty_label = None  # type: ignore[attr-defined]  # a model choice
        only_when(self.fields["recipients"], "channel", Channel.EMAIL, needed=True)
        only_when(self.fields["url"], "channel", Channel.WEBHOOK, needed=True)

    def clean(self) -> dict[str, Any]:  # Any: Django's own signature
        """Require the recipients for email, and the URL for a webhook."""
        cleaned = super().clean() or {}
        by_email = cleaned.get("channel") == Channel.EMAIL
        needed = "recipients" if by_email else "url"
        # A form that hides a field shows no fault of it, and sends nothing to it.
        hidden, empty = ("url", "") if by_email else ("recipients", [])
        self.errors.pop(hidden, None)
        cleaned[hidden] = empty
        if needed in cleaned and not cleaned[needed]:
            self.add_error(needed, _("Enter where to send the report."))
        return cleaned

    @property
    def has_times(self) -> bool:
        """Return whether the fields that say when the report runs are valid."""
        return not {"template", "every", "hour", "channel"} & self.errors.keys()


def pairs_of(layout: Layout) -> list[tuple[str, str]]:
    """Return a layout as name and value pairs for hidden form fields."""
    values = query_dict(layout)
    return [(name, str(value)) for name, items in values.lists() for value in items]


def query_of(layout: Layout) -> str:
    """Return a layout as the query string of the report page."""
    return query_dict(layout).urlencode()


def query_dict(layout: Layout) -> QueryDict:
    """Return a layout as a query string that ``ReportForm`` reads back."""
    query = QueryDict(mutable=True)
    for name, value in layout.filters.items():
        query.setlist(name, value if isinstance(value, list) else [value])
    for name in OPTIONS:
        query[name] = str(getattr(layout, name))
    query["byte_order_mark"] = "yes" if layout.byte_order_mark else "no"
    query.setlist("columns", list(layout.columns))
    return query


class SummaryForm(MatchFilterForm):
    """The grouping of a summary and the filters of its matches."""

    by = forms.ChoiceField(required=False, label=_("One row per"), choices=By.choices)
