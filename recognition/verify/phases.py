"""Evidence from phases along an alignment, in bits.

Landmarks keep where and how loud a sound is. Voices, noise and rooms change that, but add
to a phase more than they replace it: at a true place, the phases of query and recording
differ by what one delay explains, and at a wrong one by anything. Of *n* differences Δ, the
height |Σ exp(iΔ)|² / n is by chance above *h* with a probability of e to the power -h, for
each delay that is tried.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from recognition.jit import compiled
from recognition.params import DEFAULT, Params
from recognition.types import Landmarks
from recognition.verify.alignment import Alignment, Lead, QueryView, nearest, something_near
from recognition.verify.lookup import aligned_counts
from recognition.verify.segments import ScoringRun, best_segment

# The size of the transform that tries all delays at once, and its highest frequency in Hz.
_SIZE, _HIGHEST = 512, 4000.0
_FEWEST = 8  # pairs
_STEPS = 256  # of a turn, as landmarks keep phases
_SAME_SPEED = 0.15  # bins between the pitch of an alignment and that of its tempo


@dataclass(frozen=True, slots=True)
class Coherence:
    """The height of some pairs of phases, at the best delay and drift found.

    ``ahead`` is in seconds, how much earlier than the alignment says the query plays the
    recording at ``middle``, a second of the query; ``drift`` is by how much faster it plays.
    ``turned`` is the angle that remains: filters turn the phases of all tones alike, and a
    telephone may change the polarity.
    """

    height: float
    pairs: int
    ahead: float
    drift: float
    middle: float
    turned: float


NO_COHERENCE = Coherence(0.0, 0, 0.0, 0.0, 0.0, 0.0)


def coherence(
    view: QueryView,
    reference: Landmarks,
    span: tuple[int, int],
    alignment: Alignment,
    params: Params = DEFAULT,
    *,
    drift: float | None = None,
) -> Coherence:
    """Return how well phases agree at the reference landmarks numbered ``span``.

    Without phases, or at a pitch that is not that of the tempo (a stretched tempo keeps no
    phase), nothing agrees. ``drift`` is the farthest drift to try.
    """
    found = _pairs(view, reference, span, alignment, params)
    if len(found.turns) < _FEWEST:
        return NO_COHERENCE
    middle = float(found.seconds.mean())
    farthest = params.phase_drift if drift is None else drift
    drifts = _drifts(float(found.seconds[-1] - found.seconds[0]), farthest, params)
    sums, ahead = _highest_sums(found, drifts, middle, params.phase_delay)
    best = int(np.argmax(np.abs(sums)))
    height = float(np.abs(sums[best])) ** 2 / float(found.weights.sum())
    turned = float(np.angle(sums[best]))
    return Coherence(
        height, len(found.turns), float(ahead[best]), float(drifts[best]), middle, turned
    )


def window_coherence(
    view: QueryView, reference: Landmarks, lead: Lead, params: Params
) -> Coherence:
    """Return how well phases agree in a lead's window; looks for hardly any drift.

    Of the ``nearby`` offsets, the one along which the most landmarks align counts.
    """
    if reference.phases is None or not len(reference.frames):
        return NO_COHERENCE
    bounds = [lead.alignment.reference_frame(frame) for frame in lead.window]
    low, high = np.searchsorted(reference.frames, np.rint(bounds).astype(np.int32))
    span = int(low), int(high)
    counts = aligned_counts(view, reference, span, lead.alignment, lead.nearby, params)
    best = int(np.argmax(counts))
    if counts[best] < params.phase_chance:  # no height exceeds the number of pairs
        return NO_COHERENCE
    alignment = replace(lead.alignment, offset=lead.alignment.offset + lead.nearby[best])
    return coherence(view, reference, span, alignment, params, drift=params.phase_step / 6)


def agreeing(view: QueryView, run: ScoringRun, params: Params) -> ScoringRun:
    """Return the part of a run in which phases agree: where its recording is heard."""
    span = run.first, run.last + 1
    known = coherence(view, run.reference, span, run.alignment, params)
    found = _pairs(view, run.reference, span, run.alignment, params)
    if not known.pairs:
        return run
    worth = _worth(found, known).astype(np.float32)
    first, last, _ = best_segment(worth, params.phase_drop)
    if last <= first:
        return run
    return replace(run, first=int(found.numbers[first]), last=int(found.numbers[last]))


def _worth(found: _Pairs, known: Coherence) -> NDArray[np.float64]:
    """Return how much likelier each pair is where the recording is heard, in powers of e.

    ``known`` says at which delay phases agree there, and how well.
    """
    sure = min(0.9, (known.height / known.pairs) ** 0.5)
    kappa = 2 * sure / (1 - sure * sure)
    ahead = known.ahead + known.drift * (found.seconds - known.middle)
    off = 2 * np.pi * (found.turns - found.hertz * ahead) - known.turned
    worth: NDArray[np.float64] = found.weights * (kappa * np.cos(off) - np.log(np.i0(kappa)))
    return worth


def extended(
    view: QueryView, run: ScoringRun, within: tuple[int, int], params: Params
) -> ScoringRun:
    """Extend a run as far as phases prove that its recording goes on.

    What voices hide of it keeps no landmarks that would. It stays ``within`` these query
    frames.
    """
    spans = _ends(run, params)
    start = coherence(view, run.reference, spans[0], run.alignment, params)
    end = start
    if spans[1] != spans[0]:
        end = coherence(view, run.reference, spans[1], run.alignment, params)
    first = _reached(view, run, (start, spans[0]), within, params, forward=False)
    last = _reached(view, run, (end, spans[1]), within, params, forward=True)
    return replace(run, first=first, last=last)


def _ends(run: ScoringRun, params: Params) -> tuple[tuple[int, int], tuple[int, int]]:
    """Return the landmarks at the start and at the end of a run, which tell its phases there.

    The drifts to try grow with the length, and with them the time by its square.
    """
    frames = run.reference.frames
    first, last = frames[run.first], frames[run.last]
    start = int(np.searchsorted(frames, np.int32(first + params.phase_end), "right"))
    end = int(np.searchsorted(frames, np.int32(last - params.phase_end)))
    return (run.first, min(start, run.last + 1)), (max(end, run.first), run.last + 1)


def _reached(
    view: QueryView,
    run: ScoringRun,
    part: tuple[Coherence, tuple[int, int]],
    within: tuple[int, int],
    params: Params,
    *,
    forward: bool,
) -> int:
    """Return the landmark that a run reaches in one direction.

    ``part`` says how phases agree at that end of the run, and at which landmarks. Each step
    looks at some seconds beyond the end. Of each landmark there, the likelihood
    that it agrees as those of the run do is compared with that by chance; chance reaches
    a sum of ``phase_worth`` at one end in e to this power. What the query lacks counts a
    little, the more of the run's own landmarks it has: four of 245 agreed beside a run
    that had 228 of its 276.
    """
    known, (begin, stop) = part
    end = run.last if forward else run.first
    if phase_bits(known, params) <= 0:
        return end
    frames = run.reference.frames
    share = known.pairs / (stop - begin)
    missing = params.phase_missing * np.log(max(0.05, 1 - share))
    low, high = np.searchsorted(
        frames, np.rint([run.alignment.reference_frame(f) for f in within]).astype(np.int32)
    )
    while True:
        ahead = params.phase_ahead if forward else -params.phase_ahead
        there = int(np.searchsorted(frames, np.int32(frames[end] + ahead)))
        span = (end + 1, min(there, int(high))) if forward else (max(there, int(low)), end)
        found = _pairs(view, run.reference, span, run.alignment, params)
        if not len(found.turns):
            return end
        worth = np.full(span[1] - span[0], missing)
        worth[found.numbers - span[0]] = _worth(found, known)
        sums = np.cumsum(worth if forward else worth[::-1])
        best = int(np.argmax(sums))
        if sums[best] < params.phase_worth:
            return end
        end = span[0] + best if forward else span[1] - 1 - best


def phase_bits(found: Coherence, params: Params = DEFAULT) -> float:
    """Return the evidence of a coherence whose delay and drift were searched.

    Beyond ``phase_chance``, which chance reaches in one of a few searches. The tail of the
    landmarks' bits halves faster than once a bit, so those of phases count less.
    """
    surplus = found.height - params.phase_chance
    return max(0.0, params.phase_bits * surplus)


@dataclass(frozen=True, slots=True)
class _Pairs:
    """Landmarks of a recording that the query has: their ``numbers``, how far ahead the
    query's phases are in ``turns``, frequency, time in the query, and weight.
    """

    numbers: NDArray[np.int64]
    turns: NDArray[np.float64]
    hertz: NDArray[np.float64]
    seconds: NDArray[np.float64]
    weights: NDArray[np.float64]


def _pairs(
    view: QueryView,
    reference: Landmarks,
    span: tuple[int, int],
    alignment: Alignment,
    params: Params,
) -> _Pairs:
    theirs, ours = reference.phases, view.landmarks.phases
    speed = -params.bins_per_octave * float(np.log2(alignment.slope))
    if theirs is None or ours is None or abs(speed - alignment.shift) > _SAME_SPEED:
        nothing = np.zeros(0)
        return _Pairs(nothing.astype(np.int64), nothing, nothing, nothing, nothing)
    part = slice(*span)
    numbers, values = _differences(
        (view.first, view.sectors, view.landmarks.frames, view.landmarks.bins, ours),
        (reference.frames[part], reference.bins[part], theirs[part]),
        (alignment.slope, alignment.offset, alignment.shift),
        (float(params.tolerance_frames), params.tolerance_bins),
        (params.f_min, float(params.bins_per_octave), params.frame_ms / 1000),
    )
    return _Pairs(numbers + span[0], *values)


def _drifts(length: float, farthest: float, params: Params) -> NDArray[np.float64]:
    """Return the drifts to try; more for a longer span, whose ends drift farther apart."""
    step = params.phase_step / max(1.0, length)
    n = int(farthest / step)
    drifts: NDArray[np.float64] = (np.arange(-n, n + 1) * step).astype(np.float64)
    return drifts


def _highest_sums(
    found: _Pairs, drifts: NDArray[np.float64], middle: float, reach: float
) -> tuple[NDArray[np.complex64], NDArray[np.float64]]:
    """Return the highest sum of each drift, and its delay, which is at most ``reach`` seconds."""
    from recognition.fingerprints.transform import fft  # most processes compare no phases

    spectra = _spread(
        (found.turns, found.hertz, found.seconds - middle, found.weights), drifts, _SIZE
    )
    sums = fft(spectra, axis=1)
    step = 1 / (2 * _HIGHEST)
    n = max(1, int(reach / step))
    near = np.concatenate([sums[:, -n:], sums[:, : n + 1]], axis=1)
    at = (near.real**2 + near.imag**2).argmax(axis=1)
    ahead: NDArray[np.float64] = ((at - n) * step).astype(np.float64)
    return near[np.arange(len(near)), at], ahead


@compiled
def _spread(
    pairs: tuple[
        NDArray[np.float64], NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]
    ],
    drifts: NDArray[np.float64],
    size: int,
) -> NDArray[np.complex64]:
    """Return differences by frequency, for each drift: [drifts, frequencies]."""
    turns, hertz, seconds, weights = pairs
    spectra = np.zeros((len(drifts), size), dtype=np.complex64)
    for k in range(len(turns)):
        at = int(hertz[k] * size / (2 * _HIGHEST) + 0.5)
        for number in range(len(drifts)):
            turn = 2 * np.pi * (turns[k] - hertz[k] * drifts[number] * seconds[k])
            spectra[number, at] += weights[k] * (np.cos(turn) + 1j * np.sin(turn))
    return spectra


@compiled
def _differences(
    query: tuple[
        NDArray[np.int32],
        NDArray[np.uint64],
        NDArray[np.int32],
        NDArray[np.float32],
        NDArray[np.uint8],
    ],
    reference: tuple[NDArray[np.int32], NDArray[np.float32], NDArray[np.uint8]],
    alignment: tuple[float, float, float],
    tolerance: tuple[float, float],
    axis: tuple[float, float, float],
) -> tuple[
    NDArray[np.int64],
    tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]],
]:
    """Return the fields of ``_Pairs``.

    A held tone is one agreement however many landmarks it has, so landmarks of one bin
    within a second share a weight.
    """
    first, sectors, q_frames, q_bins, q_phases = query
    frames, bins, phases = reference
    slope, offset, shift = alignment
    f_min, per_octave, frame_s = axis
    out = np.empty((4, len(frames)), dtype=np.float64)
    pitches = np.empty(len(frames), dtype=np.int64)
    numbers = np.empty(len(frames), dtype=np.int64)
    n = 0
    for i in range(len(frames)):
        frame = offset + slope * frames[i]
        place = bins[i] + shift
        if frame < 0 or frame > len(first) - 2 or place < 0:
            continue
        if not something_near(sectors, frame, place):
            continue
        k = nearest(first, q_frames, q_bins, frame, place, tolerance[0], tolerance[1])
        if k < 0:
            continue
        hertz = f_min * 2 ** ((q_bins[k] + place) / 2 / per_octave)
        turns = (np.float64(q_phases[k]) - np.float64(phases[i])) / _STEPS
        turns -= hertz * (q_frames[k] - frame) * frame_s
        out[0, n] = turns - np.floor(turns)
        out[1, n] = hertz
        out[2, n] = frame * frame_s
        pitches[n], numbers[n] = int(place + 0.5), i
        n += 1
    begin = 0
    for i in range(n):
        while out[2, begin] < out[2, i] - 1:
            begin += 1
        alike = 0
        j = begin
        while j < n and out[2, j] <= out[2, i] + 1:
            alike += pitches[j] == pitches[i]
            j += 1
        out[3, i] = 1 / alike
    values = out[0, :n].copy(), out[1, :n].copy(), out[2, :n].copy(), out[3, :n].copy()
    return numbers[:n].copy(), values
