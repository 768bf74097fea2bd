"""Filter forms for lists of matches; the field names are those of ``MatchFilter``."""

from __future__ import annotations

from decimal import Decimal

from django import forms
from django.utils.translation import gettext_lazy as _

from catalogue.models import Bucket
from review.choices import MatchState, QueueReason, Relation
from scanning.choices import EngineChoice
from scanning.models import Container


class DayInput(forms.DateInput):
    """The browser's date input, with ISO dates as in the query string."""

    input_type = "date"

    def __init__(self) -> None:
        super().__init__(format="%Y-%m-%d")


class QueueFilterForm(forms.Form):
    """Filters of the review queue."""

    q = forms.CharField(required=False, label=_("Title, artist, file or code"))
    reason = forms.ChoiceField(
        required=False,
        label=_("Reason"),
        choices=[("", _("Any reason")), *QueueReason.choices],
        widget=forms.Select(attrs={"class": "control"}),
    )
    container = forms.ModelChoiceField(
        Container.objects.present(), required=False, empty_label=_("Any container")
    )
    bucket = forms.ModelChoiceField(
        Bucket.objects.present(), required=False, empty_label=_("Any bucket")
    )
    relation = forms.ChoiceField(
        required=False, choices=[("", _("Any relation")), *Relation.choices]
    )
    score_min = forms.DecimalField(
        required=False,
        label=_("Score from"),
        min_value=Decimal(0),
        max_value=Decimal(100),
    )
    late = forms.ChoiceField(
        required=False,
        label=_("Late matches"),
        choices=[("", _("All")), ("yes", _("Only found late"))],
    )
    found_from = forms.DateField(required=False, label=_("Found from"), widget=DayInput)
    found_until = forms.DateField(
        required=False, label=_("Found until"), widget=DayInput
    )
    platform = forms.CharField(required=False)
    account = forms.CharField(required=False)
    label = forms.CharField(required=False)


class MatchFilterForm(QueueFilterForm):
    """Filters of the list of all matches: those of the queue, state and decision."""

    state = forms.ChoiceField(
        required=False, choices=[("", _("Any state")), *MatchState.choices]
    )
    score_max = forms.DecimalField(
        required=False,
        label=_("Score to"),
        min_value=Decimal(0),
        max_value=Decimal(100),
    )
    engine = forms.ChoiceField(
        required=False, choices=[("", _("Any engine")), *EngineChoice.choices]
    )
    decided_from = forms.DateField(required=False, widget=DayInput)
    decided_until = forms.DateField(required=False, widget=DayInput)
    decided = forms.ChoiceField(
        required=False,
        label=_("Decided by"),
        choices=[("", _("People, policies, licences")), ("people", _("People only"))],
    )
    policy = forms.CharField(required=False, widget=forms.HiddenInput)

    field_order = (
        *("q", "state", "reason", "container", "bucket", "relation"),
        *("score_min", "score_max"),
    )
