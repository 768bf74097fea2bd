"""What each decision asks for: one form for the page of a match and for many."""

from __future__ import annotations

from django import forms

from review.choices import RejectCode, Verb
from review.services.bulk import Decision
from review.services.decisions import MAX_NOTE_CHARS

_NOTE_LABELS = {
    Verb.CONFIRM: "Note",
    Verb.CLEAR: "Why the use is allowed",
    Verb.REJECT: "Note",
    Verb.ESCALATE: "What the manager should look at",
    Verb.REOPEN: "Why it is opened again",
}
_NOTE_NEEDED = (Verb.CLEAR, Verb.ESCALATE, Verb.REOPEN)


class DecisionForm(forms.Form):
    """Asks what the verb needs; a verb that needs nothing still takes a note."""

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
        """Ask for words where the code says nothing."""
        told = super().clean() or {}
        if told.get("reason") == RejectCode.OTHER and not told.get("note"):
            self.add_error("note", "Say why the match is rejected.")
        return told

    def decision(self) -> Decision:
        """Return what the form says."""
        return Decision(
            verb=self.verb,
            reason=self.cleaned_data.get("reason", ""),
            note=self.cleaned_data.get("note", ""),
        )
