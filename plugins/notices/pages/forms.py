"""Forms of notices; none of them has an answer ticked or a consent typed beforehand."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import Any

from django import forms
from django.utils import timezone
from django.utils.functional import lazy
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from plugins.notices.answers import Reply
from plugins.notices.content import digest_of_document
from plugins.notices.models import (
    ClaimedRight,
    NoticeItem,
    NoticeLaw,
    NoticeOutcome,
    TakedownNotice,
)
from plugins.notices.notice_text import ACCURACY, GOOD_FAITH, STATEMENTS
from plugins.notices.services import Sending
from plugins.notices.signing import Signing
from plugins.notices.steps import FILLED, FILLED_US
from review.choices import DisputeCode

_MOMENT = "%Y-%m-%dT%H:%M"
_zone_name = lazy(timezone.get_current_timezone_name, str)


def _moment_field(label: object) -> forms.DateTimeField:
    """Return a field for a day and time in the person's zone."""
    return forms.DateTimeField(
        label=label,  # type: ignore[arg-type]  # a text that is translated later
        input_formats=[_MOMENT, "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M", "%Y-%m-%d"],
        widget=forms.DateTimeInput(format=_MOMENT, attrs={"type": "datetime-local"}),
        help_text=_zone_name(),
        error_messages={"invalid": _("Enter date and time as 2026-05-01 14:30.")},
    )


class PrepareForm(forms.Form):
    """The law of a new notice, and the right that it claims."""

    law = forms.ChoiceField(
        choices=NoticeLaw.choices,
        widget=forms.RadioSelect,
        label=_("Which law?"),
        error_messages={"required": _("Choose the law of the notice.")},
    )
    right = forms.ChoiceField(
        choices=ClaimedRight.choices,
        widget=forms.RadioSelect,
        label=_("What is infringed?"),
        error_messages={"required": _("Choose what is infringed.")},
    )


class _VersionForm(forms.Form):
    """A step of a notice, with the version that the person saw."""

    version = forms.IntegerField(min_value=0, widget=forms.HiddenInput)

    @property
    def seen(self) -> int:
        """Return the version of a valid form."""
        version: int = self.cleaned_data["version"]
        return version


class NoticeForm(_VersionForm):
    """What the law asks for; a draft may be saved while some of it is missing."""

    owner = forms.CharField(
        required=False,
        max_length=300,
        label=FILLED["owner"],
        help_text=_("The person or company for whom you act."),
    )
    recipient = forms.CharField(
        required=False,
        max_length=300,
        label=FILLED["recipient"],
        help_text=_("In the United States, the platform's designated agent."),
    )
    recipient_contact = forms.CharField(
        required=False,
        max_length=500,
        label=FILLED["recipient_contact"],
        help_text=_("The platform's email address or form."),
    )
    reasons = forms.CharField(
        required=False,
        max_length=8000,
        widget=forms.Textarea({"rows": 6}),
        label=FILLED["reasons"],
        help_text=_("In your own words. Matches and evidence are added automatically."),
    )
    fair_use = forms.CharField(
        required=False,
        max_length=4000,
        widget=forms.Textarea({"rows": 4}),
        label=FILLED["fair_use"],
        help_text=_("Is it fair use, quotation, parody or a licence? Say why none of these fits."),
    )
    contact_name = forms.CharField(required=False, max_length=200, label=FILLED["contact_name"])
    contact_email = forms.EmailField(required=False, max_length=254, label=FILLED["contact_email"])
    contact_address = forms.CharField(
        required=False,
        max_length=1000,
        widget=forms.Textarea({"rows": 3}),
        label=FILLED_US["contact_address"],
    )
    contact_phone = forms.CharField(required=False, max_length=60, label=FILLED_US["contact_phone"])

    def __init__(self, data: object, *, notice: TakedownNotice) -> None:
        initial = {name: getattr(notice, name) for name in (*FILLED, *FILLED_US)}
        super().__init__(data, initial={**initial, "version": notice.version})  # type: ignore[arg-type]  # the request's own data

    def values(self) -> Mapping[str, str]:
        """Return the values that a person entered in a valid form."""
        return {name: self.cleaned_data[name] for name in (*FILLED, *FILLED_US)}


