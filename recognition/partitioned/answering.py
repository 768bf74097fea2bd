"""Answers the questions of a scan from the index of one partition."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from recognition.fingerprints.file_format import scan_layer
from recognition.index.places import PlaceTable, References
from recognition.params import DEFAULT, Params
from recognition.partitioned.questions import Answer, Question, WindowAnswer
from recognition.search.candidates import (
    DENSE,
    SWEPT,
    WIDE,
    SearchStage,
    VoteSource,
    following,
    stages,
    window_votes,
    windows_of,
)
from recognition.search.cascade import Search
from recognition.search.sweep import glanced_places, swept_places
from recognition.search.wide import wide_places
from recognition.types import NO_LANDMARKS, Fingerprint, Progress, Votes
from recognition.verify.alignment import view_of


def answer(
    question: Question,
    query: Fingerprint,
    *,
    index: VoteSource,
    tables: Sequence[PlaceTable],
    params: Params = DEFAULT,
    progress: Progress | None = None,
) -> Answer:
    """Return what a partition knows: its best offsets and places of each window.

    ``query`` needs its scan layer; ``tables`` are those of the question's buckets.
    ``progress`` receives the share done, 0–1.
    """
    params = params.for_file(query.duration_ms)
    dense, level_map = scan_layer(query, params)
    n_frames = len(level_map.levels) * level_map.frames_per_cell
    search = Search(
        view=view_of(dense, level_map, n_frames, params),
        references=References(lambda _recording: NO_LANDMARKS, tables),
        params=params,
        hours=question.hours,
        closed=~question.weighed,
    )
    todo = [
        *stages(
            params, robust_first=question.robust_first, hours=question.hours, widely=question.widely
        ),
        *following(question.followed, params, hours=question.hours),
    ]
    answers: dict[tuple[int, int], WindowAnswer] = {}
    for place, number in enumerate(question.stages):
        if progress is not None:
            progress(place / len(question.stages))
        for window, window_answer in _of_stage(search, todo[number], question, index):
            answers[number, window] = window_answer
    return answers


def _of_stage(
    search: Search, stage: SearchStage, question: Question, index: VoteSource
) -> Iterator[tuple[int, WindowAnswer]]:
    """Yield the answer of each asked window of a stage."""
    windows = windows_of(stage, question.open_frames, search.params)
    numbers = question.windows
    if numbers is None:
        numbers = tuple(range(len(windows)))
    if stage.name in SWEPT:
        for number in numbers:
            places = swept_places(
                search.references.places, search.weights(windows[number], stage), search.params
            )
            yield number, WindowAnswer(Votes.of([]), tuple(places))
        return
    votes_by_window = window_votes(
        _WantedWindows(index, frozenset(numbers)),
        question.buckets,
        search.landmarks(stage),
        stage=stage,
        open_frames=question.open_frames,
        params=search.params,
    )
    for number, (window, votes) in enumerate(votes_by_window):
        if number in numbers:
            yield number, _with_glance(search, stage, window, votes)


def _with_glance(
    search: Search, stage: SearchStage, window: tuple[int, int], votes: Votes
) -> WindowAnswer:
    tables, params = search.references.places, search.params
    followed = 0
    if stage.name == DENSE:
        followed = stage.top
        where, weights = (window, stage.warp), search.weights(window, stage)
        at, places = glanced_places(tables, where, weights, votes, params)
    elif stage.name == WIDE:
        at, places = wide_places(tables, search.heard(window), votes, stage.warp, params)
    else:
        return WindowAnswer(votes)
    # Weak offsets only show how many there are before others: bytes that repeat.
    deltas = np.where(np.arange(len(votes)) < followed, votes.deltas, 0)
    return WindowAnswer(replace(votes, deltas=deltas), tuple(places), tuple(at))


@dataclass
class _WantedWindows:
    """Asks an index about wanted windows only; the others get no offsets.

    ``window_votes`` brings the windows in their order, some at a time.
    """

    index: VoteSource
    numbers: Collection[int]
    _seen: int = field(default=0)

    def query_windows(
        self,
        buckets: Sequence[int],
        hashes: NDArray[np.uint32],
        frames: NDArray[np.int32],
        windows: Sequence[tuple[int, int]],
        *,
        top: int = 10,
        min_votes: int = 6,
        max_list: int | None = None,
    ) -> list[Votes]:
        """Return the best offsets of each window that is wanted."""
        votes = [Votes.of([])] * len(windows)
        chosen = [n for n in range(len(windows)) if self._seen + n in self.numbers]
        self._seen += len(windows)
        if not chosen:
            return votes
        low, high = windows[chosen[0]][0], windows[chosen[-1]][1]
        answers = self.index.query_windows(
            buckets,
            hashes[low:high],
            frames[low:high],
            [(windows[n][0] - low, windows[n][1] - low) for n in chosen],
            top=top,
            min_votes=min_votes,
            max_list=max_list,
        )
        for n, answer_of_window in zip(chosen, answers, strict=True):
            votes[n] = answer_of_window
        return votes
