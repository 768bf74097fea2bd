"""What is asked when a dispute comes in, and when it is answered."""

from __future__ import annotations

from datetime import UTC, datetime, time

from django import forms
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from review.choices import DisputeCode
from review.services.decisions import MAX_NOTE_CHARS


class DisputeForm(forms.Form):
    """What the other side objects, in which words, and since when."""

    code = forms.ChoiceField(
        choices=DisputeCode.choices,
        error_messages={"required": _("Choose what the other side objects.")},
    )
    received = forms.DateField(
        required=False,
        label=_("Received"),
        error_messages={"invalid": _("Enter the day as 2026-05-01.")},
    )
    note = forms.CharField(required=False, max_length=MAX_NOTE_CHARS)

    def received_at(self) -> datetime | None:
        """Return when it came in: today is now, an earlier day is its beginning."""
        day = self.cleaned_data["received"]
        if day is None or day == timezone.localdate():
            return None
        start: datetime = timezone.make_aware(datetime.combine(day, time.min))
        return start.astimezone(UTC)


class AnswerForm(forms.Form):
    """Why a claim is upheld, withdrawn from or released, as the other side is told."""

    note = forms.CharField(
        max_length=MAX_NOTE_CHARS,
        error_messages={"required": _("Say why, as it is told to the other side.")},
    )
