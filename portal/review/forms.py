"""Forms of review: disputes and their answers, decisions, saved views, assignment."""

from __future__ import annotations

from datetime import datetime, time
from typing import cast

from django import forms
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from portal.shared.selectors import deciders
from review.choices import DisputeCode, DisputeVerb, RejectCode, Verb
from review.models import Match
from review.services import disputes
from review.services.bulk import Decision
from review.services.decisions import MAX_NOTE_CHARS

_NOTE_LABELS = {
    Verb.CONFIRM: "Note",
    Verb.CLEAR: "Why the use is allowed",
    Verb.REJECT: "Note",
    Verb.ESCALATE: "What the manager should look at",
    Verb.REOPEN: "Reason to reopen",
}
_NOTE_NEEDED = (Verb.CLEAR, Verb.ESCALATE, Verb.REOPEN)

_DISPUTE_NOTE_LABELS = {
    DisputeVerb.DISPUTE: _("Their statement"),
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
    """The fields of one dispute verb, for the match page and the admin."""

    code = forms.ChoiceField(
        choices=DisputeCode.choices,
        label=_("Grounds of the dispute"),
        widget=forms.RadioSelect,
        error_messages={"required": _("Choose the grounds of the dispute.")},
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
        error_messages={
            "required": _("Give the reason, as the other side will read it.")
        },
    )

    def __init__(self, verb: DisputeVerb, data: object = None) -> None:
        super().__init__(data)  # type: ignore[arg-type]  # the request's own data
        self.verb = verb
        self.fields["note"].label = _DISPUTE_NOTE_LABELS[verb]
        if verb == DisputeVerb.DISPUTE:
            self.fields["note"].required = False
        else:
            del self.fields["code"], self.fields["received"]

    def carry_out(self, *, match: Match, user: User, version: int) -> Match:
        """Record the dispute or its answer; call it on a valid form only."""
        values = self.cleaned_data
        if self.verb != DisputeVerb.DISPUTE:
            return _ANSWERS[self.verb](
                match=match, user=user, version=version, answer=values["note"]
            )
        return disputes.record(
            match=match,
            user=user,
            version=version,
            code=values["code"],
            statement=values["note"],
            received_at=self._received_at(),
        )

    def _received_at(self) -> datetime | None:
        """Return the start of the given day; None, meaning now, for today or no day."""
        day = self.cleaned_data["received"]
        if day is None or day == timezone.localdate():
            return None
        return timezone.make_aware(datetime.combine(day, time.min))


class DecisionForm(forms.Form):
    """The fields of one verb: a reason to reject, a note for all verbs but undo."""

    reason = forms.ChoiceField(
        choices=RejectCode.choices,
        label="Why it is rejected",
        widget=forms.RadioSelect,
    )
    note = forms.CharField(
        max_length=MAX_NOTE_CHARS, widget=forms.Textarea(attrs={"rows": 4})
    )

    def __init__(self, verb: Verb, data: object = None) -> None:
        super().__init__(data)  # type: ignore[arg-type]  # the request's own data
        self.verb = verb
        if verb != Verb.REJECT:
            del self.fields["reason"]
        if verb == Verb.UNDO:
            del self.fields["note"]
            return
        self.fields["note"].required = verb in _NOTE_NEEDED
        self.fields["note"].label = _NOTE_LABELS[verb]

    def clean(self) -> dict[str, object]:
        """Require a note with the code "other", which explains nothing by itself."""
        values = super().clean() or {}
        if values.get("reason") == RejectCode.OTHER and not values.get("note"):
            self.add_error("note", "Say why the match is rejected.")
        return values

    def decision(self) -> Decision:
        """Return the decision that the valid form describes."""
        return Decision(
            verb=self.verb,
            reason=self.cleaned_data.get("reason", ""),
            note=self.cleaned_data.get("note", ""),
        )


class SavedViewForm(forms.Form):
    """The name of a saved view of the queue, and who sees it."""

    name = forms.CharField(max_length=80)
    is_shared = forms.BooleanField(required=False, label=_("Show it to the team"))
    is_default = forms.BooleanField(required=False, label=_("Open the queue with it"))


class AssignForm(forms.Form):
    """The assignee of the selected matches; none takes the assignment back."""

    assignee = forms.ModelChoiceField(
        User.objects.none(),
        required=False,
        empty_label=_("Nobody (remove the assignee)"),
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
