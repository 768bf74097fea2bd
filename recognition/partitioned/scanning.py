"""A scan that asks several partitions, and finds what a scan of one index finds.

A partition is to it what a segment is to one index: it proposes its best offsets and
places, of which the best of all are followed, in the same order and against the same
open frames. So the result equals, bit for bit, that of one index with the same segments.

What is asked goes ahead of what is found. Where a run closes frames that an answer took
for open, the answer is dropped and asked again.
"""

from __future__ import annotations

import json
import zlib
from base64 import b64decode, b64encode
from collections.abc import Callable, Sequence
from dataclasses import asdict, astuple, dataclass, field
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from recognition.index.places import References
from recognition.index.store import ranked
from recognition.params import DEFAULT, Params
from recognition.partitioned.questions import (
    Answer,
    BadAnswer,
    Question,
    WindowAnswer,
    check_complete,
    engine_of,
)
from recognition.search.candidates import (
    DENSE,
    ON_GRID,
    SWEPT,
    WIDE,
    SearchStage,
    Warp,
    voted_leads,
    windows_of,
)
from recognition.search.match import BegunScan, begin
from recognition.search.policy import CaptureType, ScanPolicy
from recognition.search.sweep import Place, highest, lead_at
from recognition.search.wide import wide_leads
from recognition.types import Fingerprint, Landmarks, ScanResult, SegmentMatch, Vote, Votes
from recognition.verify.alignment import Alignment
from recognition.verify.segments import ScoringRun

PORTION: Final = 256
"""Windows of a deep stage that are asked together, 43 minutes: bounds an answer."""

Load = Callable[[int], Landmarks]
"""Returns the reference landmarks of a recording, as ``References.landmarks_of`` does."""


@dataclass(frozen=True, slots=True)
class _WindowVerdicts:
    """What all partitions together say of a window.

    ``weighed`` are its frames that counted for ``places``; ``is_glanced`` whether there
    were weak offsets to glance at.
    """

    votes: Votes
    places: tuple[Place, ...]
    weighed: bytes
    is_glanced: bool


