"""Lets what is known of recordings follow when people merge, split or retire them."""

from __future__ import annotations

from collections.abc import Collection
from typing import Protocol

from base.accounts.models import User
from base.common.registry import Registry
from catalogue.models import Recording


class RecordingFollower(Protocol):
    """What another package knows of recordings."""

    def fill(self, recordings: Collection[Recording], *, user: User) -> None:
        """Write columns of recordings as part of an action, so that its undo takes
        them back.
        """

    def follow(self, recordings: Collection[Recording]) -> None:
        """Update the package's own rows after an action or its undo."""


followers: Registry[RecordingFollower] = Registry()
"""What packages above know of recordings, for actions on groups of duplicates."""
