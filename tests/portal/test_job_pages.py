"""The jobs page: waiting, running and failed jobs, their causes, and retries."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db.models import Model
from django.test import Client
from pytest_django import Settings

from accounts.models import User
from accounts.roles import Role
from audit.models import Event
from catalogue.models import Recording, RecordingStatus
from dedup.checks import start_check
from dedup.models import CatalogueCheck, RunStatus
from evidence.models import EvidencePack, PackStatus
from evidence.services import request_pack
from evidence.signing import create_key
from imports import services as imports
from imports.models import CatalogueImport, ImportStatus, ResultImport
from imports.results.kind import RESULTS
from jobs.choices import JobState, Pool
from jobs.listing import LISTED_STATES, count_jobs, find_job, list_jobs
from jobs.models import Job
from jobs.runner import run_next
from jobs.services import submit
from reports.choices import RunState
from reports.layouts import Layout
from reports.models import ReportDelivery, ReportRun
from reports.models.schedule import ReportDeliveryState
from reports.services import request_report
from scanning import callback_processing
from scanning.choices import CallbackOutcome, DeliveryStatus, RetroStatus, ScanStatus
from scanning.jobs import RETRO_SEARCH
from scanning.models import InboundCallback, OutboundCallback, RetroSearch, Scan
from scanning.services.callbacks import receive, replay
from scanning.services.intake import submit_link, submit_upload
from scanning.services.scans import request_scan
from tests.conftest import Catalogue, MakeClient, Worker, upload
from tests.factories.accounts import make_user
from tests.factories.catalogue import BucketFactory, RecordingFactory
from tests.factories.review import make_match
from tests.factories.scanning import ContainerFactory
from tests.jobs.workers import fail_job
from tests.security.world import Desk, report_run, schedule


@pytest.fixture
def viewer(signed_in: MakeClient) -> Client:
    """Return the client of a viewer."""
    return signed_in(Role.VIEWER)


def test_a_scan_is_listed_until_it_is_done(
    catalogue: Catalogue, run_worker: Worker, admin: User, viewer: Client
) -> None:
    file = submit_upload(
        container=catalogue.container,
        upload=upload("broken.mp3", b"x" * 99),
        user=admin,
    ).scanned_file
    assert b"broken.mp3" in viewer.get("/jobs/?state=waiting").content
    assert count_jobs()[JobState.WAITING] == 1

    run_worker()

    assert b"broken.mp3" not in viewer.get("/jobs/?state=waiting").content
    failed = viewer.get("/jobs/?state=failed&kind=scan").content
    assert b"broken.mp3" in failed
    assert b"cannot be read" in failed
    assert b"Try again" not in failed
    assert viewer.get("/jobs/?state=failed&kind=report").content.count(b"broken") == 0

    request_scan(scanned_file=file, user=admin)

    assert b"broken.mp3" not in viewer.get("/jobs/?state=failed").content


def test_a_scan_that_cannot_succeed_is_not_tried_again(
    catalogue: Catalogue, run_worker: Worker, admin: User, signed_in: MakeClient
) -> None:
    file = submit_link(
        container=catalogue.container, url="http://127.0.0.1/a.mp3", user=admin
    )
    run_worker()
    client = signed_in(Role.REVIEWER)

    failed = client.get("/jobs/?state=failed").content.decode()
    job = Job.objects.get(kind="scan")
    told = client.post("/jobs/again/", {"job": job.uid}, follow=True).content.decode()
    page = client.get(f"/files/{file.uid}/").content.decode()

    assert "private or local address" in failed
    assert "Try again" not in failed
    assert "Attach audio" in failed
    assert "trying again cannot help" in told
    assert "Scanning it again cannot help" in page
    assert f"/files/{file.uid}/rescan/" not in page
    assert f"/files/{file.uid}/attach/" in page


def test_the_list_is_empty_where_nothing_happens(db: None, viewer: Client) -> None:
    assert b"No running jobs" in viewer.get("/jobs/").content
    assert b"No running jobs" in viewer.get("/jobs/?state=odd&kind=odd").content
    assert all(list_jobs(state=state) == [] for state in LISTED_STATES)


def _scan(_desk: Desk) -> Scan:
    match = make_match()
    file = match.scanned_file
    file.scans.update(status=ScanStatus.FAILED, message="It broke.")
    return file.scans.get()


def _search(desk: Desk) -> RetroSearch:
    search = desk.retro_search()
    search.status, search.message = RetroStatus.FAILED, "It broke."
    search.save()
    return search


def _delivery(desk: Desk) -> ReportDelivery:
    return ReportDelivery.objects.create(
        schedule=schedule(desk.user),
        run=report_run(desk.user),
        state=ReportDeliveryState.FAILED,
        message="It broke.",
    )


# A failed row of each kind, the least role that may retry it, and its columns
# afterwards.
Given = tuple[Callable[[Desk], Model], Role, dict[str, Any]]  # Any: any column
_GIVEN_UP: dict[str, Given] = {
    "scan": (_scan, Role.REVIEWER, {"status": ScanStatus.FAILED}),
    "recording": (
        lambda _desk: RecordingFactory.create(
            status=RecordingStatus.ERROR, status_message="It broke.", audio="a"
        ),
        Role.MANAGER,
        {"status": RecordingStatus.WAITING},
    ),
    "retro_search": (_search, Role.MANAGER, {"status": RetroStatus.QUEUED}),
    "catalogue_check": (
        lambda _desk: CatalogueCheck.objects.create(
            status=RunStatus.FAILED, message="It broke."
        ),
        Role.MANAGER,
        {"status": RunStatus.WAITING},
    ),
    "report": (
        lambda desk: ReportRun.objects.create(
            name="R", run_by=desk.user, state=RunState.FAILED, message="It broke."
        ),
        Role.REVIEWER,
        {"state": RunState.QUEUED},
    ),
    "evidence": (
        lambda desk: EvidencePack.objects.create(
            match=desk.match, status=PackStatus.FAILED, message="It broke."
        ),
        Role.REVIEWER,
        {"status": PackStatus.QUEUED},
    ),
    "catalogue_import": (
        lambda desk: CatalogueImport.objects.create(
            bucket=desk.bucket,
            status=ImportStatus.REFUSED,
            message="It broke.",
            summary={"rows": 3},
        ),
        Role.MANAGER,
        {"status": ImportStatus.IMPORTING},
    ),
    "result_import_check": (
        lambda desk: ResultImport.objects.create(
            container=desk.container,
            status=ImportStatus.REFUSED,
            message="It broke.",
        ),
        Role.REVIEWER,
        {"status": ImportStatus.CHECKING},
    ),
    "callback_sent": (
        lambda desk: OutboundCallback.objects.create(
            container=desk.container,
            scanned_file=desk.file,
            status=DeliveryStatus.FAILED,
        ),
        Role.ADMIN,
        {"status": DeliveryStatus.WAITING},
    ),
    "callback_received": (
        lambda desk: InboundCallback.objects.create(
            container=desk.container,
            outcome=CallbackOutcome.FAILED,
            message="It broke.",
        ),
        Role.ADMIN,
        {"outcome": CallbackOutcome.QUEUED},
    ),
    "dispatch": (_delivery, Role.ADMIN, {"state": ReportDeliveryState.WAITING}),
}


@pytest.mark.parametrize("kind", _GIVEN_UP)
def test_what_was_given_up_is_tried_again_by_who_may(
    kind: str, db: None, viewer: Client
) -> None:
    make, role, then = _GIVEN_UP[kind]
    row = make(Desk(1))
    fail_job(kind, row)
    (job,) = list_jobs(state=JobState.FAILED, kind=kind)
    assert job.subject == row
    assert job.why == "It broke."

    assert viewer.post("/jobs/again/", {"job": job.row.uid}).status_code == 403
    weaker = [one for one in Role if list(Role).index(one) < list(Role).index(role)]
    for one in weaker[1:]:
        _post(one, job.row.uid)
        assert find_job(job.row.uid, [JobState.FAILED]) is not None
    events = Event.objects.count()

    response = _post(role, job.row.uid)

    assert "1 job was queued again." in response
    row.refresh_from_db()
    assert {name: getattr(row, name) for name in then} == then
    assert find_job(job.row.uid, [JobState.FAILED]) is None
    assert Event.objects.count() > events


def _waiting_file(_desk: Desk) -> Scan:
    container = ContainerFactory.create()
    container.buckets.add(BucketFactory.create())
    file = submit_upload(
        container=container,
        upload=upload("talk.wav", b"x" * 99),
        user=make_user(Role.MANAGER),
    ).scanned_file
    return file.scans.get()


def _waiting_results(desk: Desk) -> ResultImport:
    file = SimpleUploadedFile("dump.json", b'{"data": []}')
    return imports.keep_upload(
        RESULTS, container=desk.container, file=file, user=make_user(Role.MANAGER)
    )


def _waiting_pack(desk: Desk) -> EvidencePack:
    create_key()
    return request_pack(match=desk.match, user=make_user(Role.MANAGER))


_OPEN: dict[str, tuple[Callable[[Desk], Model], Role, dict[str, object]]] = {
    "scan": (_waiting_file, Role.REVIEWER, {"status": ScanStatus.CANCELLED}),
    "catalogue_check": (
        lambda _desk: start_check(user=make_user(Role.MANAGER)),
        Role.MANAGER,
        {"status": RunStatus.CANCELLED},
    ),
    "report": (
        lambda _desk: request_report(layout=Layout(), user=make_user(Role.MANAGER)),
        Role.REVIEWER,
        {"state": RunState.CANCELLED},
    ),
    "evidence": (
        _waiting_pack,
        Role.REVIEWER,
        {"status": PackStatus.CANCELLED},
    ),
    "result_import_check": (
        _waiting_results,
        Role.REVIEWER,
        {"status": ImportStatus.REFUSED, "message": "It was cancelled."},
    ),
}


@pytest.mark.parametrize("kind", _OPEN)
def test_an_open_job_is_cancelled_by_who_may(
    kind: str, db: None, viewer: Client, run_worker: Worker
) -> None:
    make, role, then = _OPEN[kind]
    row = make(Desk(1))
    (job,) = list_jobs(state=JobState.WAITING, kind=kind)
    assert job.subject == row
    shown = b"Cancel<span"
    assert shown not in viewer.get(f"/jobs/?state=waiting&kind={kind}").content
    assert viewer.post("/jobs/cancel/", {"job": job.row.uid}).status_code == 403
    events = Event.objects.count()

    answer = _post(role, job.row.uid, "cancel")

    assert "was cancelled" in answer
    row.refresh_from_db()
    assert {name: getattr(row, name) for name in then} == then
    assert Event.objects.count() > events
    run_worker()
    row.refresh_from_db()
    assert {name: getattr(row, name) for name in then} == then
    assert "The job has ended" in _post(role, job.row.uid, "cancel")


def test_a_limited_person_cancels_nothing_elsewhere(db: None) -> None:
    desk, other = Desk(1), Desk(2)
    pack = _waiting_pack(other)
    client = Client()
    client.force_login(desk.user)

    job = Job.objects.get(kind="evidence", subject=pack.pk)

    client.post("/jobs/cancel/", {"job": job.uid})

    pack.refresh_from_db()
    assert pack.status == PackStatus.QUEUED


@pytest.mark.parametrize("kind", ["catalogue_check", "retro_search"])
def test_a_limited_person_does_not_cancel_what_reaches_further(
    kind: str, db: None
) -> None:
    manager = make_user(Role.MANAGER)
    desk, other = Desk(1), Desk(2)
    if kind == "catalogue_check":
        row: CatalogueCheck | RetroSearch = start_check(user=manager)
    else:
        row = RetroSearch.objects.create(status=RetroStatus.QUEUED)
        row.recordings.add(other.recording)
        submit(RETRO_SEARCH, row)
    client = Client()
    client.force_login(desk.user)

    job = Job.objects.get(kind=kind, subject=row.pk)

    client.post("/jobs/cancel/", {"job": job.uid})

    assert list(Job.objects.values_list("state", flat=True)) == ["waiting"]


def _post(role: Role, key: str, verb: str = "again") -> str:
    client = Client()
    client.force_login(make_user(role))
    answer = client.post(f"/jobs/{verb}/", {"job": key, "kind": "odd"}, follow=True)
    return answer.content.decode()


@pytest.mark.parametrize("key", ["", "scan", "j" * 99, "\0"])
def test_a_job_that_is_not_there_is_said_to_be_gone(key: str, db: None) -> None:
    assert "changed in the meantime" in _post(Role.ADMIN, key)


def test_a_limited_person_neither_sees_nor_touches_what_is_elsewhere(db: None) -> None:
    desk, other = Desk(1), Desk(2)
    pack = EvidencePack.objects.create(match=other.match, status=PackStatus.FAILED)
    job = fail_job("evidence", pack)
    client = Client()
    client.force_login(desk.user)

    page = client.get("/jobs/?state=failed")
    assert page.context["jobs"] == []
    assert page.context["states"][JobState.FAILED] == 0
    client.post("/jobs/again/", {"job": job.uid})

    pack.refresh_from_db()
    assert pack.status == PackStatus.FAILED


def test_all_that_the_page_shows_is_tried_again_at_once(db: None) -> None:
    for number in range(3):
        recording = RecordingFactory.create(
            title=f"R {number}", status=RecordingStatus.ERROR, audio="a"
        )
        fail_job("recording", recording)
    client = Client()
    client.force_login(make_user(Role.MANAGER))
    page = client.get("/jobs/?state=failed&kind=recording")
    assert b"Try all 3 again" in page.content

    client.post("/jobs/again/", {"job": page.context["again"], "kind": "recording"})

    assert Recording.objects.filter(status=RecordingStatus.WAITING).count() == 3


def test_a_callback_that_cannot_be_applied_is_given_up_with_the_reason(
    db: None, monkeypatch: pytest.MonkeyPatch, settings: Settings
) -> None:
    def broken(_callback: InboundCallback) -> None:
        raise ValueError("odd body")

    monkeypatch.setattr(callback_processing, "let_burst_pass", broken)
    container = Desk(1).container
    kept = receive(container=container, body=b'{"file_id": "a", "state": 1}').callback
    told = []
    for _ in range(settings.ACRPORTAL_MAX_ATTEMPTS):
        assert run_next(Pool.WORK) is not None
        assert run_next(Pool.WORK) is None  # the job waits for its next attempt
        kept.refresh_from_db()
        told.append((kept.outcome, kept.processed_at is None, kept.message))
        Job.objects.update(run_after=kept.received_at)

    *waiting, given_up = told
    assert {outcome for outcome, _open, _why in waiting} == {CallbackOutcome.QUEUED}
    assert given_up[:2] == (CallbackOutcome.FAILED, False)
    assert all("ValueError: odd body" in why for _outcome, _open, why in told)

    monkeypatch.undo()
    replay(callback=kept)
    run_next(Pool.WORK)

    kept.refresh_from_db()
    assert kept.outcome == CallbackOutcome.ORPHAN
