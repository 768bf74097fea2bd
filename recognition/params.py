"""All parameters of the engine, in one frozen value.

Parameters made with ``_landmark`` shape fingerprints and enter ``shape_hash``; those
made with ``_posting`` shape the index and enter ``index_hash`` as well. Changing one
makes stored data unusable. All others may change between scans.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field, fields, replace
from typing import Any

FORMAT_VERSION = 1
ENGINE_VERSION = "embedded/1"


def _landmark(default: Any) -> Any:  # Any: dataclasses.field is typed by its default
    return field(default=default, metadata={"shapes": "landmarks"})


def _posting(default: Any) -> Any:  # Any: dataclasses.field is typed by its default
    return field(default=default, metadata={"shapes": "postings"})


@dataclass(frozen=True, slots=True)
class Params:
    """The constants by stage; a frame is 16 ms, a bin 1/36 octave, a cell of the map 4 × 3.

    Levels are natural logarithms (nepers; 1 neper is 8.7 dB), 0 for a full-scale sine;
    evidence is in bits. docs/engine-notes.md holds the measurements that the reasons
    refer to.
    """

    # Spectrum. The axis ends below 4 kHz, which is all that a sample rate of 8 kHz and
    # a telephone carry.
    sample_rate: int = _landmark(8000)  # Hz
    # Samples: 128 ms. Longer transforms separate low notes better and blur onsets.
    n_fft: int = _landmark(1024)
    hop_length: int = _landmark(128)  # samples: 16 ms, the length of a frame
    # Hz. Bass survives noise and voices; from 180 Hz on, 1,986 of 2,160 hard clips were
    # found instead of 2,076.
    f_min: float = _landmark(45.0)
    bins_per_octave: int = _landmark(36)  # three to a semitone
    n_bins: int = _landmark(227)  # up to 3.5 kHz

    # Landmarks: a peak must be the maximum within a radius, and at most ``rate`` of them
    # are kept per second.
    # Nepers (-87 dB): quieter peaks are ignored. Lower keeps more noise.
    level_floor: float = _landmark(-10.0)
    # About 23 landmarks a second. 29 a second found no more and 45 found fewer: weak
    # landmarks are masked first and cost as much as the others.
    reference_radius_frames: int = _landmark(10)
    reference_radius_bins: int = _landmark(9)
    reference_rate: int = _landmark(35)
    # 90 to 110 landmarks a second, to find a reference's landmarks beneath other sound.
    # A limit of 150 or a radius of 2 bins found no more.
    dense_radius_frames: int = _landmark(4)
    dense_radius_bins: int = _landmark(3)
    dense_rate: int = _landmark(120)
    # The surroundings whose mean a peak is compared with when the rate limits: larger
    # ones favour loud passages, smaller ones isolated peaks.
    contrast_radius_frames: int = _landmark(16)
    contrast_radius_bins: int = _landmark(12)

    # Level map of scanned files: frames and bins per cell. Finer maps read noise better,
    # but took more bytes or let more wrong matches pass.
    map_frames: int = _landmark(4)
    map_bins: int = _landmark(3)

    # Hashes
    # Neighbours per reference landmark. 3 would halve the postings at little cost; 4 is
    # for large catalogues, where votes drown more easily.
    reference_fan: int = _posting(4)
    # Frames from a landmark to its neighbours, 32 ms to 1 s. A smaller minimum would
    # pair landmarks of one onset; retro searches pack the coarse time into four bits.
    min_dt: int = _posting(2)
    max_dt: int = _posting(63)
    max_df: int = _posting(24)  # bins: close neighbours are masked or heard together
    # Frames per step of a hash's times. Exact frames lost half of the hashes in noise.
    hash_frames: int = _posting(4)

    # Windows of a query: 12 s every 10 s. 10 s every 5 s found nothing more and cost
    # twice as much.
    window_frames: int = 750
    step_frames: int = 625

    # Candidates, stage by stage
    # Fewest votes of a candidate, in catalogues of up to ``min_votes_hours``; beyond, it
    # rises by 0.6 per doubling, as chance votes do.
    min_votes: int = 4
    min_votes_hours: float = 20.0
    # Postings: longer lists are skipped in catalogues of up to ``longest_list_hours``;
    # beyond, the limit grows with this power of the hours. Lists of more than 100 are at
    # most a tenth of the lookups but over half of the votes. With a power of 0.75,
    # searches of 1,000 and 6,000 h took up to a third longer and found 2 or 3 more of 504
    # clips.
    longest_list: int = 150
    longest_list_hours: float = 300.0
    longest_list_growth: float = 0.15
    # The same for the grid, which finds the same clips with half of it.
    longest_grid_list: int = 75
    # Second neighbours, and third ones after each, among landmarks of ``likely_rank``.
    dense_fan: int = 24
    dense_within: int = 10
    # The highest sum of the ranks of a triplet's landmarks; see ``ranks_of``. In noise, a
    # tenth of all triplets and three quarters of those that a recording shares have 1 or
    # less. With 2, fans of 18 and 8 found 2 more of 504 clips for a tenth more time.
    likely_rank: int = 1
    # The most hashes a second of a dense query, which bounds what any query costs. Music
    # and noise have up to 7,000; landmarks that are all as loud would have 86,000.
    likely_most: int = 15_000
    # Candidates per window. More found no more clips; the glance follows weaker ones.
    dense_top: int = 6
    # The reference's own density: denser hashes cost 1.5 times as much, found no more.
    grid_fan: int = 4
    grid_within: int = 4
    # Candidates per window. More find more repeats of loops and cost verification.
    grid_top: int = 2
    sparse_top: int = 4
    # The wide grid, of larger changes of speed or tempo: neighbours (of 84 damaged clips
    # at another speed, 5 proposed 79 and 3 proposed 65), and offsets per window and line
    # whose aligned landmarks are counted. Of 72 with reverb or a voice, 42 were found by
    # votes alone, 64 with 8 offsets, 66 with 32.
    wide_fan: int = 5
    wide_offsets: int = 32
    # Deviations above chance that an offset must reach to be verified, and its louder
    # landmarks to be counted closely. In 57 clips of strangers no offset did.
    wide_least: float = 6.0
    wide_worth: float = 3.0
    # The same for the voted offsets of the other lines, as counting is far cheaper than
    # verifying.
    grid_least: float = 4.0
    grid_worth: float = 1.5
    # Votes more than elsewhere, where a search does not count landmarks.
    wide_votes: int = 3
    # The same for its changes of pitch, which have dozens of votes if they are clean.
    pitched_top: int = 1
    pitched_votes: int = 1
    pitched_fan: int = 3
    # Of more windows in a row, every so many-th is searched: an edit lasts for a whole
    # upload. The rest is searched along what was found, so many frames (3 min) around.
    wide_every: int = 4
    followed_frames: int = 11_250
    followed_lines: int = 2
    # Candidates per window that are tried at seven offsets around their own, because
    # a weak match fails even one frame beside the true offset.
    nearby_top: int = 32
    # How many of the seven are weighed: those along which the most landmarks align.
    nearby_weighed: int = 3

    # Sweep: every place of every recording
    # Hours of catalogue: its cost grows in proportion, so larger ones do without that of
    # short windows.
    sweep_hours: float = 100.0
    # Frames per cell. 1 found 2 clips of 2,160 more, for a tenth more time.
    sweep_frames: int = _posting(2)
    # The same for long windows, of which larger catalogues take one of so many.
    long_hours: float = 150.0
    # Of how many windows one may be taken where there are not half as many: in a clip, up
    # to seven times ``long_hours``.
    sweep_alone: int = 7
    sweep_hit: float = 3.0  # bits where the query has the landmark
    # Expected rise of the level where the recording sounds, in standard deviations.
    sweep_rise: float = 0.5
    # Standard deviations above chance that a candidate must reach. Lower finds a few
    # clips more and verifies many more places.
    sweep_least: float = 5.0
    # The same if phases alone may prove it, which costs little.
    sweep_weak: float = 4.0
    sweep_each: int = 4  # candidates per window and recording, for repeats
    sweep_top: int = 16  # candidates per window
    # The rough pass keeps the best pair of every 64 places that reaches so many
    # standard deviations, at most so many of them, or one for so many landmarks: with 256
    # in 299 h, places that stand out as far as in 29 h were lost to chance.
    rough_least: float = 3.5
    rough_top: int = 256
    rough_every: int = 4_600
    # Bits taken from the level evidence of a run, since the sweep chose its place by the
    # same levels; without it a wrong run reached 18.6 bits.
    sweep_bits: float = 4.0
    # Fewest bits of a whole window by its landmarks. At -15, levels alone could outvote
    # them: a track of thunder had 34.9 bits by levels against -14.9.
    whole_bits: float = -8.0

    # Glance: a sweep of single places, which the dense stage's weaker offsets get
    glance_offsets: int = 2048  # offsets per window, the first by votes
    # Fewest votes of such an offset up to ``glance_hours``; each doubling beyond adds
    # ``glance_growth``.
    glance_votes: int = 3
    glance_hours: float = 300.0
    glance_growth: float = 0.75
    # Standard deviations that a place must reach, and how many are verified.
    glance_least: float = 6.0
    glance_top: int = 8

    # Verification
    # How far a query landmark may be off. Wider tolerances align more by chance.
    tolerance_frames: int = 1
    tolerance_bins: float = 0.5
    # Frequency bands with a gain of their own. Fewer bands find more in noise, but 2
    # lost 6 of 120 telephone clips of 5 s.
    gain_bands: int = 3
    # Nepers: a landmark is absent if the query is this much quieter than expected.
    absent_margin: float = 0.9
    # Bits for an absent landmark along a run. -3 lost recall.
    absent_bits: float = -1.5
    # In the verdict, only aligned / (aligned + absent_share * absent) of the bits count.
    # Music with the same instruments lacks many landmarks, true matches lack few.
    absent_share: float = 1.5
    # In the verdict, n aligned landmarks should lie in this share of n to this power
    # different bins; of fewer, only their part of the bits counts. The drums of two
    # sequenced pieces gave 55 landmarks in 16 bins and up to 21 bits, which true runs
    # of as many bits reach with twice as many.
    pitch_share: float = 0.9
    pitch_power: float = 0.8
    # Bits for a masked landmark. Nearer to 0 found no more at the same rate of errors.
    masked_bits: float = -0.08
    # Least bits for a missing landmark whose level or band gain is unknown. -0.35 found
    # 9 more clips and let wrong runs of 14 bits through.
    unjudged_bits: float = -0.7
    # Least rate of alignment assumed where the recording sounds. Lower ones found more
    # at a fixed threshold, and as much more by chance.
    min_p1: float = 0.35
    onset_frames: int = 1  # landmarks this close share an onset and their evidence
    # The most bits for the match from any half second (31 frames). Higher limits let a
    # drum figure that two pieces share carry a wrong run through the next seconds.
    saturation_frames: int = 31
    saturation_bits: float = 5.0
    # Bits: a run ends where its sum falls this far. 7 to 14 made no difference on clips.
    x_drop: float = 8.0
    # The same for extending a run that was found, where all evidence counts. With 8, 2 of
    # 74 reverberant uploads ended 6 and 37 s early; with 24, none of 89 ran into other
    # music.
    found_drop: float = 24.0
    # Bits before a run is extended and fitted. At 3 the same clips were found, in a
    # third more time.
    candidate_bits: float = 4.5
    # Bits that a tempo or pitch other than the recording's costs: its line was chosen
    # among many. Without it a wrong run had 19.3 bits, with it 7.2.
    warp_bits: float = 10.0
    # The same beyond ``near_tempo`` and ``near_bins``, where there are more lines.
    wide_bits: float = 12.0
    near_tempo: float = 0.11
    near_bins: float = 6.5
    # The same of a line that another part of the file was found along.
    followed_bits: float = 2.0
    # Frames (14 s) by which a run's span widens at a time: shorter steps repeat the
    # weighing more often, longer ones weigh more for nothing.
    extend_frames: int = 875

    # Level evidence (relief)
    # Half sizes, in cells, of the surroundings that a level is compared with. Either
    # smaller or larger ones made hardly any difference.
    relief_rows: int = 12
    relief_columns: int = 8
    # Expected rise, in standard deviations of chance. 0.6 to 1.2 did equally well.
    relief_shift: float = 0.8
    # Bits that a run with level evidence may reach: it settles doubt, and a clean clip
    # must not score less than a noisy one.
    relief_most: float = 40.0

    # The query's band (band.py)
    # Nepers: bass (treble) this much quieter than the middle was cut off.
    band_low: float = 1.7
    band_high: float = 4.6
    band_body: tuple[int, int] = (99, 182)  # bins: 300 to 1,500 Hz

    # The band in which a recording is heard (heard.py). In music not tuned on, 955 clips
    # without a filter, coded, edited or noisy in 26 ways, got none; 712 filtered in 20
    # ways got 579 edges, of which 573 were within a third of an octave.
    # Nepers below the recording's own level: cut off; and the least median of what is
    # cut off. A shelf of 10 dB takes 1.15.
    heard_gap: float = 0.5
    cut_gap: float = 1.5
    heard_fewest: int = 8  # landmarks on either side
    # Least shares of what is cut off on one side, and heard within two octaves of the
    # other. At 0.9, 4 of 21 clips from a hall were off.
    cut_share: float = 0.9
    heard_share: float = 0.95
    heard_vague: int = 24  # bins: an edge in a wider gap between landmarks is unknown
    # The bin (800 Hz) that both edges leave inside. Low-passes at 400 Hz were read up
    # to 0.8 octaves too high.
    heard_middle: int = 150

    # Phases along an alignment (phases.py)
    # Seconds that the query may be beside the alignment.
    phase_delay: float = 0.024
    # How far a clock may be off, and the step, which is this by the span's seconds: half a
    # turn at its ends, at 1,500 Hz.
    phase_drift: float = 0.001
    phase_step: float = 0.00033
    # Height that chance reaches once in a few searches, and bits for each unit more.
    phase_chance: float = 8.5
    phase_bits: float = 0.8
    # Share of a window's landmarks that must not be absent (see ``absent_share``) where its
    # phases count. Held tones agree by chance, but in 207 wrong windows the share was .15 in
    # the median and .28 at 98 %; in 285 true ones of 12 s, of clips from halls and crowds,
    # .70 and, at 2 %, .35, in 12 of 24 s .49 and .26.
    phase_present: float = 0.3
    # Frames at each end of a run (60 s) whose phases tell whether it goes on there.
    phase_end: int = 3750
    # Frames beyond a run that are looked at together, and how much more likely (in powers
    # of e) it must be that the recording goes on there.
    phase_ahead: int = 750
    phase_worth: float = 7.0
    phase_missing: float = 0.02  # weight of a missing landmark there
    # The same by which a run ends where phases agree no longer.
    phase_drop: float = 8.0

    # Edges of a run
    edge_frames: int = 190  # 3 s: how much of each end is examined
    # Weight of a missing landmark at the ends, and the most bits of an aligned one.
    # Heavier weights cut true ends under speech, lighter ones keep chance alignments.
    edge_weight: float = 0.25
    edge_bits: float = 4.0
    edge_ms: int = 60  # sound begins and ends beyond its outermost landmarks, as measured

    # Runs on one line are joined over gaps of up to 8 s (a voice may cover the music)
    # if their lines differ by at most this many frames.
    merge_frames: int = 500
    merge_drift_frames: float = 4.0
    # Most that the tempo changes from one run to the next where it drifts.
    bend_tempo: float = 0.05
    # The search looks for more of such a recording within 10 s of its runs.
    bend_frames: int = 625
    # Milliseconds. Wrong runs are short: of 31,943 wrong candidates none reached 2.5 s.
    min_segment_ms: int = 2500
    # Of a file or recording too short for that, so large a share must match, but at least
    # a second. Of 5,598 clips of strangers of 2 s, 7 had a row, in pieces of one album.
    short_share: float = 0.75
    shortest_segment_ms: int = 1000

    # Calibration of bits to expected false matches (calibration.py): of 10 s windows in
    # a catalogue of 60 h, 5 % exceed ``tail_u`` bits by chance, half for each ``tail_h``
    # more. 53 h of unrelated music in 283 h need 1.5 bits less, the highest 1 % of their
    # windows 0.3 bits more.
    tail_share: float = 0.05
    tail_u: float = 4.5
    tail_h: float = 0.57
    tail_catalogue_hours: float = 60.0
    max_e_value: float = 0.001  # false matches per scanned hour at the threshold

    # Silence
    silence_level: float = -7.0  # nepers (-61 dB): a map row without louder cells
    # Nepers (13 dB) above the file's own noise that a cell of a quiet row must reach to be
    # heard; of 10^10 cells of steady noise one does.
    silence_margin: float = 1.5
    # Bin of 180 Hz: hum and rumble below it do not count as sound.
    silence_bin: int = 72
    # Milliseconds: shorter pauses belong to the sound around them.
    silence_min_ms: int = 1000
    # Milliseconds: shorter unmatched gaps are within the precision of segment edges.
    no_match_min_ms: int = 500

    def shape_hash(self) -> str:
        """Return the hash of the parameters that shape stored fingerprints."""
        return self._hash({"landmarks"})

    def index_hash(self) -> str:
        """Return the hash of the parameters that shape landmarks and postings."""
        return self._hash({"landmarks", "postings"})

    def _hash(self, kinds: set[str]) -> str:
        shaping = {
            f.name: getattr(self, f.name) for f in fields(self) if f.metadata.get("shapes") in kinds
        }
        text = json.dumps([FORMAT_VERSION, shaping], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def __repr__(self) -> str:
        """Return only what differs from the defaults, so that signatures stay readable."""
        changed = (
            f"{f.name}={getattr(self, f.name)!r}"
            for f in fields(self)
            if getattr(self, f.name) != f.default
        )
        return f"Params({', '.join(changed)})"

    def for_file(self, duration_ms: int) -> Params:
        """Return the parameters for a file of this length; less of a short one must match."""
        return replace(self, min_segment_ms=self._least_ms(duration_ms))

    def least_frames(self, frames: float) -> float:
        """Return how many frames must match of a recording that has ``frames``."""
        return self._least_ms(frames * self.frame_ms) / self.frame_ms

    def _least_ms(self, duration_ms: float) -> int:
        least = max(self.shortest_segment_ms, int(self.short_share * duration_ms))
        return min(self.min_segment_ms, least)

    @property
    def frame_ms(self) -> float:
        """Length of a frame in milliseconds."""
        return 1000 * self.hop_length / self.sample_rate


DEFAULT = Params()
