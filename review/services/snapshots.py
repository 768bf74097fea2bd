"""Snapshots of a match's decision, as events store them before and after a change."""

from __future__ import annotations

from datetime import datetime
from typing import Any, TypedDict

from review.choices import MatchState
from review.models import Match


class Snapshot(TypedDict):
    """The columns that a decision changes, complete enough to restore them."""

    state: str
    queue_reason: str
    decision_reason: str
    note: str
    decided_by: int | None
    decided_by_name: str
    decided_at: str | None
    licence: int | None
    policy: int | None
    policy_action: str
    policy_name: str
    needs_approval: bool
    proposed: str
    proposed_by: int | None
    dispute: int | None
    due_at: str | None


def take(match: Match) -> Snapshot:
    """Return the match's current decision."""
    return {
        "state": match.state,
        "queue_reason": match.queue_reason,
        "decision_reason": match.decision_reason,
        "note": match.note,
        "decided_by": match.decided_by_id,
        "decided_by_name": match.decided_by_name,
        # Events store JSON, so times are text.
        "decided_at": match.decided_at.isoformat() if match.decided_at else None,
        "licence": match.licence_id,
        "policy": match.policy_id,
        "policy_action": match.policy_action,
        "policy_name": match.policy_name,
        "needs_approval": match.needs_approval,
        "proposed": match.proposed,
        "proposed_by": match.proposed_by_id,
        "dispute": match.dispute_id,
        "due_at": match.due_at.isoformat() if match.due_at else None,
    }


def as_fields(snapshot: Snapshot) -> dict[str, object]:
    """Return the snapshot as columns of the match."""
    decided_at, due_at = snapshot["decided_at"], snapshot["due_at"]
    return {
        "state": snapshot["state"],
        "queue_reason": snapshot["queue_reason"],
        "decision_reason": snapshot["decision_reason"],
        "note": snapshot["note"],
        "decided_by_id": snapshot["decided_by"],
        "decided_by_name": snapshot["decided_by_name"],
        "decided_at": datetime.fromisoformat(decided_at) if decided_at else None,
        "licence_id": snapshot["licence"],
        "policy_id": snapshot["policy"],
        "policy_action": snapshot["policy_action"],
        "policy_name": snapshot["policy_name"],
        "needs_approval": snapshot["needs_approval"],
        "proposed": snapshot["proposed"],
        "proposed_by_id": snapshot["proposed_by"],
        "dispute_id": snapshot["dispute"],
        "due_at": datetime.fromisoformat(due_at) if due_at else None,
    }


def from_event(kept: dict[str, Any]) -> Snapshot:  # Any: JSON as an event keeps it
    """Read the snapshot in an event, also in events of earlier releases."""
    is_escalated = kept["state"] == MatchState.ESCALATED
    escalated_by = kept["decided_by"] if is_escalated else None
    return {
        "state": kept["state"],
        "queue_reason": kept["queue_reason"],
        "decision_reason": kept["decision_reason"],
        "note": kept["note"],
        "decided_by": kept["decided_by"],
        "decided_by_name": kept["decided_by_name"],
        "decided_at": kept["decided_at"],
        "licence": kept.get("licence"),
        "policy": kept.get("policy"),
        "policy_action": kept.get("policy_action", ""),
        "policy_name": kept.get("policy_name", ""),
        "needs_approval": kept.get("needs_approval", False),
        "proposed": kept.get("proposed", ""),
        # Older events lack this; then, only people escalated.
        "proposed_by": kept.get("proposed_by", escalated_by),
        "dispute": kept.get("dispute"),
        "due_at": kept.get("due_at"),
    }
