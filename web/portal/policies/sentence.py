"""A policy as a sentence: when its conditions hold, what happens."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from django.utils.formats import number_format
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from base.common.territories import territory_names
from review.choices import PolicyAction, Relation
from review.models import Policy
from scanning.choices import SCAN_ENGINES

_SETS = {
    "buckets": gettext_lazy("its recording is in {}"),
    "labels": gettext_lazy("its label is {}"),
    "relations": gettext_lazy("its relation is {}"),
    "platforms": gettext_lazy("its platform is {}"),
    "accounts": gettext_lazy("its account is {}"),
    "programmes": gettext_lazy("its programme is {}"),
    "territories": gettext_lazy("it is used in {}"),
    "engines": gettext_lazy("it was found by {}"),
}
_RANGES = {
    "score": (gettext_lazy("its score is {}"), ""),
    "matched_s": (gettext_lazy("its matched time is {}"), gettext_lazy("s")),
    "longest_s": (gettext_lazy("its longest continuous use is {}"), gettext_lazy("s")),
    "source_coverage": (gettext_lazy("it covers {} of the file"), "%"),
    "reference_coverage": (gettext_lazy("it covers {} of the recording"), "%"),
    "speed_change": (gettext_lazy("its speed differs by {}"), "%"),
    "pitch_change": (gettext_lazy("its pitch differs by {}"), gettext_lazy("cents")),
}
_FLAGS = {
    "edited": (gettext_lazy("it is edited"), gettext_lazy("it is not edited")),
    "found_late": (gettext_lazy("it was found late"), gettext_lazy("it was not found late")),
    "shared_loop": (gettext_lazy("it is a loop"), gettext_lazy("it is not a loop")),
    "under_speech": (gettext_lazy("it is under speech"), gettext_lazy("it is not under speech")),
}
_ACTIONS = {
    PolicyAction.REVIEW: gettext_lazy("a reviewer decides the match"),
    PolicyAction.CONFIRM: gettext_lazy("the match is confirmed"),
    PolicyAction.ESCALATE: gettext_lazy("a manager decides the match"),
    PolicyAction.SUPPRESS: gettext_lazy("the match is suppressed"),
}


def sentence_of(policy: Policy, *, buckets: Mapping[str, str]) -> SafeString:
    """Return the policy as one sentence; ``buckets`` has their names by key."""
    conditions = list(conditions_of(policy.conditions, buckets=buckets))
    if not policy.action:
        return SafeString()
    then = format_html_join(", ", "{}", ((consequence,) for consequence in _consequences(policy)))
    if not conditions:
        return format_html(_("Unless a licence covers it, {}."), then)
    return format_html(_("If {}, {}."), _join_clauses(conditions), then)


def conditions_of(
    stored: Mapping[str, Any], *, buckets: Mapping[str, str]
) -> Iterator[SafeString]:  # Any: JSON
    """Yield the stored conditions as clauses about a match."""
    names: dict[str, Mapping[str, str]] = {
        "buckets": buckets,
        "relations": {relation.value: str(relation.label) for relation in Relation},
        "territories": territory_names(),
        "engines": {value: str(label) for value, label in SCAN_ENGINES},
    }
    for name, clause in _SETS.items():
        if values := stored.get("sets", {}).get(name):
            texts = [names.get(name, {}).get(value, value) for value in values]
            yield format_html(str(clause), _strong(_either(texts)))
    for name, (clause, unit) in _RANGES.items():
        if edges := stored.get("ranges", {}).get(name):
            low, high = edges
            yield format_html(str(clause), _strong(_range(low, high, str(unit))))
    for name, (if_true, if_false) in _FLAGS.items():
        value = stored.get("flags", {}).get(name)
        if value is not None:
            yield format_html("{}", if_true if value else if_false)


def _either(names: list[str]) -> str:
    """Join names with commas, and the last with “or”."""
    *first, last = names
    return _(" or ").join([", ".join(first), last]) if first else last


def _range(low: str | None, high: str | None, unit: str) -> str:
    values = {"low": _number(low), "high": _number(high), "unit": unit}
    if low is None:
        text = _("at most %(high)s %(unit)s")
    elif high is None:
        text = _("at least %(low)s %(unit)s")
    else:
        text = _("%(low)s to %(high)s %(unit)s")
    return (text % values).strip()


def _number(stored: str | None) -> str:
    """Write a stored number with the decimal sign of the reader's language."""
    return "" if stored is None else number_format(stored)


def _consequences(policy: Policy) -> Iterator[SafeString]:
    yield _strong(str(_ACTIONS[PolicyAction(policy.action)]))
    if policy.second_approval and policy.action == PolicyAction.CONFIRM:
        yield format_html("{}", _("after a second person has approved it"))
    if policy.assignee is not None:
        yield format_html(_("assigned to {}"), _strong(policy.assignee.get_username()))
    if policy.due_days is not None:
        days = ngettext("due in %(n)s day", "due in %(n)s days", policy.due_days)
        yield format_html("{}", days % {"n": policy.due_days})
    if policy.priority:
        yield format_html("{}", _("with priority %(n)s") % {"n": policy.priority})


def _join_clauses(parts: list[SafeString]) -> SafeString:
    """Join clauses with commas, and the last with “and”."""
    if len(parts) < 2:
        return parts[0]
    joined = parts[0]
    for part in parts[1:-1]:
        joined = format_html("{}, {}", joined, part)
    return format_html(_("{} and {}"), joined, parts[-1])


def _strong(text: str) -> SafeString:
    return format_html("<strong>{}</strong>", text)
