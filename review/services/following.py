"""Lets what is kept by file and recording follow a match that names another recording."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from audit.services import record
from catalogue.models import Recording
from common.registry import Registry
from review.models import Match
from review.services.transitions import NAMED_OTHERWISE


@dataclass(frozen=True, slots=True)
class Move:
    """A match's file, and the keys of its recording before and now."""

    scanned_file: int
    before: int
    now: int


class MatchFollower(Protocol):
    """Rows of another package that belong to a match, by file and recording."""

    def follow(self, moves: Sequence[Move]) -> list[int]:
        """Move rows to the new recording, unless it has its own; return their keys."""

    def return_to(self, moves: Sequence[Move], keys: Sequence[int]) -> None:
        """Move those of these rows back that still belong to the new recording."""


followers: Registry[tuple[str, MatchFollower]] = Registry()
"""By name, as the undo of a merge keeps what moved."""


def rename(*, match: Match, former: Recording) -> None:
    """Record that a match names another recording now; what belongs to it follows."""
    record(
        case=match.case,
        action=NAMED_OTHERWISE,
        before={"recording": former.uid},
        after={"recording": match.recording.uid},
    )
    follow([Move(match.scanned_file_id, former.pk, match.recording_id)])


def follow(moves: Sequence[Move]) -> dict[str, list[int]]:
    """Let all rows follow; return the keys of those that moved, by follower."""
    return {name: follower.follow(moves) for name, follower in followers}


def return_to(moves: Sequence[Move], moved: Mapping[str, Sequence[int]]) -> None:
    """Take back what ``follow`` moved."""
    for name, follower in followers:
        follower.return_to(moves, moved.get(name, []))
