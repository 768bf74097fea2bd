"""A match's figures, computed from its segments."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

import pytest

from review import figures, intervals
from review.choices import Relation
from scanning.choices import Section
from scanning.models import Detection, Segment, SegmentSpeech

Interval = tuple[int, int, int, int]

RECORDING = 1


def segment(
    interval: Interval,
    *,
    tempo: str | None = "1",
    cents: str | None = "0",
    speech: tuple[float, float] | None = None,
) -> Segment:
    start, end, ref_start, ref_end = interval
    made = Segment(
        start_ms=start,
        end_ms=end,
        reference_start_ms=ref_start,
        reference_end_ms=ref_end,
        tempo_ratio=None if tempo is None else Decimal(tempo),
        pitch_cents=None if cents is None else Decimal(cents),
    )
    if speech is not None:
        least, most = speech
        made.speech_estimate = SegmentSpeech(least=least, most=most)
    return made


def detection(
    score: str | None = "80.0",
    *,
    scale: str = "0-100:embedded/1",
    section: Section = Section.CUSTOM_FILES,
) -> Detection:
    return Detection(
        recording_id=RECORDING,
        score=None if score is None else Decimal(score),
        score_scale=scale,
        section=section,
    )


def worked_out(
    *segments: Segment,
    detections: list[Detection] | None = None,
    source_ms: int = 600_000,
    reference_ms: int = 100_000,
    excluded: Sequence[intervals.Interval] = (),
) -> figures.Figures:
    """Return the computed figures of the segments."""
    return figures.work_out(
        detections=detections or [detection()],
        segments=segments,
        source_ms=source_ms,
        reference_ms=reference_ms,
        excluded={RECORDING: excluded},
    )


def test_overlapping_segments_are_counted_once() -> None:
    result = worked_out(segment((0, 10_000, 0, 10_000)), segment((5_000, 12_000, 50_000, 57_000)))

    assert result.matched_ms == 12_000
    assert result.longest_ms == 10_000
    assert result.source_coverage_pct == Decimal("2.00")
    assert result.reference_coverage_pct == Decimal("17.00")
    assert (result.first_start_ms, result.last_end_ms) == (0, 12_000)


def test_reference_of_unknown_length_has_no_coverage() -> None:
    result = worked_out(segment((0, 10_000, 0, 10_000)), reference_ms=0)

    assert result.reference_coverage_pct is None
    assert result.relation == Relation.EXCERPT


def test_coverage_never_passes_100() -> None:
    result = worked_out(segment((0, 10_200, 0, 10_200)), source_ms=10_000, reference_ms=10_000)

    assert result.source_coverage_pct == Decimal("100.00")
    assert result.reference_coverage_pct == Decimal("100.00")


def test_speed_and_pitch_are_weighted_by_length() -> None:
    result = worked_out(
        segment((0, 30_000, 0, 30_000), tempo="1.03", cents="51"),
        segment((40_000, 50_000, 40_000, 50_000), tempo="0.99", cents="-13"),
    )

    assert result.speed_pct == Decimal("2.00")
    assert result.pitch_cents == 35
    assert result.edit == "several"


def test_segments_that_meet_at_a_drifting_tempo_are_one_use() -> None:
    drifting = [
        segment((0, 20_000, 0, 20_200), tempo="1.01", cents="17"),
        segment((20_100, 40_000, 20_300, 40_797), tempo="1.03", cents="51"),
        segment((39_900, 60_000, 40_690, 61_795), tempo="1.05", cents="84"),
    ]
    result = worked_out(*drifting)

    assert result.edit == "drifting"
    assert result.matched_ms == 59_900
    assert result.longest_ms == 59_900
    # An exclusion ends the longest interval; a jump is another use.
    assert worked_out(*drifting, excluded=[(30_000, 35_000)]).longest_ms < 31_000
    assert worked_out(*drifting, excluded=[(20_200, 20_800)]).longest_ms < 40_000
    jumping = segment((60_000, 80_000, 61_800, 85_800), tempo="1.2", cents="316")
    assert worked_out(*drifting, jumping).edit == "several"
    assert worked_out(*drifting, jumping).longest_ms == 59_900


def test_a_gap_too_short_for_a_segment_is_within_a_use_that_drifts() -> None:
    slowing = [
        segment((0, 20_000, 0, 16_800), tempo="0.84", cents="-302"),
        segment((22_400, 40_000, 18_792, 33_224), tempo="0.82", cents="-344"),
    ]
    result = worked_out(*slowing)

    assert (result.edit, result.longest_ms) == ("drifting", 37_600)


def test_the_tempo_drifts_in_each_of_several_uses() -> None:
    def tape(at: int) -> list[Segment]:
        return [
            segment((at, at + 20_000, 0, 19_600), tempo="0.98", cents="-35"),
            segment((at + 20_000, at + 40_000, 19_600, 40_000), tempo="1.02", cents="34"),
        ]

    straight = segment((100_000, 120_000, 0, 20_000))

    assert worked_out(*tape(0), *tape(50_000)).edit == "drifting"
    assert worked_out(*tape(0), *tape(50_000)).longest_ms == 40_000
    assert worked_out(*tape(0), straight).edit == "in_part"


def test_another_pitch_at_the_same_tempo_is_no_drift() -> None:
    result = worked_out(
        segment((0, 20_000, 0, 20_000)), segment((20_000, 40_000, 20_000, 40_000), cents="200")
    )

    assert (result.edit, result.longest_ms) == ("in_part", 20_000)


def test_what_the_engine_does_not_give_stays_unknown() -> None:
    result = worked_out(
        segment((0, 30_000, 0, 30_000), tempo=None, cents=None),
        detections=[detection(None, scale="none")],
    )

    assert result.speed_pct is None
    assert result.pitch_cents is None
    assert result.under_speech is None
    assert (result.score, result.score_scale) == (None, "none")


@pytest.mark.parametrize(
    ("speech", "expected"),
    [((0.1, 0.49), False), ((0.49, 0.51), None), ((0.5, 0.6), True), ((1, 1), True)],
)
def test_under_speech_from_half_of_the_matched_time_and_between_not_judged(
    speech: tuple[float, float], expected: bool | None
) -> None:
    result = worked_out(segment((0, 30_000, 0, 30_000), speech=speech))

    assert result.under_speech is expected


def test_scores_of_two_scales_are_not_mixed() -> None:
    result = worked_out(
        segment((0, 30_000, 0, 30_000)),
        detections=[
            detection("60.0"),
            detection("72.5"),
            detection("99.0", scale="0-100:acrcloud"),
        ],
    )

    assert (result.score, result.score_scale) == (Decimal("72.5"), "0-100:embedded/1")


@pytest.mark.parametrize(
    ("tempo", "cents", "expected"),
    [
        ("1.005", "0", Relation.EXCERPT),
        ("1.00501", "0", Relation.ALTERED),
        ("0.994", "0", Relation.ALTERED),
        ("1", "10", Relation.EXCERPT),
        ("1", "-10.1", Relation.ALTERED),
    ],
)
def test_altered_needs_more_than_half_a_percent_or_ten_cents(
    tempo: str, cents: str, expected: Relation
) -> None:
    result = worked_out(segment((0, 20_000, 0, 20_000), tempo=tempo, cents=cents))

    assert result.relation == expected


def test_identical_audio_is_one_run_over_nearly_all_of_both() -> None:
    whole = segment((0, 97_000, 0, 97_000))

    assert worked_out(whole, source_ms=100_000).relation == Relation.IDENTICAL_AUDIO
    assert worked_out(whole, source_ms=101_000).relation == Relation.SAME_RECORDING


def test_altered_comes_before_identical_audio() -> None:
    whole = segment((0, 100_000, 0, 100_000), tempo="1.03")

    assert worked_out(whole, source_ms=100_000).relation == Relation.ALTERED


@pytest.mark.parametrize(("times", "expected"), [(3, Relation.EXCERPT), (4, Relation.LOOP)])
def test_loop_is_a_short_interval_heard_four_times(times: int, expected: Relation) -> None:
    plays = [segment((at * 30_000, at * 30_000 + 20_000, 0, 20_000)) for at in range(times)]

    assert worked_out(*plays).relation == expected


def test_a_jingle_that_plays_four_times_is_no_loop() -> None:
    plays = [segment((at * 30_000, at * 30_000 + 2_000, 0, 2_000)) for at in range(4)]

    figures = worked_out(*plays, reference_ms=2_000)

    assert figures.relation == Relation.SAME_RECORDING


def test_four_parts_of_a_recording_in_order_are_no_loop() -> None:
    plays = [
        segment((at * 10_000, at * 10_000 + 4_000, at * 5_000, at * 5_000 + 4_000))
        for at in range(4)
    ]

    assert worked_out(*plays).relation == Relation.EXCERPT


def test_same_recording_needs_60_percent_in_order() -> None:
    in_order = [segment((0, 30_000, 0, 30_000)), segment((40_000, 70_000, 50_000, 80_000))]
    reversed_parts = [segment((0, 30_000, 50_000, 80_000)), segment((40_000, 70_000, 0, 30_000))]

    assert worked_out(*in_order).relation == Relation.SAME_RECORDING
    assert worked_out(*reversed_parts).relation == Relation.EXCERPT


def test_cover_is_a_similar_work_unless_the_recording_itself_was_found() -> None:
    run = segment((0, 20_000, 0, 20_000))
    cover = detection(section=Section.COVER_SONGS)

    assert worked_out(run, detections=[cover]).relation == Relation.SIMILAR_WORK
    assert worked_out(run, detections=[cover, detection()]).relation == Relation.EXCERPT
