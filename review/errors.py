"""What can keep a decision from being saved, said so that a person can act on it."""

from __future__ import annotations

from datetime import datetime

from django.utils import timezone


def _clock(moment: datetime) -> str:
    return f"{timezone.localtime(moment):%d %b %H:%M %Z}"


class ReviewError(Exception):
    """A change of a match that was refused; ``code`` is for machines."""

    code = "refused"

    @property
    def message(self) -> str:
        """Return the sentence for people."""
        return str(self)


class StaleMatch(ReviewError):
    """The match changed after the page that asks was made."""

    code = "stale"

    def __init__(self, *, user: str, at: datetime) -> None:
        super().__init__(
            f"Changed by {user} at {_clock(at)}; your decision was not saved."
        )


class MatchLocked(ReviewError):
    """Another person holds the match."""

    code = "locked"

    def __init__(self, *, user: str, until: datetime) -> None:
        super().__init__(f"{user} is reviewing this until {_clock(until)}.")


class NotAllowed(ReviewError):
    """The person's role does not cover the change."""

    code = "not_allowed"


class NotPossible(ReviewError):
    """The match is in a state from which the change does not exist."""

    code = "not_possible"


class ReasonMissing(ReviewError):
    """The decision needs a reason or a note."""

    code = "reason_missing"


class EmptyScope(ReviewError):
    """A licence or a rule names nothing that it could speak of."""

    code = "empty_scope"


class RuleUnreachable(ReviewError):
    """A rule could never act, because one before it takes all that fits it."""

    code = "rule_unreachable"


class NoteTooLong(ReviewError):
    """The note is longer than is kept."""

    code = "note_too_long"


class NothingToUndo(ReviewError):
    """The last thing that happened to the match cannot be taken back."""

    code = "nothing_to_undo"


class BulkLimit(ReviewError):
    """More matches at once than this person may decide."""

    code = "bulk_limit"

    def __init__(self, *, limit: int) -> None:
        super().__init__(f"Select at most {limit} matches at once.")
