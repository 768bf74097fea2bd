"""Compares what a preview said of matches with what the change did."""

from __future__ import annotations

from review.models import Match
from statements.choices import ISSUED
from statements.following import differences_of
from statements.models import Statement
from statements.selectors import is_followed
from web.portal.shared.consequences import Consequences

Rows = dict[int, tuple[object, ...]]
Texts = dict[tuple[str, str], set[str]]


def rows() -> Rows:
    """Return state, seconds, policy and licence of each match."""
    matches = Match._base_manager.values_list(
        *("pk", "state", "matched_ms", "policy_name", "licence")
    )
    return {row[0]: row[1:] for row in matches}


def said_otherwise() -> Texts:
    """Return what statements that somebody submitted or issued say otherwise than today."""
    statements = list(Statement.objects.filter(is_followed(), state__in=ISSUED))
    differences = differences_of(statements)
    texts: Texts = {}
    for row in statements:
        of_row = {difference.text for difference in differences.get(row.pk, ())}
        texts.setdefault((row.kind, row.subject), set()).update(of_row)
    return texts


def unexpected_statements(consequences: Consequences, was: Texts, now: Texts) -> list[str]:
    """Return each statement that did not change as the preview said."""
    values: Texts = {}
    for change in consequences.statements:
        values.setdefault((change.kind, change.uid), set()).update(change.texts)
    return [
        f"{key}: {texts - was[key]} of {sorted(texts)}, and the preview said {values.get(key)}"
        for key, texts in now.items()
        if key in was and texts - was[key] != values.get(key, set())
    ]


def unexpected(consequences: Consequences, was: Rows, now: Rows) -> list[str]:
    """Return each match that did not change as the preview said."""
    changes = {change.match.pk: change for change in consequences.matches}
    faults = [
        f"match {key} changed from {was[key]} to {row} without a word"
        for key, row in now.items()
        if row != was.get(key, row) and key not in changes
    ]
    for key, change in changes.items():
        before = (change.before, change.match.matched_ms)
        after = (change.after, change.counted_ms)
        if (before, after) != (was[key][:2], now[key][:2]):
            faults.append(f"match {key}: {before} to {after}, in truth to {now[key]}")
    return faults