class SignForm(_VersionForm):
    """The consents, typed word by word, and the name; ``document`` is what the person read."""

    document = forms.CharField(widget=forms.HiddenInput)
    good_faith = forms.CharField(max_length=200)
    accuracy = forms.CharField(max_length=200)
    signature = forms.CharField(
        max_length=200,
        label=_("Signature"),
        help_text=_("Your full name. The notice shows it as /Name/."),
    )

    def __init__(self, data: object, *, notice: TakedownNotice) -> None:
        # Drawn up when the empty form is shown; one that came back holds what was read.
        read = partial(digest_of_document, notice)
        initial = {"version": notice.version, "document": read}
        super().__init__(data, initial=initial)  # type: ignore[arg-type]  # as above
        statements = STATEMENTS[NoticeLaw(notice.law)]
        for name, words in (("good_faith", GOOD_FAITH), ("accuracy", ACCURACY)):
            if name not in statements:
                del self.fields[name]
                continue
            field = self.fields[name]
            field.label = statements[name]
            field.help_text = gettext("Type these words: %(words)s") % {"words": words}
        for field in self.fields.values():
            field.widget.attrs["autocomplete"] = "off"

    def signing(self) -> Signing:
        """Return the text that the person typed."""
        values = self.cleaned_data
        return Signing(
            good_faith=values["good_faith"],
            accuracy=values.get("accuracy", ""),
            signature=values["signature"],
        )


class SentForm(_VersionForm):
    """When, how and to whom a person sent the notice."""

    at = _moment_field(_("When"))
    how = forms.CharField(max_length=200, label=_("How"), help_text=_("Such as email or web form"))
    to = forms.CharField(max_length=500, label=_("To whom"))
    despite = forms.BooleanField(required=False, label=_("It was sent all the same, or must be"))

    def __init__(self, *args: Any, changed: Sequence[str], **options: Any) -> None:
        super().__init__(*args, **options)
        if changed:
            self.fields["despite"].help_text = " ".join(changed)
        else:
            del self.fields["despite"]

    def sending(self) -> Sending:
        """Return the sending of a valid form."""
        values = self.cleaned_data
        return Sending(
            at=values["at"],
            how=values["how"],
            to=values["to"],
            despite=values.get("despite", False),
        )


class WithdrawForm(_VersionForm):
    """Why a notice is withdrawn."""

    why = forms.CharField(max_length=1000, widget=forms.Textarea({"rows": 4}), label=_("Reason"))


class AnswerForm(_VersionForm):
    """What came back, about which matches."""

    about = forms.MultipleChoiceField(
        widget=forms.CheckboxSelectMultiple, label=_("About which matches?")
    )
    outcome = forms.ChoiceField(
        choices=NoticeOutcome.choices, widget=forms.RadioSelect, label=_("Answer")
    )
    received_at = _moment_field(_("Received"))
    code = forms.ChoiceField(
        required=False,
        choices=[("", _("None that concern the claim")), *DisputeCode.choices],
        label=_("Grounds"),
        help_text=_(
            "A counter-notice needs grounds. With grounds, the answer opens a dispute for "
            "each match."
        ),
    )
    statement = forms.CharField(
        required=False,
        max_length=3900,
        widget=forms.Textarea({"rows": 4}),
        label=_("What they say"),
    )

    def __init__(
        self, data: object, *, notice: TakedownNotice, items: Iterable[NoticeItem]
    ) -> None:
        initial = {"version": notice.version, "received_at": timezone.now()}
        super().__init__(data, initial=initial)  # type: ignore[arg-type]  # as above
        field = self.fields["about"]
        assert isinstance(field, forms.MultipleChoiceField)  # noqa: S101 - declared above
        field.choices = [
            (item.match.uid, f"{item.match.recording.full_title} · {item.url}") for item in items
        ]

    def reply(self) -> Reply:
        """Return the answer of a valid form."""
        values = self.cleaned_data
        return Reply(
            outcome=NoticeOutcome(values["outcome"]),
            received_at=values["received_at"],
            statement=values["statement"],
            code=values["code"],
        )
