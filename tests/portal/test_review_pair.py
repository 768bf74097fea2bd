"""The aligned pair: one time axis for both sounds at any speed."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import pytest

from base.common.storage import replace_bytes
from catalogue.models import Recording
from recognition.audio import waveform
from recognition.types import Waveform
from review.models import Match
from review.selectors import with_segments
from scanning.models import ScannedFile
from tests.factories.review import make_match
from web.portal.pictures.pair import PairPicture, aligned_pair

pytestmark = pytest.mark.django_db

STEP_MS = 50


def keep_loudness(model: type, pk: int, *, length_ms: int, rms: int) -> None:
    """Store a waveform of constant loudness for a file or a recording."""
    count = length_ms // STEP_MS
    values = np.full(count, rms, dtype=np.uint8)
    stored = waveform.to_bytes(Waveform(STEP_MS, peaks=values, rms=values))
    name = replace_bytes(f"test/{model.__name__}-{pk}.waveform", stored)
    model.objects.filter(pk=pk).update(  # type: ignore[attr-defined]  # a model class
        waveform=name, **{"length_ms" if model is ScannedFile else "duration_ms": length_ms}
    )


def pair_of(match: Match, *, cents: int | None = None) -> PairPicture:
    """Return the picture of a match's segment, read anew, perhaps at another pitch."""
    again = Match.objects.select_related("scanned_file", "recording").get(pk=match.pk)
    segment = with_segments([again])[0].segments[0]
    if cents is not None:
        segment.pitch_cents = Decimal(cents)
    return aligned_pair(match=again, segment=segment)


def test_same_speed_stands_upright_with_five_seconds_around() -> None:
    match = make_match((70_000, 80_000, 20_000, 30_000))

    pair = pair_of(match)

    assert (pair.source.window.start_ms, pair.source.window.end_ms) == (65_000, 85_000)
    assert (pair.reference.window.start_ms, pair.reference.window.end_ms) == (15_000, 35_000)
    assert pair.is_same_speed
    assert len(pair.links) == 10
    assert all(link.top == link.bottom for link in pair.links)
    assert (pair.interval.x, pair.interval.x2) == ("25.000%", "75.000%")
    # At another pitch alone it plays in step, off pitch.
    lower = pair_of(match, cents=-100)
    assert (lower.is_same_speed, lower.is_off_pitch) == (True, True)


def test_faster_source_slants_its_links_and_shows_more_of_the_reference() -> None:
    match = make_match((70_000, 80_000, 20_000, 30_500), segment={"tempo_ratio": Decimal("1.05")})

    pair = pair_of(match)

    assert not pair.is_same_speed
    assert str(pair.ratio) == "1.05000"
    assert pair.reference.window.start_ms == 14_750
    assert all(float(link.bottom.rstrip("%")) < float(link.top.rstrip("%")) for link in pair.links)

    # A stretched use plays the recording at the nearer pitch; 84 cents are a tape's.
    for cents, keeps, is_off in ((0, True, False), (-100, True, True), (84, False, False)):
        played = pair_of(match, cents=cents)
        assert (played.keeps_pitch, played.is_off_pitch) == (keeps, is_off), cents


def test_window_reaches_past_the_ends_as_silence() -> None:
    match = make_match((1_000, 11_000, 0, 10_000))
    keep_loudness(ScannedFile, match.scanned_file_id, length_ms=12_000, rms=200)
    keep_loudness(Recording, match.recording_id, length_ms=60_000, rms=200)

    pair = pair_of(match)

    assert pair.source.window.start_ms == -4_000
    assert pair.source.ticks[0].label == "0:00"
    assert pair.source.wave is not None
    assert pair.reference.wave is not None
    assert pair.source.wave.points == pair.reference.wave.points == 400
    assert pair.source.wave.body.startswith("M0 99")


def test_louder_side_comes_down_to_the_quieter_one() -> None:
    match = make_match()

    # Without stored sound there is nothing to play or match.
    pair = pair_of(match)
    assert not pair.can_play
    assert pair.source.wave is None
    assert pair.reference.gain == "1"

    keep_loudness(ScannedFile, match.scanned_file_id, length_ms=600_000, rms=50)
    keep_loudness(Recording, match.recording_id, length_ms=180_000, rms=200)
    pair = pair_of(match)
    assert (pair.source.gain, pair.reference.gain) == ("1.000", "0.250")


def test_long_play_has_a_tick_for_several_seconds() -> None:
    pair = pair_of(make_match((0, 200_000, 0, 200_000)))

    assert pair.lean_seconds == 5
    assert len(pair.links) == 40
