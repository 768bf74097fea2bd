"""The form of a policy: its conditions and its action."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from django import forms

from catalogue.models import Bucket
from portal.shared.fields import LinesField
from portal.shared.selectors import deciders
from review import conditions
from review.choices import PolicyAction, Relation
from review.models import Policy
from scanning.choices import SCAN_ENGINES

_UNITS = {
    "score": ("Score", 100),
    "matched_s": ("Matched seconds", None),
    "longest_s": ("Longest segment in seconds", None),
    "source_coverage": ("Source coverage in %", 100),
    "reference_coverage": ("Reference coverage in %", 100),
    "speed_change": ("Speed change in %", None),
    "pitch_change": ("Pitch change in cents", None),
}
_FLAG_LABELS = {
    "found_late": "Found late",
    "shared_loop": "Loop",
    "under_speech": "Under speech",
}
_YES_NO = [("", "Any"), ("yes", "Yes"), ("no", "No")]
_TYPED = {
    "labels": "Labels",
    "platforms": "Platforms",
    "accounts": "Accounts",
    "programmes": "Programmes",
    "territories": "Territories",
}
DEFAULT_SCALE = "0-100:embedded/1"


class PolicyForm(forms.ModelForm[Policy]):
    """The conditions and action of a policy; an empty condition matches everything."""

    buckets = forms.ModelMultipleChoiceField(
        Bucket.objects.present(), required=False, widget=forms.CheckboxSelectMultiple
    )
    relations = forms.MultipleChoiceField(
        choices=Relation.choices, required=False, widget=forms.CheckboxSelectMultiple
    )
    engines = forms.MultipleChoiceField(
        choices=SCAN_ENGINES, required=False, widget=forms.CheckboxSelectMultiple
    )
    score_scale = forms.CharField(
        required=False,
        max_length=40,
        initial=DEFAULT_SCALE,
        help_text="Scores are compared on this scale alone.",
    )

    class Meta:
        model = Policy
        fields = [
            *("name", "action", "priority", "due_days", "assignee"),
            "second_approval",
        ]

    def __init__(
        self, *args: Any, **kwargs: Any
    ) -> None:  # Any: Django's own signature
        super().__init__(*args, **kwargs)
        self.fields["assignee"].queryset = deciders()  # type: ignore[attr-defined]  # a model choice
        self.fields["assignee"].empty_label = "No assignee"  # type: ignore[attr-defined]  # as above
        self.fields["action"].choices = [  # type: ignore[attr-defined]  # a choice field
            ("", "Choose what follows"),
            *PolicyAction.choices,
        ]
        for name, label in _TYPED.items():
            self.fields[name] = LinesField(
                required=False, label=label, help_text="One per line"
            )
        for name, (label, most) in _UNITS.items():
            for edge, word in (("from", "from"), ("to", "to")):
                self.fields[f"{name}_{edge}"] = forms.DecimalField(
                    required=False,
                    label=f"{label}, {word}",
                    min_value=Decimal(0),
                    max_value=most,
                    decimal_places=2,
                )
        for name, label in _FLAG_LABELS.items():
            self.fields[name] = forms.ChoiceField(
                required=False, label=label, choices=_YES_NO
            )
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
                self.add_error(f"{name}_to", "This lies below the lower edge.")
        self.instance.conditions = self._conditions(cleaned)
        return cleaned

    def _conditions(self, cleaned: dict[str, Any]) -> dict[str, Any]:  # Any: JSON
        sets = {
            name: list(cleaned.get(name) or [])
            for name in (*_TYPED, "relations", "engines")
        }
        sets["buckets"] = [str(bucket.pk) for bucket in cleaned.get("buckets") or ()]
        return conditions.as_json(
            sets=sets,
            ranges={
                name: (cleaned.get(f"{name}_from"), cleaned.get(f"{name}_to"))
                for name in _UNITS
            },
            flags={
                name: {"yes": True, "no": False}.get(cleaned.get(name, ""))
                for name in _FLAG_LABELS
            },
            score_scale=cleaned.get("score_scale") or DEFAULT_SCALE,
        )


def told_conditions(policy: Policy, *, buckets: Mapping[str, str]) -> list[str]:
    """Return the policy's conditions as short phrases; ``buckets`` has their names."""
    stored = policy.conditions
    names = {
        **{name: label.lower() for name, label in _TYPED.items()},
        "buckets": "buckets",
        "relations": "relation",
        "engines": "engine",
    }
    shown_as: dict[str, Mapping[str, str]] = {
        "buckets": buckets,
        "relations": {each.value: str(each.label).lower() for each in Relation},
    }
    phrases = []
    for name, values in stored.get("sets", {}).items():
        shown = [shown_as.get(name, {}).get(each, each) for each in values]
        phrases.append(f"{names[name]}: {', '.join(shown)}")
    for name, (low, high) in stored.get("ranges", {}).items():
        phrases.append(f"{_UNITS[name][0].lower()} {low or '…'}–{high or '…'}")
    for name, value in stored.get("flags", {}).items():
        label = _FLAG_LABELS[name].lower()
        phrases.append(label if value else f"not {label}")
    return phrases
