"""All models of the plug-in."""

from __future__ import annotations

from plugins.moving.models.move import Moved, MovedKind, MovedOutcome, MoveIn, MoveParts, moves_all
from plugins.moving.models.trial import (
    EngineTrial,
    Judgement,
    TrialFile,
    TrialKeeps,
    TrialKind,
    TrialRow,
    TrialState,
)

__all__ = [
    "EngineTrial",
    "Judgement",
    "MoveIn",
    "MoveParts",
    "Moved",
    "MovedKind",
    "MovedOutcome",
    "TrialFile",
    "TrialKeeps",
    "TrialKind",
    "TrialRow",
    "TrialState",
    "moves_all",
]
