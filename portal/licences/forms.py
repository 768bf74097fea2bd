"""Forms for the terms of a licence and for the filters of the list."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.files.uploadedfile import UploadedFile
from django.utils.html import format_html

from catalogue.models import Bucket, Recording
from portal.shared.fields import LinesField, RecordingsField
from portal.shared.filters import DayInput
from review.choices import LicenceScope
from review.models import Licence

MAX_EVIDENCE_BYTES = 20 * 1024**2


class LicenceForm(forms.ModelForm[Licence]):
    """The terms of a licence."""

    buckets = forms.ModelMultipleChoiceField(
        Bucket.objects.present(), required=False, widget=forms.CheckboxSelectMultiple
    )
    labels = LinesField(required=False, help_text="One per line")
    recordings = RecordingsField(
        required=False, help_text="One id per line: ours, yours or the ISRC"
    )
    use_values = LinesField(
        required=False,
        label="Named uses",
        help_text="One per line: accounts, addresses, programmes or external ids",
    )
    territories = LinesField(
        required=False,
        help_text=format_html(
            "ISO codes, one per line; leave empty for worldwide. A file's tag such as "
            "<code>{}</code> says where its use is.",
            "territory:GB",
        ),
    )
    evidence_file = forms.FileField(
        required=False, help_text="The contract or the message that allows the use"
    )

    class Meta:
        model = Licence
        fields = [
            *("holder", "scope", "buckets", "labels", "recordings"),
            *("use_kind", "use_values", "territories", "valid_from", "valid_until"),
            *("max_seconds", "on_expiry", "note"),
        ]
        labels = {
            "scope": "Which recordings",
            "use_kind": "Which uses",
            "valid_from": "From",
            "valid_until": "Until, that day included",
            "max_seconds": "Seconds per use at most",
            "on_expiry": "When it ends",
        }
        widgets = {
            "valid_from": DayInput,
            "valid_until": DayInput,
            "note": forms.Textarea(attrs={"rows": 2}),
        }

    def __init__(
        self, *args: Any, **kwargs: Any
    ) -> None:  # Any: Django's own signature
        super().__init__(*args, **kwargs)
        self.fields["scope"].choices = [  # type: ignore[attr-defined]  # a choice field
            ("", "Choose which"),
            *LicenceScope.choices,
        ]
        if self.instance.pk:
            self.initial["recordings"] = list(self.instance.recordings.all())
        if self.instance.built_in:
            for name in list(self.fields):
                if name not in ("use_values", "note"):
                    del self.fields[name]
            self.fields["use_values"].label = "Own accounts"
            self.fields["use_values"].help_text = "One per line"

    def clean_territories(self) -> list[str]:
        """Return two-letter codes in upper case; reject anything else."""
        codes: list[str] = [code.upper() for code in self.cleaned_data["territories"]]
        wrong = [code for code in codes if len(code) != 2 or not code.isalpha()]
        if wrong:
            raise forms.ValidationError(f"Not a code of two letters: {wrong[0]}.")
        return codes

    def clean_evidence_file(self) -> UploadedFile[Any] | None:  # Any: bytes or text
        """Reject a file of more than ``MAX_EVIDENCE_BYTES``."""
        file: UploadedFile[Any] | None = self.cleaned_data["evidence_file"]
        if file is not None and (file.size or 0) > MAX_EVIDENCE_BYTES:
            raise forms.ValidationError("The file may have 20 MiB at most.")
        return file

    def clean(self) -> dict[str, Any]:  # Any: Django's own signature
        """Reject a period that ends before it starts."""
        cleaned: dict[str, Any] = super().clean() or {}
        begins, ends = cleaned.get("valid_from"), cleaned.get("valid_until")
        if begins and ends and ends < begins:
            self.add_error("valid_until", "The end must not be before the start.")
        return cleaned

    def chosen_buckets(self) -> list[Bucket]:
        """Return the buckets that the licence covers."""
        return list(self.cleaned_data.get("buckets", []))

    def chosen_recordings(self) -> list[Recording]:
        """Return the recordings that the licence covers."""
        return list(self.cleaned_data.get("recordings", []))


class LicenceFilterForm(forms.Form):
    """Filters of the list of licences."""

    q = forms.CharField(required=False, label="Holder or number")
    state = forms.ChoiceField(
        required=False,
        choices=[
            ("", "Any"),
            ("active", "In force"),
            ("draft", "Draft"),
            ("ended", "Ended or withdrawn"),
        ],
    )
