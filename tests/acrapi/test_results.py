"""A file's results contain both engines' detections, without excluded ones."""

from __future__ import annotations

from decimal import Decimal

import pytest
from django.contrib.auth.models import Group

from base.accounts.models import AccessLimit
from base.accounts.roles import Role
from catalogue.models import Exclusion
from recognition.speech_track import SpeechTrack
from scanning.choices import EngineChoice, Section
from scanning.models import Detection, Scan, ScannedFile, Segment
from tests.acrapi.conftest import MakeApi
from tests.factories import deciding
from tests.factories.accounts import make_user
from tests.factories.catalogue import BucketFactory
from tests.factories.review import make_match
from tests.factories.scanning import ScanFactory, judge_scan, make_detection
from web.acrapi.results import music_speech, results_of

pytestmark = pytest.mark.django_db


def _intervals(file: ScannedFile, section: str = "custom_files") -> list[tuple[int, int]]:
    results = results_of([file])[file.pk] or {}
    return [
        (item["result"]["sample_begin_time_offset_ms"], item["result"]["sample_end_time_offset_ms"])
        for item in results.get(section, [])
    ]


def _exclude(detection: Detection, start_ms: int, end_ms: int) -> None:
    Exclusion.objects.create(
        recording=detection.recording, start_ms=start_ms, end_ms=end_ms, approved=True
    )


def _second_scan(first: Scan, engine: EngineChoice) -> Scan:
    return ScanFactory.create(scanned_file=first.scanned_file, engine=engine)


def test_excluded_interval_is_cut_out_of_a_play() -> None:
    detection = make_detection((10_000, 30_000, 0, 20_000))
    file = detection.scan.scanned_file

    _exclude(detection, 5_000, 10_000)
    assert _intervals(file) == [(10_000, 15_000), (20_000, 30_000)]

    _exclude(detection, 0, 20_000)
    assert results_of([file]) == {file.pk: None}


def test_file_scanned_by_both_engines_tells_what_each_found() -> None:
    own = make_detection((10_000, 30_000, 0, 20_000))
    file = own.scan.scanned_file
    file.container.engine = EngineChoice.BOTH
    file.container.save()
    cloud = _second_scan(own.scan, EngineChoice.ACRCLOUD)
    make_detection((40_000, 50_000, 0, 10_000), scan=cloud, section=Section.MUSIC)
    make_detection(
        (10_500, 30_000, 0, 19_500),
        scan=cloud,
        recording=own.recording,
        section=Section.MUSIC,
        score=Decimal(99),
    )

    assert _intervals(file) == [(10_000, 30_000)]
    assert _intervals(file, "music") == [(40_000, 50_000)]


def test_results_are_of_the_buckets_that_the_tokens_owner_may_see(make_api: MakeApi) -> None:
    detection = make_detection((10_000, 30_000, 0, 20_000))
    file = detection.scan.scanned_file
    api = make_api(Role.REVIEWER)
    desk = Group.objects.create(name="Desk")
    AccessLimit.objects.create(group=desk, buckets=[BucketFactory.create().pk])
    api.owner.groups.add(desk)

    [body] = api.get(f"/api/fs-containers/{file.container_id}/files/{file.uid}").data["data"]

    assert (body["state"], body["results"]) == (1, None)


def test_rescan_takes_the_place_of_the_scan_before() -> None:
    old = make_detection((10_000, 30_000, 0, 20_000))
    again = _second_scan(old.scan, EngineChoice.EMBEDDED)
    make_detection((11_000, 31_000, 0, 20_000), scan=again, recording=old.recording)

    assert _intervals(old.scan.scanned_file) == [(11_000, 31_000)]


def test_rejected_match_is_left_out_where_the_container_says_so() -> None:
    scan = ScanFactory.create()
    rejected = make_match((10_000, 30_000, 0, 20_000), scan=scan)
    make_match((40_000, 60_000, 0, 20_000), scan=scan)
    deciding.reject(match=rejected, user=make_user(Role.MANAGER), version=1, reason="noise")

    for hides, intervals in (
        (True, [(40_000, 60_000)]),
        (False, [(10_000, 30_000), (40_000, 60_000)]),
    ):
        scan.scanned_file.container.hide_rejected = hides
        scan.scanned_file.container.save()
        assert _intervals(scan.scanned_file) == intervals


def test_music_and_speech_are_told_where_the_container_asks() -> None:
    detection = make_detection((10_000, 30_000, 0, 20_000))
    make_detection((30_000, 40_000, 0, 10_000), scan=detection.scan, speech=(0.8, 0.9))
    file = detection.scan.scanned_file
    ScannedFile.objects.filter(pk=file.pk).update(length_ms=50_000)
    file.refresh_from_db()
    judge_scan(detection.scan, (10, "speech"), (20, "other"), (10, "both"), (10, "other"))

    assert "music_speech" not in (results_of([file])[file.pk] or {})
    file.container.music_detection = True

    assert (results_of([file])[file.pk] or {})["music_speech"] == [
        {"start": 0, "end": 10, "label": "s"},
        {"start": 10, "end": 30, "label": "m"},
        {"start": 30, "end": 40, "label": "ms"},
        {"start": 40, "end": 50, "label": "o"},
    ]


def test_matches_below_the_floor_are_not_called_music() -> None:
    detection = make_detection((10_000, 30_000, 0, 20_000), score=Decimal(60))
    file = detection.scan.scanned_file
    file.container.music_detection = True
    judge_scan(detection.scan, (600, "other"))

    assert len((results_of([file])[file.pk] or {})["music_speech"]) == 3
    file.container.score_floor = Decimal(70)
    assert results_of([file])[file.pk] == {"music_speech": [{"start": 0, "end": 600, "label": "o"}]}


def test_what_a_late_scan_found_is_music_within_earlier_speech() -> None:
    late = [Segment(start_ms=4_000, end_ms=6_000), Segment(start_ms=5_000, end_ms=8_000)]
    spoken = SpeechTrack(b"\xf0" * 20)

    assert music_speech(spoken, 10_000, late) == [
        {"start": 0, "end": 4, "label": "s"},
        {"start": 4, "end": 8, "label": "ms"},
        {"start": 8, "end": 10, "label": "s"},
    ]
    assert not music_speech(SpeechTrack(), 10_000, late)