@dataclass
class PartitionedScan:
    """A scan between questions; make it with ``start`` or ``resume``."""

    buckets: tuple[int, ...]
    policy: ScanPolicy
    _begun: BegunScan
    _refused: list[SegmentMatch] = field(default_factory=list)
    # The stage, its windows and the next one; ``_voted``: its votes were followed.
    _stage: int = 0
    _window: int = 0
    _voted: bool = False
    _open: NDArray[np.bool_] | None = None
    _verdicts: dict[tuple[int, int], _WindowVerdicts] = field(default_factory=dict)

    @classmethod
    def start(
        cls,
        query: Fingerprint,
        *,
        buckets: Sequence[int],
        hours: float,
        load: Load,
        policy: ScanPolicy | None = None,
        params: Params = DEFAULT,
    ) -> PartitionedScan:
        """Begin a scan of a catalogue of ``hours``; ``query`` needs its scan layer.

        ``hours`` must be those of all partitions together.
        """
        policy = policy or ScanPolicy()
        begun = begin(
            query, references=References(load, []), hours=hours, params=params, policy=policy
        )
        made = cls(tuple(buckets), policy, begun)
        made._go_on()
        return made

    @classmethod
    def resume(
        cls, query: Fingerprint, state: bytes, *, load: Load, params: Params = DEFAULT
    ) -> PartitionedScan:
        """Continue a scan from its ``state``, of the same query.

        Raises ``BadAnswer`` for the state of another engine.
        """
        fields = _from_json(state)
        if fields["engine"] != engine_of(params.for_file(query.duration_ms)):
            raise BadAnswer("Another version began this scan.")
        policy = ScanPolicy(
            **(fields["policy"] | {"audio_type": CaptureType(fields["policy"]["audio_type"])})
        )
        begun = begin(
            query,
            references=References(load, []),
            hours=fields["hours"],
            params=params,
            policy=policy,
        )
        begun.search.runs += [_run_of(row, begun) for row in fields["found"]]
        begun.follow([Warp(*row) for row in fields["followed"]])
        made = cls(
            tuple(fields["buckets"]),
            policy,
            begun,
            [SegmentMatch(*row) for row in fields["refused"]],
            fields["stage"],
            fields["window"],
            fields["voted"],
            _unpack_mask(fields["open"], len(begun.silent)),
            {(row[0], row[1]): _verdicts_of(row[2:]) for row in fields["known"]},
        )
        made._go_on()
        return made

    def question(self) -> Question | None:
        """Return what to ask of every partition next; None once there is a result."""
        begun, opened = self._begun, self._open
        stage = begun.stage(self._stage)
        if stage is None or opened is None:
            return None
        stages: tuple[int, ...] = (self._stage,)
        windows = None
        if stage.name in ON_GRID:
            # These seldom find anything, so that all are asked at once.
            stages = tuple(range(self._stage, len(begun.todo)))
        if stage.name in (DENSE, *SWEPT):
            windows = self._not_known(windows_of(stage, opened, begun.search.params))
        return Question(
            stages,
            windows,
            opened,
            begun.search.open_frames(stage),
            self.buckets,
            begun.search.hours,
            self.policy.audio_type is CaptureType.RECORDED,
            self.policy.widely,
            tuple(begun.followed),
        )

    def take(self, question: Question, answers: Sequence[Answer]) -> None:
        """Go on with the answers of all partitions to the last question.

        Raises ``BadAnswer`` if they do not fit.
        """
        check_complete(question, answers)
        params, todo = self._begun.search.params, self._begun.todo
        for key in answers[0]:
            number, window = key
            windows = windows_of(todo[number], question.open_frames, params)
            self._verdicts[key] = _merge_windows(
                [answer[key] for answer in answers],
                todo[number],
                _packed(question.weighed[slice(*windows[window])]),
                params,
            )
        before = self._stage, self._window, self._voted
        self._go_on()
        if before == (self._stage, self._window, self._voted):
            raise BadAnswer("The answers of the partitions are not those to this scan.")

    def result(self) -> ScanResult:
        """Return the result, once there is no question."""
        return self._begun.result(self._refused)

    def state(self) -> bytes:
        """Return what ``resume`` needs beside the query."""
        search = self._begun.search
        fields = {
            "engine": engine_of(search.params),
            "buckets": self.buckets,
            "policy": asdict(self.policy),
            "hours": search.hours,
            "followed": [astuple(warp) for warp in self._begun.followed],
            "stage": self._stage,
            "window": self._window,
            "voted": self._voted,
            "open": "" if self._open is None else _packed_text(self._open),
            "known": [(*key, *_verdicts_row(verdicts)) for key, verdicts in self._verdicts.items()],
            "found": [_run_row(run) for run in search.runs],
            "refused": [
                astuple(match)
                for match in (*self._refused, *map(self._begun.match, search.refused))
            ],
        }
        return zlib.compress(json.dumps(fields, default=_plain).encode())

    def _go_on(self) -> None:
        """Follow what is known, until something is not."""
        search = self._begun.search
        while (stage := self._begun.stage(self._stage)) is not None:
            if self._open is None:
                self._open = search.open_frames(stage)
            windows = windows_of(stage, self._open, search.params)
            while self._window < len(windows):
                if not self._follow(stage, windows[self._window]):
                    return
                self._window += 1
            # Answers to later stages hold only while nothing was found.
            if not np.array_equal(self._open, search.open_frames(stage)):
                self._verdicts.clear()
            self._stage, self._window, self._open = self._stage + 1, 0, None
            for key in [key for key in self._verdicts if key[0] < self._stage]:
                del self._verdicts[key]

    def _follow(self, stage: SearchStage, window: tuple[int, int]) -> bool:
        """Follow the leads of a window; return False if they must be asked for."""
        search = self._begun.search
        verdicts = self._verdicts.get((self._stage, self._window))
        if verdicts is None:
            return False
        if stage.name == WIDE:
            search.follow_all(wide_leads(verdicts.places, window, stage, search.params))
        elif not self._voted:
            search.follow_all(voted_leads(window, verdicts.votes, stage, search.params))
            self._voted = True
        if stage.name in (DENSE, *SWEPT):
            weights = search.weights(window, stage)
            if weights.least and verdicts.is_glanced:
                if verdicts.weighed != self._open_in(window, stage):
                    return False
                search.follow_all(
                    lead_at(place, (window, stage.warp), weights, search.params)
                    for place in verdicts.places
                )
        self._voted = False
        return True

    def _not_known(self, windows: Sequence[tuple[int, int]]) -> tuple[int, ...]:
        """Return the next windows of a deep stage that were not asked as they are now."""
        numbers = range(self._window, min(self._window + PORTION, len(windows)))
        stage = self._begun.todo[self._stage]
        return tuple(n for n in numbers if not self._is_known(n, windows[n], stage))

    def _is_known(self, number: int, window: tuple[int, int], stage: SearchStage) -> bool:
        verdicts = self._verdicts.get((self._stage, number))
        now = self._open_in(window, stage)
        # Nothing is looked for in a window that runs explain.
        return verdicts is not None and (verdicts.weighed == now or not any(now))

    def _open_in(self, window: tuple[int, int], stage: SearchStage) -> bytes:
        return _packed(self._begun.search.open_frames(stage)[slice(*window)])


