"""Find silence in the level maps of a run."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from plugins.monitoring.streams.recording.landmark_log import GRID_MS
from recognition.fingerprints.levels import silent_frames
from recognition.types import LevelMap

SILENT_MS: Final = 10_000
# A long silence is reported in parts, so that it shows while it lasts.
PART_MS: Final = 600_000


class SilenceWatch:
    """Takes rows of level maps in order, and yields intervals (ms) without sound."""

    def __init__(self) -> None:
        self._since_ms: int | None = None
        self._until_ms = 0

    @property
    def is_silent(self) -> bool:
        """Whether the last seconds were silent."""
        since = self._since_ms
        return since is not None and self._until_ms - since >= SILENT_MS

    def take(self, first_row: int, level_map: LevelMap) -> Iterator[tuple[int, int]]:
        """Yield the silences that these rows end."""
        for at, quiet in enumerate(silent_frames(level_map).tolist()):
            start_ms = (first_row + at) * GRID_MS
            if not quiet:
                yield from self.end()
                continue
            if self._since_ms is None:
                self._since_ms = start_ms
            self._until_ms = start_ms + GRID_MS
            if self._until_ms - self._since_ms >= PART_MS:
                yield self._since_ms, self._until_ms
                self._since_ms = self._until_ms

    def end(self) -> Iterator[tuple[int, int]]:
        """Yield the silence that lasts until now."""
        since, self._since_ms = self._since_ms, None
        if since is not None and self._until_ms - since >= SILENT_MS:
            yield since, self._until_ms
