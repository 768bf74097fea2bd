"""What is asked when a dispute comes in, and when it is answered."""

from __future__ import annotations

from datetime import datetime, time

from django import forms
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from review.choices import DisputeCode, DisputeVerb
from review.models import Match
from review.services import disputes
from review.services.decisions import MAX_NOTE_CHARS

_NOTE_LABELS = {
    DisputeVerb.DISPUTE: _("What the other side writes"),
    DisputeVerb.UPHOLD: _("The answer"),
    DisputeVerb.WITHDRAW: _("How it was withdrawn"),
    DisputeVerb.RELEASE: _("Why the claim is given up"),
}
_ANSWERS = {
    DisputeVerb.UPHOLD: disputes.uphold,
    DisputeVerb.WITHDRAW: disputes.withdraw,
    DisputeVerb.RELEASE: disputes.release,
}


class ClaimForm(forms.Form):
    """Asks what a step of a claim needs, on the page of a match and in the admin."""

    code = forms.ChoiceField(
        choices=DisputeCode.choices,
        label=_("What the other side objects"),
        widget=forms.RadioSelect,
        error_messages={"required": _("Choose what the other side objects.")},
    )
    received = forms.DateField(
        required=False,
        label=_("Received, if not today"),
        widget=forms.DateInput(attrs={"type": "date"}),
        error_messages={"invalid": _("Enter the day as 2026-05-01.")},
    )
    note = forms.CharField(
        max_length=MAX_NOTE_CHARS,
        widget=forms.Textarea(attrs={"rows": 4}),
        error_messages={"required": _("Say why, as it is told to the other side.")},
    )

    def __init__(self, verb: DisputeVerb, data: object = None) -> None:
        super().__init__(data)  # type: ignore[arg-type]  # the request's own data
        self.verb = verb
        self.fields["note"].label = _NOTE_LABELS[verb]
        if verb == DisputeVerb.DISPUTE:
            self.fields["note"].required = False
        else:
            del self.fields["code"], self.fields["received"]

    def carry_out(self, *, match: Match, user: User, version: int) -> Match:
        """Do what a valid form says."""
        told = self.cleaned_data
        if self.verb != DisputeVerb.DISPUTE:
            return _ANSWERS[self.verb](
                match=match, user=user, version=version, answer=told["note"]
            )
        return disputes.record(
            match=match,
            user=user,
            version=version,
            code=told["code"],
            statement=told["note"],
            received_at=self._received_at(),
        )

    def _received_at(self) -> datetime | None:
        """Return when it came in: today is now, an earlier day is its beginning."""
        day = self.cleaned_data["received"]
        if day is None or day == timezone.localdate():
            return None
        return timezone.make_aware(datetime.combine(day, time.min))
