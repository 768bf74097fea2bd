"""Lets what is kept by file and recording follow a match that names another recording."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from base.audit.services import record
from base.common.registry import Registry
from catalogue.models import Recording
from review.match_events import NAMED_OTHERWISE
from review.models import Match


@dataclass(frozen=True, slots=True)
class Move:
    """A match's file, and the keys of its recording before and now."""

    scanned_file: int
    before: int
    now: int


class MatchFollower(Protocol):
    """Rows of another package that belong to a match, by file and recording."""

    def follow(self, moves: Sequence[Move]) -> Mapping[int, list[int]]:
        """Move rows to the new recordings, unless those have rows of their own.

        Every move is in another file; return the keys of the rows that moved, by file.
        """

    def return_to(self, move: Move, keys: Sequence[int]) -> None:
        """Move those of these rows back that still belong to the new recording."""


followers: Registry[tuple[str, MatchFollower]] = Registry()
"""By name, as the undo of a merge keeps what moved."""

Moved = dict[str, list[int]]
"""The keys of the rows that followed one match, by follower."""


def rename(*, match: Match, former: Recording) -> None:
    """Record that a match names another recording now; what belongs to it follows."""
    record(
        case=match.case,
        action=NAMED_OTHERWISE,
        before={"recording": former.uid},
        after={"recording": match.recording.uid},
    )
    follow([Move(match.scanned_file_id, former.pk, match.recording_id)])


def follow(moves: Sequence[Move]) -> dict[int, Moved]:
    """Let all rows follow their matches, each in another file; return them by file."""
    moved: dict[int, Moved] = {move.scanned_file: {} for move in moves}
    for name, follower in followers:
        for file, keys in follower.follow(moves).items():
            moved[file][name] = keys
    return moved


def return_to(move: Move, moved: Moved) -> None:
    """Take back what followed a match."""
    for name, follower in followers:
        if keys := moved.get(name):
            follower.return_to(move, keys)
