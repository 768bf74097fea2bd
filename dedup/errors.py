"""Why an action on duplicates was not done; nothing was changed."""

from __future__ import annotations


class ActionRefused(Exception):
    """The action is impossible; the text says why and what to do."""

    code = "not_possible"

    def __init__(self, message: str) -> None:
        self.message = message
        super().__init__(message)


class ActionNotAllowed(ActionRefused):
    """The person's role does not allow the action."""

    code = "forbidden"


class GroupChanged(ActionRefused):
    """The group has changed since it was shown.

    ``joined`` and ``gone`` name the recordings.
    """

    code = "stale"

    def __init__(self, message: str, *, joined: list[str], gone: list[str]) -> None:
        self.joined, self.gone = joined, gone
        super().__init__(message)
