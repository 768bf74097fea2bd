"""What the page of a move counts and lists."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from imports.models import ImportStatus
from plugins.moving.importing import selectors
from plugins.moving.importing.account_reading import seconds_of
from plugins.moving.models import MovedKind, MovedOutcome, MoveIn


@dataclass(frozen=True, slots=True)
class CountedMoves:
    """How many objects of a kind there are, and what became of them in this move."""

    label: str
    there: int | None
    new: int
    same: int
    changed: int
    not_moved: int


_SHOWN_MOVED = 100


def outcome_context(move: MoveIn) -> dict[str, Any]:
    """Return counts and objects. Any: values for a template."""
    there = move.summary.get("there", {})
    counts = move.summary.get("counts", {})
    rows = selectors.not_moved(move)
    is_stopped = move.status == ImportStatus.REFUSED and bool(move.summary)
    return {
        "kinds": [
            CountedMoves(
                str(kind.label),
                there.get(kind),
                *(counts.get(kind, {}).get(outcome, 0) for outcome in MovedOutcome),
            )
            for kind in MovedKind
            if kind in there or kind in counts
        ],
        "minutes": max(1, round(seconds_of(move.summary.get("calls", 0)) / 60)),
        "codes": selectors.not_moved_by_code(move),
        "moved": rows[:_SHOWN_MOVED],
        "moved_count": rows.count(),
        "waiting_count": selectors.waiting_recordings(move).count(),
        "callbacks": selectors.callbacks_to_take_over(move),
        "can_pause": move.status == ImportStatus.IMPORTING,
        "can_go_on": is_stopped,
    }
