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
    found = Match._base_manager.values_list(
        *("pk", "state", "matched_ms", "policy_name", "licence")
    )
    return {row[0]: row[1:] for row in found}


def said_otherwise() -> Texts:
    """Return what statements that somebody submitted or issued say otherwise than today."""
    statements = list(Statement.objects.filter(is_followed(), state__in=ISSUED))
    said = differences_of(statements)
    texts: Texts = {}
    for row in statements:
        of_row = {each.text for each in said.get(row.pk, ())}
        texts.setdefault((row.kind, row.subject), set()).update(of_row)
    return texts


def unexpected_statements(said: Consequences, was: Texts, now: Texts) -> list[str]:
    """Return each statement that did not change as the preview said."""
    told: Texts = {}
    for each in said.statements:
        told.setdefault((each.kind, each.uid), set()).update(each.texts)
    return [
        f"{key}: {texts - was[key]} of {sorted(texts)}, and the preview said {told.get(key)}"
        for key, texts in now.items()
        if key in was and texts - was[key] != told.get(key, set())
    ]


def unexpected(said: Consequences, was: Rows, now: Rows) -> list[str]:
    """Return each match that did not change as the preview said."""
    told = {each.match.pk: each for each in said.matches}
    faults = [
        f"match {key} changed from {was[key]} to {row} without a word"
        for key, row in now.items()
        if row != was.get(key, row) and key not in told
    ]
    for key, each in told.items():
        before = (each.before, each.match.matched_ms)
        after = (each.after, each.counted_ms)
        if (before, after) != (was[key][:2], now[key][:2]):
            faults.append(f"match {key}: {before} to {after}, in truth to {now[key]}")
    return faults
