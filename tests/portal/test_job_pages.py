"""The jobs page: waiting, running and failed jobs, their causes, and retries."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db.models import Model
from django.test import Client
from pytest_django import Settings

from base.accounts.models import User
from base.accounts.roles import Role
from base.audit.models import Event
from base.jobs.choices import JobState, Pool
from base.jobs.listing import LISTED_STATES, count_jobs, find_job, list_jobs
from base.jobs.models import Job
from base.jobs.runner import run_next
from base.jobs.services import submit
from catalogue.models import Recording, RecordingStatus
from dedup.checks import start_check
from dedup.models import CatalogueCheck, RunStatus
from imports import services as imports
from imports.models import CatalogueImport, ImportStatus, ResultImport
from imports.results.kind import RESULTS
from reports.choices import RunState
from reports.evidence.models import EvidencePack, PackStatus
from reports.evidence.services import request_pack
from reports.evidence.signing import create_key
from reports.layouts import Layout
from reports.models import ReportDelivery, ReportRun
from reports.models.schedule import ReportDeliveryState
from reports.services import request_report
from scanning import callback_processing
from scanning.choices import CallbackOutcome, DeliveryStatus, RetroStatus, ScanStatus
from scanning.jobs import RETRO_SEARCH
from scanning.models import InboundCallback, OutboundCallback, RetroSearch
from scanning.services.callbacks import receive, replay
from scanning.services.intake import submit_link, submit_upload
from scanning.services.scans import request_scan
from tests.factories.accounts import make_user
from tests.factories.catalogue import BucketFactory, RecordingFactory
from tests.factories.review import make_match
from tests.factories.scanning import ContainerFactory
from tests.fixtures import MakeClient, Worker, upload
from tests.jobs.workers import fail_job
from tests.security.world import Desk, report_run, schedule


@pytest.fixture
def clients(signed_in: MakeClient) -> dict[Role, Client]:
    return {role: signed_in(role) for role in Role}


@pytest.fixture
def viewer(clients: dict[Role, Client]) -> Client:
    return clients[Role.VIEWER]


def test_a_scan_is_listed_until_it_is_done(
    run_worker: Worker, admin: User, clients: dict[Role, Client]
) -> None:
    client = clients[Role.REVIEWER]
    container = ContainerFactory.create()
    container.buckets.add(BucketFactory.create())
    file = submit_upload(
        container=container, upload=upload("broken.mp3", b"x" * 99), user=admin
    ).scanned_file
    link = submit_link(container=container, url="http://127.0.0.1/a.mp3", user=admin)
    assert b"broken.mp3" in client.get("/jobs/?state=waiting").content
    assert count_jobs()[JobState.WAITING] == 2

    run_worker()

    assert b"broken.mp3" not in client.get("/jobs/?state=waiting").content
    failed = client.get("/jobs/?state=failed&kind=scan").content.decode()
    assert "broken.mp3" in failed
    assert "cannot be read" in failed
    assert client.get("/jobs/?state=failed&kind=report").content.count(b"broken") == 0

    # A scan that cannot succeed is not tried again.
    job = Job.objects.get(kind="scan", subject=link.scans.get().pk)
    refused = _post(client, job.uid)
    page = client.get(f"/files/{link.uid}/").content.decode()
    assert "private or local address" in failed
    assert "Try again" not in failed
    assert "Attach audio" in failed
    assert "trying again cannot help" in refused
    assert "Scanning it again cannot help" in page
    assert f"/files/{link.uid}/rescan/" not in page
    assert f"/files/{link.uid}/attach/" in page

    request_scan(scanned_file=file, user=admin)

    assert b"broken.mp3" not in client.get("/jobs/?state=failed").content


def test_the_list_is_empty_where_nothing_happens(db: None, viewer: Client) -> None:
    assert b"No running jobs" in viewer.get("/jobs/").content
    assert b"No running jobs" in viewer.get("/jobs/?state=odd&kind=odd").content
    assert all(list_jobs(state=state) == [] for state in LISTED_STATES)


# Any: the value of any column.
Given = tuple[str, Model, Role, dict[str, Any]]


def _given_up(desk: Desk) -> Iterator[Given]:
    """Yield each kind, a failed row, the least role that may retry it, and its columns then."""
    broke = {"message": "It broke."}
    scan = make_match().scan
    scan.status, scan.message = ScanStatus.FAILED, "It broke."
    scan.save()
    yield "scan", scan, Role.REVIEWER, {"status": ScanStatus.FAILED}
    recording = RecordingFactory.create(
        status=RecordingStatus.ERROR, status_message="It broke.", audio="a"
    )
    waits = {"status": RecordingStatus.WAITING}
    yield "recording", recording, Role.MANAGER, waits
    search = desk.retro_search()
    search.status, search.message = RetroStatus.FAILED, "It broke."
    search.save()
    yield "retro_search", search, Role.MANAGER, {"status": RetroStatus.QUEUED}
    check = CatalogueCheck.objects.create(status=RunStatus.FAILED, **broke)
    yield "catalogue_check", check, Role.MANAGER, {"status": RunStatus.WAITING}
    run = ReportRun.objects.create(name="R", run_by=desk.user, state=RunState.FAILED, **broke)
    yield "report", run, Role.REVIEWER, {"state": RunState.QUEUED}
    pack = EvidencePack.objects.create(match=desk.match, status=PackStatus.FAILED, **broke)
    yield "evidence", pack, Role.REVIEWER, {"status": PackStatus.QUEUED}
    recordings = CatalogueImport.objects.create(
        bucket=desk.bucket, status=ImportStatus.REFUSED, summary={"rows": 3}, **broke
    )
    imports_again = {"status": ImportStatus.IMPORTING}
    yield "catalogue_import", recordings, Role.MANAGER, imports_again
    results = ResultImport.objects.create(
        container=desk.container, status=ImportStatus.REFUSED, **broke
    )
    checks_again = {"status": ImportStatus.CHECKING}
    yield "result_import_check", results, Role.REVIEWER, checks_again
    sent = OutboundCallback.objects.create(
        container=desk.container, scanned_file=desk.file, status=DeliveryStatus.FAILED
    )
    yield "callback_sent", sent, Role.ADMIN, {"status": DeliveryStatus.WAITING}
    received = InboundCallback.objects.create(
        container=desk.container, outcome=CallbackOutcome.FAILED, **broke
    )
    queued = {"outcome": CallbackOutcome.QUEUED}
    yield "callback_received", received, Role.ADMIN, queued
    delivery = ReportDelivery.objects.create(
        schedule=schedule(desk.user),
        run=report_run(desk.user),
        state=ReportDeliveryState.FAILED,
        **broke,
    )
    yield "dispatch", delivery, Role.ADMIN, {"state": ReportDeliveryState.WAITING}


def test_what_was_given_up_is_tried_again_by_who_may(clients: dict[Role, Client]) -> None:
    queued: Counter[Role] = Counter()

    for kind, row, role, then in _given_up(Desk(1)):
        fail_job(kind, row)
        (job,) = list_jobs(state=JobState.FAILED, kind=kind)
        assert job.subject == row
        assert job.why == "It broke."

        again = {"job": job.row.uid}
        for lower in list(Role)[: list(Role).index(role)]:
            answer = clients[lower].post("/jobs/again/", again)
            assert answer.status_code == (403 if lower == Role.VIEWER else 302)
            assert find_job(job.row.uid, [JobState.FAILED]) is not None, (kind, lower)
        events = Event.objects.count()

        clients[role].post("/jobs/again/", again)

        queued[role] += 1
        row.refresh_from_db()
        assert {name: getattr(row, name) for name in then} == then
        assert find_job(job.row.uid, [JobState.FAILED]) is None
        assert Event.objects.count() > events, kind

    for role, count in queued.items():
        page = clients[role].get("/jobs/").content.decode()
        assert page.count("1 job was queued again.") == count, role


def _waiting_pack(desk: Desk) -> EvidencePack:
    create_key()
    return request_pack(match=desk.match, user=make_user(Role.MANAGER))


def _open(desk: Desk) -> Iterator[Given]:
    """Yield each kind, a waiting row, the least role that may cancel it, and its columns then."""
    manager = make_user(Role.MANAGER)
    container = ContainerFactory.create()
    container.buckets.add(BucketFactory.create())
    file = submit_upload(
        container=container, upload=upload("talk.wav", b"x" * 99), user=manager
    ).scanned_file
    yield "scan", file.scans.get(), Role.REVIEWER, {"status": ScanStatus.CANCELLED}
    check = start_check(user=manager)
    yield "catalogue_check", check, Role.MANAGER, {"status": RunStatus.CANCELLED}
    run = request_report(layout=Layout(), user=manager)
    yield "report", run, Role.REVIEWER, {"state": RunState.CANCELLED}
    pack = _waiting_pack(desk)
    yield "evidence", pack, Role.REVIEWER, {"status": PackStatus.CANCELLED}
    results = imports.keep_upload(
        RESULTS,
        container=desk.container,
        file=SimpleUploadedFile("dump.json", b'{"data": []}'),
        user=manager,
    )
    refused = {"status": ImportStatus.REFUSED, "message": "It was cancelled."}
    yield "result_import_check", results, Role.REVIEWER, refused


def test_an_open_job_is_cancelled_by_who_may(
    clients: dict[Role, Client], run_worker: Worker
) -> None:
    viewer, cancelled = clients[Role.VIEWER], []
    by_role: Counter[Role] = Counter()

    for kind, row, role, then in _open(Desk(1)):
        (job,) = list_jobs(state=JobState.WAITING, kind=kind)
        assert job.subject == row
        page = viewer.get(f"/jobs/?state=waiting&kind={kind}")
        assert b"Cancel<span" not in page.content
        assert viewer.post("/jobs/cancel/", {"job": job.row.uid}).status_code == 403
        events = Event.objects.count()

        clients[role].post("/jobs/cancel/", {"job": job.row.uid})

        row.refresh_from_db()
        assert {name: getattr(row, name) for name in then} == then
        assert Event.objects.count() > events, kind
        cancelled.append((job.row.uid, row, role, then))
        by_role[role] += 1

    run_worker()

    for uid, row, role, then in cancelled:
        row.refresh_from_db()
        assert {name: getattr(row, name) for name in then} == then
        clients[role].post("/jobs/cancel/", {"job": uid})
    for role, count in by_role.items():
        text = clients[role].get("/jobs/").content.decode()
        assert text.count("was cancelled") == text.count("The job has ended") == count


def test_a_limited_person_neither_sees_nor_touches_what_is_elsewhere(db: None) -> None:
    desk, other_desk = Desk(1), Desk(2)
    client = Client()
    client.force_login(desk.user)
    failed = EvidencePack.objects.create(match=other_desk.match, status=PackStatus.FAILED)
    job = fail_job("evidence", failed)

    page = client.get("/jobs/?state=failed")
    assert page.context["jobs"] == []
    assert page.context["states"][JobState.FAILED] == 0
    client.post("/jobs/again/", {"job": job.uid})
    failed.refresh_from_db()
    assert failed.status == PackStatus.FAILED

    # What reaches further than the person's own is not cancelled either.
    _waiting_pack(other_desk)
    start_check(user=make_user(Role.MANAGER))
    search = RetroSearch.objects.create(status=RetroStatus.QUEUED)
    search.recordings.add(other_desk.recording)
    submit(RETRO_SEARCH, search)
    waiting = Job.objects.filter(state=JobState.WAITING)
    kinds = {"evidence", "catalogue_check", "retro_search"}
    assert set(waiting.values_list("kind", flat=True)) == kinds
    for job in waiting.all():
        client.post("/jobs/cancel/", {"job": job.uid})
    assert waiting.count() == 3


def _post(client: Client, key: str) -> str:
    answer = client.post("/jobs/again/", {"job": key, "kind": "odd"}, follow=True)
    return answer.content.decode()


def test_a_job_that_is_not_there_is_said_to_be_gone(signed_in: MakeClient) -> None:
    client = signed_in(Role.ADMIN)
    for key in ("", "scan", "j" * 99, "\0"):
        assert "changed in the meantime" in _post(client, key), key


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
    callback = receive(container=container, body=b'{"file_id": "a", "state": 1}').callback
    waits = []
    for _ in range(settings.ACRPORTAL_MAX_ATTEMPTS):
        assert run_next(Pool.WORK) is not None
        assert run_next(Pool.WORK) is None  # the job waits for its next attempt
        callback.refresh_from_db()
        waits.append((callback.outcome, callback.processed_at is None, callback.message))
        Job.objects.update(run_after=callback.received_at)

    *waiting, given_up = waits
    assert {outcome for outcome, _open, _why in waiting} == {CallbackOutcome.QUEUED}
    assert given_up[:2] == (CallbackOutcome.FAILED, False)
    assert all("ValueError: odd body" in why for _outcome, _open, why in waits)

    monkeypatch.undo()
    replay(callback=callback)
    run_next(Pool.WORK)

    callback.refresh_from_db()
    assert callback.outcome == CallbackOutcome.ORPHAN
