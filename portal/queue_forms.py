"""Forms of the queue: its filters, its saved views, and who is to decide."""

from __future__ import annotations

from typing import cast

from django import forms
from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from accounts.roles import ROLE_ACTIONS, Action, Role
from catalogue.models import Bucket
from review.choices import QueueReason, Relation
from review.services.decisions import MAX_NOTE_CHARS
from scanning.models import Container


class QueueFilterForm(forms.Form):
    """Filters of the queue; names are those of ``MatchFilter``."""

    q = forms.CharField(required=False, label=_("Title, artist, file or code"))
    reason = forms.ChoiceField(
        required=False,
        label=_("Why here"),
        choices=[("", _("Any reason")), *QueueReason.choices],
        widget=forms.Select(attrs={"class": "control"}),
    )
    container = forms.ModelChoiceField(
        Container.objects.all(), required=False, empty_label=_("Any container")
    )
    bucket = forms.ModelChoiceField(
        Bucket.objects.all(), required=False, empty_label=_("Any bucket")
    )
    relation = forms.ChoiceField(
        required=False, choices=[("", _("Any relation")), *Relation.choices]
    )
    score_min = forms.DecimalField(required=False, label=_("Score from"))
    late = forms.ChoiceField(
        required=False,
        label=_("Late finds"),
        choices=[("", _("All")), ("yes", _("Only found late"))],
    )
    found_from = forms.DateField(
        required=False, label=_("Found from"), widget=forms.DateInput({"type": "date"})
    )
    found_until = forms.DateField(
        required=False, label=_("Found until"), widget=forms.DateInput({"type": "date"})
    )
    platform = forms.CharField(required=False)
    account = forms.CharField(required=False)
    label = forms.CharField(required=False)
    view = forms.CharField(required=False, widget=forms.HiddenInput)


class SavedViewForm(forms.Form):
    """What a view of the queue is kept as."""

    name = forms.CharField(max_length=80)
    is_shared = forms.BooleanField(required=False, label=_("Show it to the team"))
    is_default = forms.BooleanField(required=False, label=_("Open the queue with it"))


class AssignForm(forms.Form):
    """Who is to decide what was selected."""

    assignee = forms.ModelChoiceField(
        User.objects.none(),
        required=False,
        empty_label=_("Nobody: take it from whom it was given to"),
        label=_("Who decides"),
    )
    note = forms.CharField(
        required=False,
        max_length=MAX_NOTE_CHARS,
        widget=forms.Textarea(attrs={"rows": 3}),
    )

    def __init__(self, data: object = None) -> None:
        super().__init__(data)  # type: ignore[arg-type]  # the request's own data
        people = cast("forms.ModelChoiceField[User]", self.fields["assignee"])
        people.queryset = deciders()


def deciders() -> QuerySet[User]:
    """Return the people whose role lets them decide matches, by name."""
    roles = [role for role in Role if Action.DECIDE in ROLE_ACTIONS[role]]
    people = User.objects.filter(is_active=True, groups__name__in=roles)
    return people.distinct().order_by("username")
