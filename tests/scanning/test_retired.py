"""Recordings that somebody retires while files are scanned get no new matches."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import numpy as np
import pytest

from base.accounts.models import User
from base.audit.models import Event
from catalogue.changes import delete_bucket, retire_recordings
from catalogue.models import Recording
from recognition.search import match as engine
from review.choices import MatchState
from review.models import Match
from scanning import results, retro_pipeline
from scanning.choices import EngineChoice, FileStatus, NoMatchReason, RetroStatus
from scanning.engines.base import FoundRecording
from scanning.models import Container, RetroSearch, ScannedFile
from scanning.services import retro
from scanning.services.scans import request_scan
from tests import audio
from tests.factories.catalogue import RecordingFactory
from tests.fixtures import Catalogue, Worker, add_tune, submit_sound
from tests.scanning.callbacks import cloud_container, post, sample, waiting_file
from tests.scanning.vendor import Vendor, check_due, remote_file, send_due

ACR_ID = "5343bc191634b042622bf474ed46121a"

Meanwhile = Callable[[Callable[[], object]], None]


@pytest.fixture
def meanwhile(monkeypatch: pytest.MonkeyPatch) -> Meanwhile:
    """Return a function that lets something happen once a file has been searched."""

    def after_the_search(happens: Callable[[], object]) -> None:
        events = [happens]

        def searched(search: Callable[..., Any]) -> Callable[..., Any]:
            def and_then(*args: Any, **options: Any) -> Any:
                result = search(*args, **options)
                while events:
                    events.pop()()
                return result

            return and_then

        for module, name in ((engine, "scan"), (retro_pipeline, "search_back")):
            monkeypatch.setattr(module, name, searched(getattr(module, name)))

    return after_the_search


def submit(container: Container, user: User, *seeds: int) -> ScannedFile:
    sounds = [audio.tune(seed, 12) for seed in seeds]
    return submit_sound(container, np.concatenate(sounds), user)


def retire(recording: Recording) -> None:
    retire_recordings(recordings=[recording], user=None)


def test_a_scan_finds_nothing_that_is_retired_while_it_runs(
    catalogue: Catalogue, admin: User, run_worker: Worker, meanwhile: Meanwhile
) -> None:
    ways: dict[int, Callable[[], object]] = {
        1: lambda: retire(catalogue.first),
        2: lambda: delete_bucket(bucket=catalogue.bucket, user=None),
    }
    for seed, way in ways.items():
        file = submit(catalogue.container, admin, seed)
        meanwhile(way)

        run_worker()

        file.refresh_from_db()
        scan = file.scans.get()
        assert not Match.objects.exists()
        assert file.status == FileStatus.NO_MATCH
        assert scan.no_match_reason
        # As a scan after the retirement describes it.
        assert [unmatched["kind"] for unmatched in scan.unmatched] == ["no_match"]


def test_a_rescan_during_which_a_recording_is_retired_keeps_its_match_as_lost(
    catalogue: Catalogue, admin: User, run_worker: Worker, meanwhile: Meanwhile
) -> None:
    file = submit(catalogue.container, admin, 1, 2)
    run_worker()
    request_scan(scanned_file=file, user=admin)
    meanwhile(lambda: retire(catalogue.first))

    run_worker()

    first, second = catalogue.first.matches.get(), catalogue.second.matches.latest("pk")
    assert (first.state, first.lost) == (MatchState.PENDING, True)
    assert second.scan == file.scans.latest("pk")


def test_a_search_of_earlier_files_finds_nothing_that_is_retired_meanwhile(
    catalogue: Catalogue, admin: User, run_worker: Worker, meanwhile: Meanwhile
) -> None:
    file = submit(catalogue.container, admin, 3)
    run_worker()
    late = add_tune(catalogue.bucket, 3, 15, title="Late")
    run_worker()
    late.refresh_from_db()
    (search,) = retro.request_search(recordings=[late], user=admin)
    meanwhile(lambda: retire(late))

    run_worker()

    search.refresh_from_db()
    assert (search.status, search.found) == (RetroStatus.DONE, 0)
    assert not Match.objects.exists()
    file.refresh_from_db()
    assert file.status == FileStatus.NO_MATCH


def test_acrcloud_finds_what_took_the_place_of_a_retired_recording(
    transactional_db: None, admin: User, run_worker: Worker
) -> None:
    container = cloud_container()
    retired = RecordingFactory.create(acr_id=ACR_ID)
    retire(retired)

    def called_back(number: int, isrc: str = "") -> ScannedFile:
        file = waiting_file(container, admin, bytes([number]))
        body = sample("callback.custom.json") | {"file_id": str(file.uid)}
        for item in body["results"]["custom_files"] if isrc else []:
            item["result"]["external_ids"] = {"isrc": isrc}
        post(container, body)
        run_worker()
        file.refresh_from_db()
        return file

    nothing = called_back(1)
    assert not Match.objects.exists()
    assert nothing.status == FileStatus.NO_MATCH
    assert nothing.scans.get().no_match_reason == NoMatchReason.CLEAN_SCAN

    isrc = "ZZX012600001"
    now = RecordingFactory.create(isrc=isrc, isrc_normalised=isrc)
    assert called_back(2, isrc).matches.get().recording == now

    # A merged recording still counts.
    stays = RecordingFactory.create()
    Recording.objects.filter(pk=retired.pk).update(merged_into=stays)
    assert called_back(3).matches.get().recording == retired


def test_a_result_of_acrcloud_that_waits_for_the_other_engine_is_looked_at_again(
    vendor: Vendor, catalogue: Catalogue, admin: User, run_worker: Worker
) -> None:
    vendor.container.engine = EngineChoice.BOTH
    vendor.container.save()
    own = RecordingFactory.create(acr_id="a" * 32)
    file = submit(vendor.container, admin, 1)
    result = {"title": "Song", "acrid": own.acr_id, "duration_ms": 60_000}
    item = {"offset": 5, "played_duration": 5, "score": 90, "result": result}
    vendor.file = remote_file(1, {"custom_files": [item]})
    send_due()
    check_due()
    retire(own)

    run_worker()

    assert not Match.objects.exists()
    assert not Event.objects.filter(action="found").exists()
    file.refresh_from_db()
    assert file.status == FileStatus.NO_MATCH


def test_a_file_stays_ready_if_its_only_recording_is_retired_after_the_scan(
    catalogue: Catalogue, admin: User, run_worker: Worker
) -> None:
    file = submit(catalogue.container, admin, 1)
    run_worker()
    retire(catalogue.first)
    search = RetroSearch.objects.create()
    low = FoundRecording(catalogue.second.pk, Decimal(1), "0-100:embedded/1", ())
    Container.objects.update(score_floor=20)

    results.store_late_finds(scanned_file=file, search=search, recordings=[low])

    file.refresh_from_db()
    assert file.status == FileStatus.READY
    assert Match.objects.get().recording == catalogue.first
