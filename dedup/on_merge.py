"""What other parts do when recordings are merged, parted or retired."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from accounts.models import User
from catalogue.models import Recording
from common.registry import Registry


class OnMerge(Protocol):
    """Follows decisions about recordings with the same sound."""

    def fill(self, touched: Sequence[Recording], user: User) -> None:
        """Fill what recordings lack now; the undo of the decision takes it back."""

    def follow(self, touched: Sequence[Recording]) -> None:
        """Evaluate again what depends on recordings, after a decision and its undo."""


on_merge: Registry[OnMerge] = Registry()
