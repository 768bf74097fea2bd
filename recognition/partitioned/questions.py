"""What a scan asks of each partition, what one answers, and both as bytes."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, astuple, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recognition.errors import ParamsMismatch, RecognitionError
from recognition.params import ENGINE_VERSION, Params
from recognition.search.candidates import Warp
from recognition.search.sweep import Place
from recognition.types import Votes


class BadAnswer(RecognitionError):
    """Bytes that are no question or no answer, or an answer to another question."""


@dataclass(frozen=True, slots=True)
class Question:
    """Which offsets and places of a partition a scan wants to know.

    ``stages`` are numbers in the cascade for ``robust_first``, ``widely`` and ``hours``,
    the size of the whole catalogue; ``windows`` are numbers among the windows of ``open_frames``,
    None for all. ``open_frames`` were to be searched when the stage began, and
    ``weighed`` are those whose sound counts for places; both are masks by frame.
    ``followed`` are the changes that the last stages search along.
    """

    stages: tuple[int, ...]
    windows: tuple[int, ...] | None
    open_frames: NDArray[np.bool_]
    weighed: NDArray[np.bool_]
    buckets: tuple[int, ...]
    hours: float
    robust_first: bool
    widely: bool
    followed: tuple[Warp, ...] = ()

    def to_bytes(self, params: Params) -> bytes:
        """Return the question for ``from_bytes`` of the same engine."""
        header = {
            "engine": engine_of(params),
            "stages": self.stages,
            "windows": self.windows,
            "frames": len(self.open_frames),
            "buckets": self.buckets,
            "hours": self.hours,
            "robust_first": self.robust_first,
            "widely": self.widely,
            "followed": [astuple(warp) for warp in self.followed],
        }
        masks = np.stack([self.open_frames, self.weighed])
        return _packed(header, masks=np.packbits(masks, axis=1))

    @classmethod
    def from_bytes(cls, data: bytes, params: Params) -> Question:
        """Read a question.

        Raises ``ParamsMismatch`` for that of another engine, ``BadAnswer`` for others.
        """
        header, columns = _unpack(data)
        if header["engine"] != engine_of(params):
            raise ParamsMismatch(
                "The question of a scan",
                actual=str(header["engine"]),
                expected=engine_of(params),
                remedy="run the same version on all machines",
            )
        masks = np.unpackbits(columns["masks"], axis=1, count=int(header["frames"]))
        open_frames, weighed = masks.astype(np.bool_)
        windows = header["windows"]
        return cls(
            tuple(header["stages"]),
            None if windows is None else tuple(windows),
            open_frames,
            weighed,
            tuple(header["buckets"]),
            float(header["hours"]),
            bool(header["robust_first"]),
            bool(header["widely"]),
            tuple(Warp(*row) for row in header["followed"]),
        )


@dataclass(frozen=True, slots=True)
class WindowAnswer:
    """What one window finds in a partition.

    ``votes`` are its best offsets; ``places`` the high places, found by the sweep or at
    the offsets numbered ``at``.
    """

    votes: Votes
    places: tuple[Place, ...] = ()
    at: tuple[int, ...] = ()


Answer = Mapping[tuple[int, int], WindowAnswer]
"""The answer of one partition, by stage and window."""

_COLUMNS = ("buckets", "recordings", "deltas", "votes")


def answer_to_bytes(answer: Answer) -> bytes:
    """Return an answer for ``answer_from_bytes``."""
    spans: list[tuple[int, int, int, int]] = []
    places: list[Place] = []
    at: list[int] = []
    for (stage, window), window_answer in answer.items():
        spans.append((stage, window, len(window_answer.votes), len(window_answer.places)))
        places += window_answer.places
        # Places of the sweep belong to no offset.
        at += window_answer.at or [-1] * len(window_answer.places)
    votes = [window_answer.votes for window_answer in answer.values()] or [Votes.of([])]
    columns = {name: np.concatenate([getattr(part, name) for part in votes]) for name in _COLUMNS}
    return _packed(
        {},
        spans=np.array(spans, dtype=np.int64).reshape(-1, 4),
        heights=np.array([place[0] for place in places], dtype=np.float64),
        places=np.array([place[1:] for place in places], dtype=np.int64).reshape(-1, 2),
        at=np.array(at, dtype=np.int64),
        **columns,
    )


def answer_from_bytes(data: bytes) -> Answer:
    """Read an answer; raises ``BadAnswer``."""
    _, columns = _unpack(data)
    every = Votes(*(columns[name] for name in _COLUMNS))
    heights, at = columns["heights"].tolist(), columns["at"].tolist()
    places = [
        (height, *place) for height, place in zip(heights, columns["places"].tolist(), strict=True)
    ]
    answer = {}
    voted = placed = 0
    for stage, window, n_votes, n_places in columns["spans"].tolist():
        answer[stage, window] = WindowAnswer(
            every[voted : voted + n_votes],
            tuple(places[placed : placed + n_places]),
            tuple(n for n in at[placed : placed + n_places] if n >= 0),
        )
        voted, placed = voted + n_votes, placed + n_places
    return answer


def engine_of(params: Params) -> str:
    """Return what two machines must share so that their answers fit together."""
    text = json.dumps(asdict(params), sort_keys=True)
    return f"{ENGINE_VERSION} {hashlib.sha256(text.encode()).hexdigest()[:16]}"


def _packed(header: Mapping[str, Any], **columns: Any) -> bytes:
    # Any: JSON, and arrays of each type
    out = io.BytesIO()
    text = np.frombuffer(json.dumps(header).encode(), dtype=np.uint8)
    np.savez_compressed(out, header=text, **columns)
    return out.getvalue()


def _unpack(data: bytes) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    # Any: as above
    try:
        with np.load(io.BytesIO(data), allow_pickle=False) as read:
            columns = dict(read)
        header = json.loads(columns.pop("header").tobytes())
    except (OSError, ValueError, KeyError, RecursionError, zipfile.BadZipFile) as error:
        raise BadAnswer("A question or answer of a partition is damaged.") from error
    return header, columns


def check_complete(question: Question, answers: Sequence[Answer]) -> None:
    """Raise ``BadAnswer`` unless all answers are about the windows that were asked."""
    windows = {key for answer in answers for key in answer}
    if any(set(answer) != windows for answer in answers):
        raise BadAnswer("The partitions answered different questions.")
    if {stage for stage, _ in windows} - set(question.stages):
        raise BadAnswer("A partition answered another question.")
