"""Speech over segments and unmatched sound, from the track of a file."""

from __future__ import annotations

import pytest

from base.audit.models import Event
from catalogue.models import RecordingSpeech
from recognition.speech_track import NET, Share, SpeechTrack
from review.models import Match
from scanning import speech
from scanning.engines import embedded
from scanning.models import Segment
from tests.factories.review import make_match
from tests.factories.scanning import judge_scan, make_detection

pytestmark = pytest.mark.django_db

PLAY = (10_000, 30_000, 0, 20_000)


def test_speech_that_the_recording_holds_itself_is_not_over_its_play() -> None:
    rap, song = make_detection(PLAY), make_detection(PLAY)
    RecordingSpeech.objects.create(
        recording=rap.recording, net=NET, halves=b"\xff" * 20 + b"\x0f" * 20
    )
    track = SpeechTrack(b"\x0f" * 20 + b"\xff" * 40)

    speech.estimate(Segment.objects.select_related("detection"), track)

    (over_rap,), (over_song,) = (row.segments.all() for row in (rap, song))
    assert over_rap.speech == Share(0.5, 0.5)
    assert over_song.speech == Share(1, 1)


def test_another_sound_track_is_not_judged_by_the_main_one() -> None:
    make_detection(PLAY, segment={"track": 2})

    speech.estimate(Segment.objects.select_related("detection"), SpeechTrack(b"\xff" * 80))

    assert Segment.objects.get().speech is None


@pytest.mark.parametrize(
    ("kind", "under_speech", "reason"),
    [("both", True, "under_speech"), ("music", False, "default")],
)
def test_a_file_judged_again_changes_its_waiting_matches(
    kind: str, under_speech: bool, reason: str
) -> None:
    match = make_match(PLAY)
    checked = make_match(PLAY, scan=match.scan)
    Match.objects.filter(pk=checked.pk).update(under_speech=False, speech_checked=True)
    judge_scan(match.scan, (60, kind))
    segments = Segment.objects.select_related("detection")

    for _ in range(2):
        speech.estimate(segments, speech.track_of(match.scanned_file_id))
        speech.speech_judged.send(sender=None, scan=match.scan)

    match.refresh_from_db()
    checked.refresh_from_db()
    assert match.under_speech is under_speech
    assert match.queue_reason in (reason, "two_candidates")
    assert checked.under_speech is False
    events = Event.objects.filter(action="speech_judged")
    assert [event.after for event in events] == [{"under_speech": under_speech}]


def test_unmatched_sound_is_divided_anew_and_keeps_its_candidate() -> None:
    near = {
        "recording_id": 7,
        "start_ms": 11_000,
        "end_ms": 15_000,
        "reference_start_ms": 0,
        "score": 20.0,
        "reason": "too few",
    }
    silence = {"start_ms": 20_000, "end_ms": 25_000, "kind": "silence"}
    stored = [
        {"start_ms": 0, "end_ms": 9_000, "kind": "no_match", "speech_pct": 88.0},
        {"start_ms": 9_000, "end_ms": 20_000, "kind": "no_match", "candidate": near},
        silence,
    ]

    divided = embedded.divided_again(stored, SpeechTrack(b"\xf0" * 20 + b"\x0f" * 20))

    assert divided == [
        {
            "start_ms": 0,
            "end_ms": 10_000,
            "kind": "no_match",
            "sound": "speech",
            "speech": [1.0, 1.0],
            "music": [0.0, 0.0],
        },
        {
            "start_ms": 10_000,
            "end_ms": 20_000,
            "kind": "no_match",
            "sound": "music",
            "speech": [0.0, 0.0],
            "music": [1.0, 1.0],
            "candidate": near,
        },
        silence,
    ]
    assert embedded.divided_again(divided, SpeechTrack()) == [
        {"start_ms": 0, "end_ms": 20_000, "kind": "no_match", "candidate": near},
        silence,
    ]
