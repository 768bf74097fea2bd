"""Container settings from API clients, and their effect on the embedded engine."""

from __future__ import annotations

from recognition.search.policy import CaptureType
from scanning.engines.embedded import parts_not_done, scan_policy
from scanning.models import Container
from scanning.services.intake import submit_upload
from tests import audio
from tests.fixtures import Worker, upload


def test_policy_chooses_what_is_scanned() -> None:
    cases: list[tuple[object, list[tuple[int, int]]]] = [
        ({"type": "traverse", "interval": 0, "rec_length": 10}, [(0, 60_000)]),
        ({"type": "traverse", "interval": 20, "rec_length": 10}, [(0, 10_000), (30_000, 40_000)]),
        ({"type": "points", "points": 2, "rec_length": "5"}, [(0, 5_000), (55_000, 60_000)]),
        ({"type": "points", "points": "x"}, [(0, 60_000)]),
        ({"interval": -1, "rec_length": "nan"}, [(0, 60_000)]),
        ({}, [(0, 60_000)]),
        ([], [(0, 60_000)]),
    ]
    for case, windows in cases:
        policy = scan_policy(Container(policy=case))

        assert policy.windows_ms(60_000) == windows, case


def test_a_container_says_how_sound_was_captured_and_how_widely_to_search() -> None:
    recorded = scan_policy(Container(audio_type="recorded"))
    normal = scan_policy(Container(edited_music="normally", policy={"type": "points"}))

    assert recorded.audio_type is CaptureType.RECORDED
    assert (recorded.widely, normal.widely) == (True, False)


def test_what_is_not_done_is_said() -> None:
    cases: list[tuple[int, dict[str, bool], list[str]]] = [
        (1, {}, []),
        (2, {}, ["cover versions"]),
        (3, {}, ["cover versions"]),
        (4, {}, ["speech to text"]),
        (5, {"ai_detection": True}, ["AI-made"]),
        (1, {"deepright": True, "music_detection": True}, ["derivative", "outside matches"]),
    ]
    for engine, flags, names in cases:
        warnings = parts_not_done(Container(wire_engine=engine, **flags))

        assert len(warnings) == len(names), engine
        assert all(name in text for name, text in zip(names, warnings, strict=True)), engine


def test_a_scan_keeps_what_was_not_done(transactional_db: None, run_worker: Worker) -> None:
    container = Container.objects.create(name="Covers", wire_engine=3)
    clip = upload("clip.wav", audio.wav_bytes(audio.tune(1, 10)))
    file = submit_upload(container=container, upload=clip, user=None).scanned_file

    run_worker()

    scan = file.scans.get()
    assert scan.status == "succeeded"
    assert any("cover versions" in text for text in scan.warnings)
