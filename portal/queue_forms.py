"""Forms of the queue: its saved views, and who is to decide."""

from __future__ import annotations

from typing import cast

from django import forms
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from portal.selectors import deciders
from review.services.decisions import MAX_NOTE_CHARS


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
