"""The landmarks of one run, on disk while it goes on."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from recognition.types import Fingerprint

# One row of the level map; reads begin on its grid.
GRID_MS: Final = 64


class LandmarkLog:
    """Landmarks and level map of one run, appended in pieces of about 4 s.

    One process appends; others may read meanwhile. ``folder`` is the plan's folder.
    """

    def __init__(self, folder: Path, run: str) -> None:
        raise NotImplementedError

    def read(self, start_ms: int, end_ms: int) -> Fingerprint:
        """Return the fingerprint of an interval, both layers and the level map.

        Its times count from ``start_ms``, rounded down to ``GRID_MS``. What is not
        there (later than ``duration_ms``, or deleted) is empty. Raises ``ValueError``
        for an interval of more than 48 hours.
        """
        raise NotImplementedError

    @property
    def duration_ms(self) -> int:
        """The run's time up to which landmarks are there."""
        raise NotImplementedError

    def delete_before(self, ms: int) -> None:
        """Delete the files whose landmarks all lie before ``ms``."""
        raise NotImplementedError
