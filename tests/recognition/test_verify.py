"""The verification of each landmark of a recording along an alignment."""

from __future__ import annotations

from recognition.types import Landmarks
from recognition.verify.alignment import Alignment
from recognition.verify.evidence import LandmarkEvidence, weigh
from recognition.verify.lookup import ABSENT, ALIGNED
from tests.recognition.synthesis import RATE, Samples, landmarks_of, music, noise, query_view

SECONDS = 20
SONG = music(3, SECONDS)
FRAMES_A_SECOND = 62.5


def _recording(*, with_second_voice: bool = False) -> Landmarks:
    both = SONG + 0.7 * music(4, SECONDS)
    return landmarks_of(both if with_second_voice else SONG)


def _weighed(clip: Samples, reference: Landmarks, start: float) -> LandmarkEvidence:
    """Verify a whole clip that begins at ``start`` seconds."""
    view = query_view(clip)
    alignment = Alignment(1.0, -start * FRAMES_A_SECOND, 0.0)
    inside = [alignment.query_frame(frame) for frame in reference.frames.tolist()]
    numbers = [k for k, at in enumerate(inside) if 0 <= at < view.n_frames]
    return weigh(view, reference, (numbers[0], numbers[-1] + 1), alignment)


def _cut(y: Samples, start: float, seconds: float) -> Samples:
    return y[int(start * RATE) : int((start + seconds) * RATE)]


def test_a_play_between_two_frames_says_as_much_as_one_on_a_frame() -> None:
    hidden = SONG + noise(5, SECONDS, 0.4)
    starts = [4.0 + quarters / 4 / FRAMES_A_SECOND for quarters in range(4)]
    bits = [float(_weighed(_cut(hidden, at, 8), _recording(), at).weights.sum()) for at in starts]

    assert min(bits) > 5
    assert min(bits) > 0.65 * max(bits)


def test_what_is_quieter_than_it_should_be_is_absent() -> None:
    states = _weighed(_cut(SONG, 4, 8), _recording(with_second_voice=True), 4).states

    assert (states == ALIGNED).sum() > 20
    assert (states == ABSENT).sum() > (states == ALIGNED).sum() / 4


def test_what_noise_covers_is_not_absent() -> None:
    covered = SONG + noise(5, SECONDS, 0.1)
    states = _weighed(_cut(covered, 4, 8), _recording(), 4).states

    assert (states == ALIGNED).sum() > 20
    assert (states == ABSENT).sum() < (states == ALIGNED).sum() / 10
