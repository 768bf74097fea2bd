"""The list of all matches, whatever their state."""

from __future__ import annotations

from decimal import Decimal

from django import forms
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.views.decorators.http import require_safe

from accounts.roles import Action
from catalogue.models import Bucket
from portal.access import PortalRequest, needs
from portal.pages import page_of, sorted_by
from portal.queue import tab_counts
from review import selectors
from review.choices import MatchState, QueueReason, Relation
from review.filters import MatchFilter
from scanning.choices import EngineChoice
from scanning.models import Container

_COLUMNS = {
    "state": "state",
    "title": "recording__title",
    "source": "scanned_file__name",
    "matched": "matched_ms",
    "score": "score",
    "created": "created_at",
}


class DayInput(forms.DateInput):
    """A field for a day, written as the address carries it."""

    input_type = "date"


class MatchFilterForm(forms.Form):
    """Filters of the list of matches; names are those of ``MatchFilter``."""

    q = forms.CharField(required=False, label="Title, artist, file or code")
    state = forms.ChoiceField(
        required=False, choices=[("", "Any state"), *MatchState.choices]
    )
    reason = forms.ChoiceField(
        required=False,
        label="Why here",
        choices=[("", "Any reason"), *QueueReason.choices],
    )
    container = forms.ModelChoiceField(
        Container.objects.all(), required=False, empty_label="Any container"
    )
    bucket = forms.ModelChoiceField(
        Bucket.objects.all(), required=False, empty_label="Any bucket"
    )
    relation = forms.ChoiceField(
        required=False, choices=[("", "Any relation"), *Relation.choices]
    )
    score_min = forms.DecimalField(
        required=False, label="Score from", min_value=Decimal(0), max_value=Decimal(100)
    )
    score_max = forms.DecimalField(
        required=False, label="Score to", min_value=Decimal(0), max_value=Decimal(100)
    )
    late = forms.ChoiceField(
        required=False,
        label="Late finds",
        choices=[("", "All"), ("yes", "Only found late")],
    )
    engine = forms.ChoiceField(
        required=False, choices=[("", "Any engine"), *EngineChoice.choices]
    )
    label = forms.CharField(required=False)
    platform = forms.CharField(required=False)
    account = forms.CharField(required=False)
    found_from = forms.DateField(required=False, widget=DayInput)
    found_until = forms.DateField(required=False, widget=DayInput)
    decided_from = forms.DateField(required=False, widget=DayInput)
    decided_until = forms.DateField(required=False, widget=DayInput)
    decided = forms.ChoiceField(
        required=False,
        label="Decided by",
        choices=[("", "People and rules"), ("people", "People only")],
    )
    policy = forms.CharField(required=False, widget=forms.HiddenInput)


@require_safe
@needs(Action.VIEW)
def match_list(request: PortalRequest) -> HttpResponseBase:
    """List the matches that fit the filters in the address."""
    rows = selectors.matches(filters=MatchFilter.from_query(request.GET))
    page = page_of(request, sorted_by(request, rows, _COLUMNS, default="-created"))
    page.object_list = selectors.with_segments(page.object_list)
    return render(
        request,
        "review/match_list.html",
        {
            "filters": MatchFilterForm(request.GET),
            "page_obj": page,
            "total": page.paginator.count,
            **tab_counts(request.user),
            "tab": "all",
        },
    )
