"""The form of a policy: its conditions and its action."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django import forms
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from base.accounts.services import deciders
from catalogue.models import Bucket
from review import conditions
from review.choices import PolicyAction, Relation
from review.models import Policy
from scanning.choices import SCAN_ENGINES
from web.portal.shared.fields import (
    LinesField,
    Picker,
    SearchSelect,
    SearchSelectMultiple,
    TerritoriesField,
    only_when,
)
from web.portal.shared.model_forms import PortalForm, name_empty_choice

_UNITS = {
    "score": (_("Score"), 100),
    "matched_s": (_("Matched seconds"), None),
    "longest_s": (_("Longest continuous use in seconds"), None),
    "source_coverage": (_("Source coverage in %"), 100),
    "reference_coverage": (_("Reference coverage in %"), 100),
    "speed_change": (_("Speed change in %"), None),
    "pitch_change": (_("Pitch change in cents"), None),
}
_FLAG_LABELS = {
    "edited": _("Edited"),
    "found_late": _("Found late"),
    "shared_loop": _("Loop"),
    "under_speech": _("Under speech"),
}
_YES_NO = [("", _("Any")), ("yes", _("Yes")), ("no", _("No"))]
_TYPED = {
    "labels": _("Labels"),
    "platforms": _("Platforms"),
    "accounts": _("Accounts"),
    "programmes": _("Programmes"),
    "territories": _("Territories"),
}
DEFAULT_SCALE = "0-100:embedded/1"


_ORDER = (
    *("buckets", "labels", "relations", "score", "matched_s", "longest_s"),
    *("source_coverage", "reference_coverage", "under_speech", "shared_loop"),
    *("found_late", "edited", "speed_change", "pitch_change", "platforms"),
    *("accounts", "programmes", "territories", "engines"),
)
_THEN = ("action", "assignee", "due_days", "priority", "second_approval")


class PolicyForm(PortalForm[Policy]):
    """The conditions and action of a policy; an empty condition matches everything."""

    buckets = forms.ModelMultipleChoiceField(
        Bucket.objects.present(), required=False, widget=SearchSelectMultiple, label=_("Buckets")
    )
    relations = forms.MultipleChoiceField(
        choices=Relation.choices,
        required=False,
        widget=forms.CheckboxSelectMultiple,
        label=_("Relations"),
    )
    engines = forms.MultipleChoiceField(
        choices=SCAN_ENGINES,
        required=False,
        widget=forms.CheckboxSelectMultiple,
        label=_("Engines"),
    )
    score_scale = forms.CharField(
        required=False,
        max_length=40,
        initial=DEFAULT_SCALE,
        help_text=_("Only scores on this scale are compared."),
        label=_("Score scale"),
    )

    class Meta(PortalForm.Meta):
        model = Policy
        fields = Policy.TERMS
        widgets = {"assignee": SearchSelect}

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # Any: Django's own signature
        super().__init__(*args, **kwargs)
        self.fields["assignee"].queryset = deciders()  # type: ignore[attr-defined]  # a model choice
        self.fields["assignee"].empty_label = gettext("No assignee")  # type: ignore[attr-defined]  # as above
        name_empty_choice(self, action=gettext("Choose what the policy does"))
        only_when(self.fields["second_approval"], "action", PolicyAction.CONFIRM)
        for name, label in _TYPED.items():
            self.fields[name] = (
                TerritoriesField(required=False, label=label)
                if name == "territories"
                else LinesField(required=False, label=label, widget=Picker(name, is_open=True))
            )
        for name, (label, most) in _UNITS.items():
            for edge, word in (("from", gettext("from")), ("to", gettext("to"))):
                self.fields[f"{name}_{edge}"] = forms.DecimalField(
                    required=False,
                    label=gettext("%(label)s, %(word)s") % {"label": label, "word": word},
                    min_value=Decimal(0),
                    max_value=most,
                    decimal_places=2,
                )
        for name, label in _FLAG_LABELS.items():
            self.fields[name] = forms.ChoiceField(required=False, label=label, choices=_YES_NO)
        # Move the scale to the end so that each "from" stands beside its "to".
        self.fields["score_scale"] = self.fields.pop("score_scale")
        self._show(self.instance.conditions)

    def _show(self, conditions: dict[str, Any]) -> None:  # Any: JSON
        """Fill the fields with the policy's stored conditions."""
        for name, values in conditions.get("sets", {}).items():
            self.initial[name] = values
        for name, (low, high) in conditions.get("ranges", {}).items():
            self.initial[f"{name}_from"] = low
            self.initial[f"{name}_to"] = high
        for name, value in conditions.get("flags", {}).items():
            self.initial[name] = "yes" if value else "no"
        if conditions.get("score_scale"):
            self.initial["score_scale"] = conditions["score_scale"]

    def clean(self) -> dict[str, Any]:  # Any: Django's own signature
        """Set the policy's conditions; reject ranges whose end is below their start."""
        cleaned: dict[str, Any] = super().clean() or {}
        for name in _UNITS:
            low, high = cleaned.get(f"{name}_from"), cleaned.get(f"{name}_to")
            if low is not None and high is not None and high < low:
                self.add_error(f"{name}_to", gettext("This is below the lower limit."))
        sets = {name: list(cleaned.get(name) or []) for name in (*_TYPED, "relations", "engines")}
        sets["buckets"] = [str(bucket.pk) for bucket in cleaned.get("buckets") or ()]
        self.instance.conditions = conditions.as_json(
            sets=sets,
            ranges={
                name: (cleaned.get(f"{name}_from"), cleaned.get(f"{name}_to")) for name in _UNITS
            },
            flags={
                name: {"yes": True, "no": False}.get(cleaned.get(name, "")) for name in _FLAG_LABELS
            },
            score_scale=cleaned.get("score_scale") or DEFAULT_SCALE,
        )
        return cleaned

    @property
    def then(self) -> list[forms.BoundField]:
        """Return the fields that say what follows."""
        return [self[name] for name in _THEN]

    def condition_rows(self) -> list[dict[str, Any]]:
        """Return the conditions in the order of the sentence, for a template. Any: its values."""
        sets = ("buckets", *_TYPED, "relations", "engines")
        named = {name: [name] for name in (*sets, *_FLAG_LABELS)}
        edges = {name: [f"{name}_from", f"{name}_to"] for name in _UNITS}
        edges["score"].append("score_scale")
        rows = []
        for key in sorted(named | edges, key=_ORDER.index):
            names = (named | edges)[key]
            label = str(_UNITS[key][0] if key in _UNITS else self[key].label)
            used = [self[name] for name in names if name != "score_scale"]
            rows.append(
                {
                    "key": key,
                    "label": label,
                    "fields": [self[name] for name in names],
                    "is_used": any(field.value() or field.errors for field in used),
                }
            )
        return rows
