"""Compares what a preview said of matches with what the change did."""

from __future__ import annotations

from portal.shared.consequences import Consequences
from review.models import Match

Rows = dict[int, tuple[object, ...]]


def rows() -> Rows:
    """Return state, seconds, policy and licence of each match."""
    found = Match._base_manager.values_list(
        *("pk", "state", "matched_ms", "policy_name", "licence")
    )
    return {row[0]: row[1:] for row in found}


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