def _merge_windows(
    parts: Sequence[WindowAnswer], stage: SearchStage, weighed: bytes, params: Params
) -> _WindowVerdicts:
    """Choose the best of what all partitions found in a window."""
    every, order = ranked([part.votes for part in parts])
    if stage.name in SWEPT:
        candidates = [place for part in parts for place in part.places]
        places = highest(candidates, params.sweep_top, params)
        return _WindowVerdicts(every, tuple(places), weighed, is_glanced=True)
    followed, most = stage.top, params.glance_offsets
    if stage.name == WIDE:  # it follows none by its votes
        followed, most = 0, stage.top
    rank = np.empty(len(order), dtype=np.int64)
    rank[order] = np.arange(len(order))
    candidates, first = [], 0
    for part in parts:
        for at, place in zip(part.at, part.places, strict=True):
            if followed <= rank[first + at] < most:
                candidates.append(place)
        first += len(part.votes)
    return _WindowVerdicts(
        every[order[:followed]],
        tuple(highest(candidates, params.glance_top, params)),
        weighed,
        is_glanced=stage.name == DENSE and len(order) > stage.top,
    )


def _packed(mask: NDArray[np.bool_]) -> bytes:
    return np.packbits(mask).tobytes()


def _packed_text(mask: NDArray[np.bool_]) -> str:
    return b64encode(zlib.compress(_packed(mask))).decode()


def _unpack_mask(text: str, length: int) -> NDArray[np.bool_] | None:
    if not text:
        return None
    packed = np.frombuffer(zlib.decompress(b64decode(text)), dtype=np.uint8)
    return np.unpackbits(packed, count=length).astype(np.bool_)


def _run_row(run: ScoringRun) -> list[Any]:  # Any: JSON
    alignment = run.alignment
    return [
        run.recording,
        [alignment.slope, alignment.offset, alignment.shift],
        *(run.first, run.last, run.bits, run.raw),
        *(run.aligned, run.judged, run.absent, run.pitches, run.p0),
    ]


def _run_of(row: list[Any], begun: BegunScan) -> ScoringRun:  # Any: JSON
    recording, alignment, *numbers = row
    return ScoringRun(
        recording, begun.search.references.landmarks_of(recording), Alignment(*alignment), *numbers
    )


def _verdicts_row(verdicts: _WindowVerdicts) -> list[Any]:  # Any: JSON
    return [
        [astuple(vote) for vote in verdicts.votes],
        verdicts.places,
        b64encode(verdicts.weighed).decode(),
        verdicts.is_glanced,
    ]


def _verdicts_of(row: list[Any]) -> _WindowVerdicts:  # Any: JSON
    votes, places, weighed, is_glanced = row
    return _WindowVerdicts(
        Votes.of([Vote(*vote) for vote in votes]),
        tuple((height, recording, place) for height, recording, place in places),
        b64decode(weighed),
        is_glanced,
    )


def _plain(value: np.generic) -> Any:  # Any: JSON
    return value.item()


def _from_json(state: bytes) -> dict[str, Any]:  # Any: JSON
    try:
        fields: dict[str, Any] = json.loads(zlib.decompress(state))
    except (zlib.error, ValueError) as error:
        raise BadAnswer("The state of a scan is damaged.") from error
    return fields
