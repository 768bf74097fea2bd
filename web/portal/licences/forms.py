"""The form for the terms of a licence."""

from __future__ import annotations

from functools import partial
from typing import Any

from django import forms
from django.core.files.uploadedfile import UploadedFile
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from catalogue.models import Bucket, Recording
from review.choices import EditedUses, LicenceScope, UseKind
from review.models import Licence
from web.portal.shared.fields import (
    Picker,
    RecordingsField,
    SearchSelectMultiple,
    TerritoriesField,
    only_when,
)
from web.portal.shared.model_forms import PortalForm, name_empty_choice

MAX_EVIDENCE_BYTES = 20 * 1024**2
_EDIT_LIMITS = ("max_speed_pct", "max_semitones")


class LicenceForm(PortalForm[Licence]):
    """The terms of a licence."""

    recordings = RecordingsField(
        required=False,
        help_text=_("By title, artist, ISRC or id; press Enter after each"),
        label=_("Recordings"),
    )
    evidence_file = forms.FileField(
        required=False,
        help_text=_("The contract or the message that allows the use"),
        label=_("Evidence file"),
    )

    class Meta(PortalForm.Meta):
        model = Licence
        fields = Licence.TERMS
        field_classes = {"territories": partial(TerritoriesField, takes_world=True)}
        widgets = {
            "buckets": SearchSelectMultiple,
            "labels": Picker("labels", is_open=True),
            "use_values": Picker("accounts", is_open=True),
            "note": forms.Textarea(attrs={"rows": 2}),
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # Any: Django's own signature
        super().__init__(*args, **kwargs)
        name_empty_choice(self, scope=gettext("Choose which"))
        self.fields["use_values"].widget.attrs["data-picker-from"] = "use_kind"
        for name, scope in (
            ("buckets", LicenceScope.BUCKET),
            ("labels", LicenceScope.LABEL),
            ("recordings", LicenceScope.RECORDINGS),
        ):
            only_when(self.fields[name], "scope", scope, needed=True)
        named_uses = [kind.value for kind in UseKind if kind != UseKind.ANY]
        only_when(self.fields["use_values"], "use_kind", *named_uses, needed=True)
        for name in _EDIT_LIMITS:
            only_when(self.fields[name], "edited_uses", EditedUses.WITHIN)
        if self.instance.pk:
            self.initial["recordings"] = list(self.instance.recordings.all())
        if self.instance.built_in:
            for name in list(self.fields):
                if name not in ("use_values", "note"):
                    del self.fields[name]
            del self.fields["use_values"].widget.attrs["data-picker-from"]
            self.fields["use_values"].label = gettext("Own accounts")
            self.fields["use_values"].help_text = gettext("Press Enter after each")

    def clean_evidence_file(self) -> UploadedFile[Any] | None:  # Any: bytes or text
        """Reject a file of more than ``MAX_EVIDENCE_BYTES``."""
        file: UploadedFile[Any] | None = self.cleaned_data["evidence_file"]
        if file is not None and (file.size or 0) > MAX_EVIDENCE_BYTES:
            raise forms.ValidationError(gettext("The file may have at most 20 MiB."))
        return file

    def clean(self) -> dict[str, Any]:  # Any: Django's own signature
        """Reject a period that ends before it starts."""
        cleaned: dict[str, Any] = super().clean() or {}
        begins, ends = cleaned.get("valid_from"), cleaned.get("valid_until")
        if begins and ends and ends < begins:
            self.add_error("valid_until", gettext("The end must not be before the start."))
        if self.instance.built_in:
            return cleaned
        self._clean_named(cleaned)
        return cleaned

    def _clean_named(self, cleaned: dict[str, Any]) -> None:  # Any: as in ``clean``
        """Require what the scope and the kind of use name; empty the other fields."""
        scope, use_kind = cleaned.get("scope"), cleaned.get("use_kind")
        for name, applies, missing in (
            ("buckets", scope == LicenceScope.BUCKET, _("Name at least one bucket.")),
            ("labels", scope == LicenceScope.LABEL, _("Name at least one label.")),
            ("recordings", scope == LicenceScope.RECORDINGS, _("Name at least one recording.")),
            ("use_values", use_kind != UseKind.ANY, _("Name at least one use.")),
        ):
            if name not in cleaned:
                continue
            if not applies:
                cleaned[name] = []
            elif not cleaned[name]:
                self.add_error(name, missing)
        if cleaned.get("edited_uses") != EditedUses.WITHIN:
            cleaned |= dict.fromkeys(_EDIT_LIMITS)
        elif all(cleaned.get(name) is None for name in _EDIT_LIMITS):
            self.add_error("max_speed_pct", gettext("Enter at least one limit."))

    def chosen_buckets(self) -> list[Bucket]:
        """Return the buckets that the licence covers."""
        return list(self.cleaned_data.get("buckets", []))

    def chosen_recordings(self) -> list[Recording]:
        """Return the recordings that the licence covers."""
        return list(self.cleaned_data.get("recordings", []))
