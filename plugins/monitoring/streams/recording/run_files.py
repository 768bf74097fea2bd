"""What the recorder keeps of a stream beside bytes and landmarks.

``state.json`` says how far everything is accounted for. Each run has a folder with
``run.json``, and with ``points``: pairs of the run's time and the ring's offset.
"""

from __future__ import annotations

import itertools
import json
import struct
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import BinaryIO, Final

POINT: Final = struct.Struct("<QQ")
HEAD_SUFFIX: Final = ".head"


@dataclass(frozen=True, slots=True)
class RunFacts:
    """What a run's bytes are, and where they begin in the ring."""

    run: str
    starts_at: float
    codec: str
    container: str
    sample_rate: int
    channels: int
    byte_offset: int
    cause: str
    mid_container: bool


@dataclass(frozen=True, slots=True)
class AccountState:
    """``covered_until`` is UTC in seconds up to which runs and gaps were reported.

    ``zero_at`` is the UTC of the open run's first sample, as its last part has it.
    """

    covered_until: float | None = None
    run: str = ""
    zero_at: float = 0.0
    title: str = ""


class RunFiles:
    """The folder of one run."""

    def __init__(self, folder: Path, run: str) -> None:
        self.folder = folder / "runs" / run
        self._points: BinaryIO | None = None

    def save(self, facts: RunFacts) -> None:
        """Store the facts known when the run begins."""
        self.folder.mkdir(parents=True, exist_ok=True)
        _write(self.folder / "run.json", json.dumps(asdict(facts)).encode())

    def facts(self) -> RunFacts:
        """Return the stored facts. Raises ``OSError`` or ``ValueError``."""
        return RunFacts(**json.loads((self.folder / "run.json").read_bytes()))

    def add_head(self, offset: int, head: bytes) -> None:
        """Store the bytes that a decoder needs to begin after an offset."""
        self.folder.mkdir(parents=True, exist_ok=True)
        _write(self.folder / f"{offset:016d}{HEAD_SUFFIX}", head)

    def head(self, offset: int) -> bytes:
        """Return the bytes that a decoder needs to begin at an offset."""
        heads = sorted(self.folder.glob(f"*{HEAD_SUFFIX}"))
        before = [head for head in heads if _offset_of(head) <= offset]
        return before[-1].read_bytes() if before else b""

    def drop_heads_before(self, offset: int) -> None:
        """Delete the heads that no byte from an offset on needs."""
        heads = sorted(self.folder.glob(f"*{HEAD_SUFFIX}"))
        for head, following in itertools.pairwise(heads):
            if _offset_of(following) > offset:
                return
            head.unlink(missing_ok=True)

    def add_point(self, run_ms: int, offset: int) -> None:
        """Note which byte of the ring ends a moment of the run."""
        if self._points is None:
            self.folder.mkdir(parents=True, exist_ok=True)
            self._points = (self.folder / "points").open("ab", buffering=0)
        self._points.write(POINT.pack(run_ms, offset))

    def points(self) -> list[tuple[int, int]]:
        """Return all points; a torn one at the end is left out."""
        path = self.folder / "points"
        data = path.read_bytes() if path.exists() else b""
        return list(POINT.iter_unpack(data[: len(data) // POINT.size * POINT.size]))

    def close(self) -> None:
        """Close the file that is written."""
        if self._points is not None:
            self._points.close()
            self._points = None


def _offset_of(head: Path) -> int:
    return int(head.name.removesuffix(HEAD_SUFFIX))


def load_state(folder: Path) -> AccountState:
    """Return the state that was kept, or that of a new stream."""
    try:
        return AccountState(**json.loads((folder / "state.json").read_bytes()))
    except FileNotFoundError:
        return AccountState()


def save_state(folder: Path, state: AccountState) -> None:
    """Keep the state; a kill leaves the old one or the new one."""
    folder.mkdir(parents=True, exist_ok=True)
    _write(folder / "state.json", json.dumps(asdict(state)).encode())


def _write(path: Path, data: bytes) -> None:
    new = path.with_suffix(".new")
    new.write_bytes(data)
    new.replace(path)
