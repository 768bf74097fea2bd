"""Every constant of the engine, in one frozen value.

Those marked as shaping stored data enter ``shape_hash`` (fingerprints) or
``index_hash`` (fingerprints and postings); the rest belong to queries.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field, fields
from typing import Any

FORMAT_VERSION = 1
ENGINE_VERSION = "embedded/1"


def _landmark(default: Any) -> Any:  # Any: dataclasses.field is typed by its default
    return field(default=default, metadata={"shapes": "landmarks"})


def _posting(default: Any) -> Any:  # Any: dataclasses.field is typed by its default
    return field(default=default, metadata={"shapes": "postings"})


@dataclass(frozen=True, slots=True)
class Params:
    """Constants by stage; lengths in frames of 16 ms and bins of 1/36 octave."""

    # Spectrum
    sample_rate: int = _landmark(8000)
    n_fft: int = _landmark(1024)
    hop_length: int = _landmark(128)
    f_min: float = _landmark(45.0)
    bins_per_octave: int = _landmark(36)
    n_bins: int = _landmark(227)

    # Landmarks: half sizes of the neighbourhood a peak must rule, peaks per second
    level_floor: float = _landmark(-10.0)
    reference_radius_frames: int = _landmark(10)
    reference_radius_bins: int = _landmark(9)
    reference_rate: int = _landmark(35)
    dense_radius_frames: int = _landmark(4)
    dense_radius_bins: int = _landmark(3)
    dense_rate: int = _landmark(120)
    contrast_radius_frames: int = _landmark(16)
    contrast_radius_bins: int = _landmark(12)

    # Level map of scanned files
    map_frames: int = _landmark(4)
    map_bins: int = _landmark(3)

    # Hashes
    reference_fan: int = _posting(4)
    min_dt: int = _posting(2)
    max_dt: int = _posting(63)
    max_df: int = _posting(24)
    hash_frames: int = _posting(4)

    # Query, stage by stage: what a landmark must rule, neighbours hashed, leads taken
    window_frames: int = 750
    step_frames: int = 625
    min_votes: int = 4
    min_votes_hours: float = 20.0
    longest_list: int = 150
    longest_list_hours: float = 300.0
    dense_fan: int = 14
    dense_within: int = 6
    dense_top: int = 12
    grid_fan: int = 4
    grid_within: int = 4
    grid_top: int = 2
    sparse_top: int = 4
    nearby_top: int = 32

    # Every place of a catalogue that is small enough for it, in cells of some frames:
    # bits for a landmark and for a rise of the level, and leads taken from how many
    # standard deviations on, of a recording and in all
    sweep_hours: float = 60.0
    sweep_frames: int = 2
    sweep_hit: float = 3.0
    sweep_rise: float = 0.5
    sweep_least: float = 5.0
    sweep_each: int = 4
    sweep_top: int = 16
    sweep_bits: float = 4.0  # what the levels of a run in it must pay
    whole_bits: float = -8.0

    # Verification
    tolerance_frames: int = 1
    tolerance_bins: float = 0.5
    gain_bands: int = 3
    absent_margin: float = 0.9
    absent_bits: float = -1.5
    absent_share: float = 1.5  # of what aligns, an absent one takes away
    masked_bits: float = -0.08
    unjudged_bits: float = -0.7
    min_p1: float = 0.35
    onset_frames: int = 1
    stretch_frames: int = 31
    stretch_bits: float = 5.0
    x_drop: float = 8.0
    candidate_bits: float = 4.5
    warp_bits: float = 10.0
    extend_frames: int = 875
    # Half sizes in cells of the surroundings that a level is held against
    relief_rows: int = 12
    relief_columns: int = 8
    relief_shift: float = 0.8
    relief_most: float = 40.0
    edge_frames: int = 190
    edge_weight: float = 0.25
    edge_bits: float = 4.0
    edge_ms: int = 60  # from the outermost landmark to where the sound begins or ends
    merge_frames: int = 500
    merge_drift_frames: float = 4.0
    min_segment_ms: int = 2500

    # Calibration of bits to expected false matches, see calibration.py
    tail_share: float = 0.05
    tail_u: float = 6.4
    tail_h: float = 0.57
    tail_catalogue_hours: float = 60.0
    max_e_value: float = 0.001

    # Silence: nothing in the level map above this (natural log of full scale), from
    # this bin on: hum and rumble below 180 Hz alone are no sound to search
    silence_level: float = -7.0
    silence_bin: int = 72
    silence_min_ms: int = 1000
    # A shorter gap beside a segment is within the exactness of its edge
    no_match_min_ms: int = 500

    def shape_hash(self) -> str:
        """Hash of the constants that shape stored fingerprints."""
        return self._hash({"landmarks"})

    def index_hash(self) -> str:
        """Hash of the constants that shape postings, those of landmarks included."""
        return self._hash({"landmarks", "postings"})

    def _hash(self, kinds: set[str]) -> str:
        shaping = {
            f.name: getattr(self, f.name)
            for f in fields(self)
            if f.metadata.get("shapes") in kinds
        }
        text = json.dumps([FORMAT_VERSION, shaping], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    @property
    def frame_ms(self) -> float:
        """Length of one frame."""
        return 1000 * self.hop_length / self.sample_rate


DEFAULT = Params()
