"""The admin's page for claims: recording a dispute, answering it, releasing."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.utils import timezone

from accounts.models import User
from accounts.roles import Action
from portal.admin.base import user_of
from review.choices import DisputeCode, DisputeVerb
from review.errors import ReviewError
from review.models import Match
from review.services import disputes
from review.services.decisions import MAX_NOTE_CHARS

if TYPE_CHECKING:
    from django.contrib.admin import ModelAdmin

_WORDS = {
    DisputeVerb.DISPUTE: "What the other side writes",
    DisputeVerb.UPHOLD: "The answer",
    DisputeVerb.WITHDRAW: "How it was withdrawn",
    DisputeVerb.RELEASE: "Why the claim is given up",
}
_ANSWERS = {
    DisputeVerb.UPHOLD: disputes.uphold,
    DisputeVerb.WITHDRAW: disputes.withdraw,
    DisputeVerb.RELEASE: disputes.release,
}


class ClaimForm(forms.Form):
    """Asks what the step needs."""

    code = forms.ChoiceField(
        choices=DisputeCode.choices,
        label="What the other side objects",
        widget=forms.RadioSelect,
    )
    received = forms.DateField(
        required=False,
        label="Received, if not today",
        widget=forms.DateInput(attrs={"type": "date"}),
    )
    words = forms.CharField(
        max_length=MAX_NOTE_CHARS, widget=forms.Textarea(attrs={"rows": 4})
    )

    def __init__(self, verb: DisputeVerb, data: object = None) -> None:
        super().__init__(data)  # type: ignore[arg-type]  # the request's own data
        self.verb = verb
        self.fields["words"].label = _WORDS[verb]
        if verb == DisputeVerb.DISPUTE:
            self.fields["words"].required = False
        else:
            del self.fields["code"], self.fields["received"]

    def carry_out(self, *, match: Match, user: User, version: int) -> Match:
        """Do what the form says."""
        told = self.cleaned_data
        if self.verb != DisputeVerb.DISPUTE:
            return _ANSWERS[self.verb](
                match=match, user=user, version=version, answer=told["words"]
            )
        return disputes.record(
            match=match,
            user=user,
            version=version,
            code=told["code"],
            statement=told["words"],
            received_at=self._received(),
        )

    def _received(self) -> datetime | None:
        """Return the beginning of the day that was named."""
        day = self.cleaned_data["received"]
        if day is None:
            return None
        return timezone.make_aware(datetime(day.year, day.month, day.day))  # noqa: DTZ001


def claim(
    request: HttpRequest, pk: int, verb: str, model_admin: ModelAdmin[Match]
) -> HttpResponse:
    """Ask what the step needs, carry it out, and go back to the match."""
    if verb not in DisputeVerb.values:
        raise Http404
    if not request.user.has_perm(Action.DECIDE):
        raise PermissionDenied
    match = get_object_or_404(model_admin.get_queryset(request), pk=pk)
    posted = request.method == "POST"
    form = ClaimForm(DisputeVerb(verb), request.POST if posted else None)
    version = (request.POST if posted else request.GET).get("version", "")
    if posted and version.isdecimal() and form.is_valid():
        try:
            changed = form.carry_out(
                match=match, user=user_of(request), version=int(version)
            )
        except ReviewError as refused:
            form.add_error(None, refused.message)
        else:
            word = changed.get_state_display().lower()
            messages.success(request, f"{match} is {word}.")
            return redirect("admin:review_match_change", match.pk)
    context = {
        **model_admin.admin_site.each_context(request),
        "opts": model_admin.opts,
        "title": form.verb.label,
        "subtitle": str(match),
        "match": match,
        "form": form,
        "version": version or match.version,
    }
    return TemplateResponse(request, "admin/review/match/decide.html", context)
