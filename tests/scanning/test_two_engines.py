"""Two engines on one file: both at once, or the cloud as a fallback."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.db import connection, transaction
from django.test import Client

from base.accounts.models import AccessLimit, User
from base.accounts.roles import Role
from catalogue.models import RecordingStatus
from reports.rows import match_columns
from review.choices import MatchState, QueueReason
from review.models import Match
from scanning import ending
from scanning.choices import EngineChoice, FileStatus, ScanStatus
from scanning.cloud_jobs import make_called_back_scan
from scanning.errors import ScanFailed
from scanning.models import Container, Scan, ScannedFile
from scanning.services.intake import submit_upload
from scanning.services.scans import request_scan
from tests import audio
from tests.factories.accounts import make_user
from tests.factories.catalogue import BucketFactory
from tests.fixtures import Catalogue, MakeClient, Worker, submit_sound, upload
from tests.scanning.vendor import MUSIC, Vendor, check_due, remote_file, send_due
from web.portal.files.page import compare

ISRC = "ZZX012600001"


def _music(title: str, *, isrc: str, offset: int = 0) -> dict[str, Any]:  # Any: JSON
    result = {
        "title": title,
        "acrid": "b" * 32,
        "duration_ms": 30_000,
        "external_ids": {"isrc": isrc},
    }
    item = {"offset": offset, "played_duration": 10, "score": 77, "result": result}
    return {"music": [item]}


@pytest.fixture
def container(vendor: Vendor, catalogue: Catalogue) -> Container:
    """Return a container with both engines; our first tune has an ISRC."""
    catalogue.first.isrc = catalogue.first.isrc_normalised = ISRC
    catalogue.first.save()
    vendor.container.engine = EngineChoice.BOTH
    vendor.container.save()
    vendor.container.buckets.add(catalogue.bucket)
    return vendor.container


def _submit(container: Container, user: User, seed: int, *, seconds: float = 12) -> ScannedFile:
    return submit_sound(container, audio.tune(seed, seconds), user)


def _finish(vendor: Vendor, run_worker: Worker, state: int, results: object) -> None:
    vendor.file = remote_file(state, results)
    run_worker()
    send_due()
    check_due()


def _reasons(file: ScannedFile) -> list[tuple[str, str]]:
    rows = file.matches.order_by("pk").values_list("scan__engine", "queue_reason")
    return list(rows)


def _status(file: ScannedFile) -> str:
    file.refresh_from_db()
    return file.status


@pytest.mark.skipif(
    not connection.features.has_select_for_update,
    reason="with one writer at a time no two end at once",
)
def test_two_scans_that_end_at_once_settle_their_file(container: Container, admin: User) -> None:
    file = _submit(container, admin, seed=1)
    file.scans.update(status=ScanStatus.RUNNING)
    first, second = file.scans.all()

    def end(scan: Scan) -> None:
        ending.store_failure(scan=scan, failure=ScanFailed("x", "Odd."))

    def end_beside() -> None:
        end(second)
        connection.close()

    beside = threading.Thread(target=end_beside)
    with transaction.atomic():
        end(first)
        beside.start()
        beside.join(1.0)
    beside.join()

    assert _status(file) == FileStatus.ERROR


def test_recording_found_by_both_is_one_match_with_the_embedded_score(
    vendor: Vendor,
    container: Container,
    catalogue: Catalogue,
    admin: User,
    run_worker: Worker,
    signed_in: MakeClient,
) -> None:
    file = _submit(container, admin, seed=1)

    _finish(vendor, run_worker, 1, _music("First, says the cloud", isrc=ISRC))

    match = Match.objects.get()
    assert _status(file) == FileStatus.READY
    assert match.recording == catalogue.first
    assert match.scan.engine == EngineChoice.EMBEDDED
    assert match.score_scale.startswith("0-100:embedded")
    assert match.second_scan is not None
    assert match.second_scan.engine == EngineChoice.ACRCLOUD
    assert not match.found_late
    assert match.queue_reason != QueueReason.ENGINES_DISAGREE

    # Reports name both engines.
    answer = signed_in(Role.MANAGER).post("/matches/export/")
    text = b"".join(answer).decode("utf-8-sig")
    header, row = (line.split(",") for line in text.splitlines()[:2])
    assert "engine" in {column.name for column in match_columns()}
    assert row[header.index("engine")] == "embedded|acrcloud"

    # A rescan by both keeps one match and its decision.
    Match.objects.update(state=MatchState.CONFIRMED)
    request_scan(scanned_file=file, user=admin)
    vendor.file = remote_file(0)
    _finish(vendor, run_worker, 1, _music("First", isrc=ISRC))
    live = Match.objects.get()
    assert live.state == MatchState.CONFIRMED
    assert live.second_scan is not None
    assert not live.lost


def test_cancelling_a_file_stops_both_engines_and_hides_nothing_of_others(
    container: Container, admin: User, run_worker: Worker, signed_in: MakeClient
) -> None:
    addresses = ("/files/{uid}/cancel/", "/api/portal/v1/files/{uid}/cancel/")
    for seconds, address in enumerate(addresses, start=10):
        file = _submit(container, admin, seed=1, seconds=seconds)
        signed_in(Role.REVIEWER).post(address.format(uid=file.uid))
        run_worker()
        assert _status(file) == FileStatus.CANCELLED, address
        assert {scan.status for scan in file.scans.all()} == {ScanStatus.CANCELLED}

    file = _submit(container, admin, seed=1)
    run_worker()
    desk = Group.objects.create(name="Desk")
    AccessLimit.objects.create(group=desk, buckets=[BucketFactory.create().pk])
    user = make_user(Role.REVIEWER)
    user.groups.add(desk)
    client = Client()
    client.force_login(user)

    client.post(f"/files/{file.uid}/cancel/")

    assert _status(file) == FileStatus.READY


def test_what_only_the_cloud_knows_is_a_match_beside(
    vendor: Vendor, container: Container, admin: User, run_worker: Worker
) -> None:
    file = _submit(container, admin, seed=1)
    unreadable = submit_upload(
        container=container, upload=upload("odd.xyz", b"no audio" * 100), user=admin
    ).scanned_file

    _finish(vendor, run_worker, 1, MUSIC)

    first, second = file.matches.order_by("pk")
    assert [first.scan.engine, second.scan.engine] == ["embedded", "acrcloud"]
    assert second.recording.status == RecordingStatus.STUB
    assert (first.lost, second.lost) == (False, False)
    comparison = compare(file)
    assert comparison is not None
    assert comparison.agreed == 0
    assert {difference.kind for difference in comparison.differences} >= {"rival"}

    # It counts where the embedded engine cannot read the file.
    assert _status(unreadable) == FileStatus.READY
    assert "cannot be read" in unreadable.message
    assert unreadable.matches.get().recording.title == "Song"


def test_cloud_result_that_comes_first_waits_for_the_embedded_engine(
    vendor: Vendor, container: Container, admin: User, run_worker: Worker
) -> None:
    # First, because the scripted cloud gives all files one id, which the first one keeps.
    called_back = _submit(container, admin, seed=1, seconds=13)
    file = _submit(container, admin, seed=1)
    unreadable = submit_upload(
        container=container, upload=upload("odd.xyz", b"no audio" * 100), user=admin
    ).scanned_file
    vendor.file = remote_file(1, _music("First", isrc=ISRC))
    send_due()
    check_due()
    early = (Match.objects.count(), _status(file))
    called_back.refresh_from_db()
    make_called_back_scan(scanned_file=called_back)

    run_worker()

    match = file.matches.get()
    assert early == (0, FileStatus.PROCESSING)
    assert match.scan.engine == EngineChoice.EMBEDDED
    assert match.second_scan is not None
    assert _status(file) == FileStatus.READY
    assert _status(unreadable) == FileStatus.READY
    assert unreadable.matches.get().scan.engine == EngineChoice.ACRCLOUD

    # A callback that brings nothing new is not waited for.
    before = _status(called_back)
    check_due()
    assert before == _status(called_back) == FileStatus.READY
    assert called_back.scans.filter(status=ScanStatus.CANCELLED).count() == 1
    assert called_back.matches.get().second_scan is not None


def test_fault_of_the_cloud_hides_no_match_and_is_never_read_as_no_match(
    vendor: Vendor, container: Container, admin: User, run_worker: Worker
) -> None:
    matched, unmatched = (_submit(container, admin, seed=seed) for seed in (1, 9))

    _finish(vendor, run_worker, -3, None)

    assert _status(matched) == FileStatus.READY
    assert "ACRCloud could not scan" in matched.message
    assert _status(unmatched) == FileStatus.ERROR
    assert unmatched.error_code == "acrcloud_error"


def test_cloud_is_asked_only_for_files_without_a_match(
    vendor: Vendor, container: Container, admin: User, run_worker: Worker
) -> None:
    container.engine = EngineChoice.EMBEDDED_THEN_ACRCLOUD
    container.save()
    matched, unmatched = (_submit(container, admin, seed=seed) for seed in (1, 9))

    _finish(vendor, run_worker, 1, MUSIC)

    assert matched.scans.count() == 1
    assert [scan.engine for scan in unmatched.scans.order_by("pk")] == ["embedded", "acrcloud"]
    assert vendor.sends() == 1
    assert _status(unmatched) == FileStatus.READY
    assert Match.objects.get(scanned_file=unmatched).recording.title == "Song"


def test_stub_gives_way_to_our_recording_once_that_has_its_code(
    vendor: Vendor, container: Container, catalogue: Catalogue, admin: User, run_worker: Worker
) -> None:
    container.engine = EngineChoice.ACRCLOUD
    container.save()
    catalogue.first.isrc = catalogue.first.isrc_normalised = ""
    catalogue.first.save()
    file = _submit(container, admin, seed=1)
    _finish(vendor, run_worker, 1, _music("First", isrc=ISRC))
    stub = Match.objects.get()
    catalogue.first.isrc_normalised = ISRC
    catalogue.first.save()

    request_scan(scanned_file=file, user=admin)
    _finish(vendor, run_worker, 1, _music("First", isrc=ISRC))

    match = Match.objects.get()
    assert (match.uid, match.recording) == (stub.uid, catalogue.first)


def test_container_without_an_account_cannot_use_two_engines(
    catalogue: Catalogue, signed_in: MakeClient
) -> None:
    page = signed_in(Role.ADMIN).post(
        f"/containers/{catalogue.container.pk}/",
        {
            "name": "Test container",
            "engine": "both",
            "audio_type": "linein",
            "edited_music": "widely",
            "score_floor": "50",
            "buckets": [catalogue.bucket.pk],
        },
    )

    catalogue.container.refresh_from_db()
    assert "connect this container" in page.content.decode()
    assert catalogue.container.engine == EngineChoice.EMBEDDED


def test_other_recording_at_the_same_place_is_a_disagreement_of_both_matches(
    vendor: Vendor, container: Container, admin: User, run_worker: Worker, signed_in: MakeClient
) -> None:
    file = _submit(container, admin, seed=1)
    decided = _submit(container, admin, seed=1, seconds=13)
    run_worker()
    decided.matches.update(state=MatchState.CONFIRMED)

    _finish(vendor, run_worker, 1, _music("Another song", isrc="ZZX012600009"))

    assert _reasons(file) == [
        ("embedded", QueueReason.ENGINES_DISAGREE),
        ("acrcloud", QueueReason.ENGINES_DISAGREE),
    ]
    client = signed_in(Role.REVIEWER)
    page = client.get(f"/files/{file.uid}/").content.decode()
    review = client.get(file.matches.order_by("pk")[0].review_url).content.decode()
    assert "the other engine hears Another song here." in page
    assert "Engines disagree" in review
    assert "ACRCloud disagree about" in review

    # What somebody decided stays as it is.
    first = decided.matches.order_by("pk")[0]
    assert first.state == MatchState.CONFIRMED
    assert first.queue_reason != QueueReason.ENGINES_DISAGREE


def test_other_times_and_a_missed_recording_of_ours_are_disagreements(
    vendor: Vendor, container: Container, admin: User, run_worker: Worker, signed_in: MakeClient
) -> None:
    file, missed = (_submit(container, admin, seed=seed) for seed in (1, 9))

    _finish(vendor, run_worker, 1, _music("First", isrc=ISRC, offset=30))

    assert _reasons(file) == [("embedded", QueueReason.ENGINES_DISAGREE)]
    assert _reasons(missed) == [("acrcloud", QueueReason.ENGINES_DISAGREE)]
    page = signed_in(Role.VIEWER).get(f"/files/{file.uid}/").content.decode()
    assert "both found it, but ACRCloud at these times" in page
    assert file.scans.filter(status=ScanStatus.SUCCEEDED).count() == 2


def test_what_one_engine_could_not_know_is_no_disagreement(
    vendor: Vendor, container: Container, admin: User, run_worker: Worker
) -> None:
    elsewhere = _music("Elsewhere", isrc="ZZX012600009", offset=200)
    answers: list[tuple[int, object]] = [(-1, {}), (1, elsewhere)]
    for seconds, (state, answer) in enumerate(answers, start=12):
        file = _submit(container, admin, seed=1, seconds=seconds)

        _finish(vendor, run_worker, state, answer)

        reasons = {reason for _, reason in _reasons(file)}
        assert reasons, state
        assert QueueReason.ENGINES_DISAGREE not in reasons, state
