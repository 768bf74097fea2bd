"""Why something about duplicates was not done. Nothing was changed."""

from __future__ import annotations


class ActionRefused(Exception):
    """The action cannot be done; the text says why and what to do."""

    code = "not_possible"

    def __init__(self, message: str) -> None:
        self.message = message
        super().__init__(message)


class NotAllowed(ActionRefused):
    """The person's role does not allow it."""

    code = "forbidden"


class GroupChanged(ActionRefused):
    """The group is not what the person saw; ``joined`` and ``left`` say how."""

    code = "stale"

    def __init__(self, message: str, *, joined: list[str], left: list[str]) -> None:
        self.joined, self.left = joined, left
        super().__init__(message)
