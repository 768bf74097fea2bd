"""Deliveries of scheduled reports: by mail or webhook, retried, sent again."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from pytest_django import Settings
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from base.accounts.models import User
from base.accounts.roles import Role
from base.audit.models import Event
from base.jobs.choices import JobState, Pool
from base.jobs.context import JobContext
from base.jobs.errors import Failed
from base.jobs.models import Job
from base.jobs.runner import run_next
from base.jobs.services import reclaim
from reports import report_job, scheduling, sending
from reports.choices import RunState
from reports.models import ReportDelivery, ReportRun
from reports.models.schedule import Channel, ReportDeliveryState
from reports.selectors import Selection
from reports.services import cancel_run, prune_runs
from review.services.folding import fold_scan
from scanning.jobs import RETRY_AFTER
from statements.models import Statement
from statements.selectors import is_to_correct
from tests.factories import deciding
from tests.factories.accounts import make_user
from tests.factories.review import DEFAULT_INTERVAL, make_match
from tests.factories.scanning import ScanFactory, make_detection
from tests.fixtures import MakeClient, Worker
from tests.reports.schedules import MONDAY, Mailbox, comes, schedule

pytestmark = pytest.mark.django_db


def job_of(delivery: ReportDelivery) -> Job:
    return Job.objects.filter(kind="dispatch", subject=delivery.pk).latest("pk")


def test_report_is_sent_with_file_and_manifest(mailbox: Mailbox, run_worker: Worker) -> None:
    match = make_match()
    schedule()

    comes(MONDAY, run_worker)

    message = mailbox.messages[0]
    assert message["To"] == "legal@example.org, ana@example.org"
    assert message["Subject"] == "acrportal: Weekly usage"
    parts = {part.get_filename(): part for part in message.walk()}
    text = parts[None].get_payload(decode=True)
    assert isinstance(text, bytes)
    assert "“Weekly usage” is ready. It has 1 row." in text.decode()
    assert "Schedule: every Monday at 08:00 UTC." in text.decode()
    file = parts["weekly-usage.csv"].get_payload(decode=True)
    assert isinstance(file, bytes)
    assert match.uid.encode() in file
    beside = parts["weekly-usage.csv.manifest.json"].get_payload(decode=True)
    assert isinstance(beside, bytes)
    manifest = json.loads(beside)
    assert manifest["files"][0]["name"] == "weekly-usage.csv"
    assert manifest["files"][0]["sha256"] == hashlib.sha256(file).hexdigest()
    delivery = ReportDelivery.objects.get()
    assert delivery.state == ReportDeliveryState.SENT
    assert Event.objects.filter(action="dispatch.sent").exists()


def test_a_sent_report_says_which_rows_differ_until_nobody_compares_it(
    mailbox: Mailbox, run_worker: Worker, signed_in: MakeClient
) -> None:
    match = make_match(recording__title="Fog")
    schedule()
    comes(MONDAY, run_worker)
    (sent,) = Statement.objects.all()
    with time_machine.travel(MONDAY + timedelta(days=1), tick=False):
        deciding.confirm(match=match, user=make_user(Role.MANAGER), version=1)
        run_worker()

    sent.refresh_from_db()
    (difference,) = sent.differs_in
    assert (sent.state, sent.subject) == ("sent", ReportRun.objects.get().uid)
    assert difference["match"] == match.uid
    assert f"“Fog” in “{match.scanned_file.name}”: review state" in difference["text"]
    assert [(fact.match, fact.state) for fact in sent.facts.all()] == [(match.uid, "pending")]

    with time_machine.travel(MONDAY + timedelta(days=2), tick=False):
        assert Statement.objects.filter(is_to_correct()).exists()
    with time_machine.travel(MONDAY + timedelta(days=91), tick=False):
        assert not Statement.objects.filter(is_to_correct()).exists()
    with time_machine.travel(MONDAY + timedelta(days=400), tick=False):
        prune_runs()
        page = signed_in(Role.MANAGER).get(sent.page_url).content.decode()
    sent.refresh_from_db()
    assert sent.state == "sent"
    assert "Its files were removed when their time was over." in page
    assert "Fog" in page
    assert f"/reports/runs/{sent.subject}/" not in page


def test_a_sent_report_agrees_after_a_scan_with_the_same_result(
    mailbox: Mailbox, run_worker: Worker
) -> None:
    match = make_match()
    schedule()
    comes(MONDAY, run_worker)
    (sent,) = Statement.objects.all()

    scan = ScanFactory.create(scanned_file=match.scanned_file)
    make_detection(DEFAULT_INTERVAL, scan=scan, recording=match.recording)
    fold_scan(scan=scan)
    run_worker()

    match.refresh_from_db()
    sent.refresh_from_db()
    assert match.scan == scan
    assert sent.differs_in == []


def test_mail_that_is_refused_is_tried_for_a_day_then_given_up_and_sent_again(
    mailbox: Mailbox, signed_in: MakeClient
) -> None:
    client = signed_in(Role.ADMIN)
    mailbox.refuses = True
    delivery = delivery_at_hand(user=User.objects.get())

    moment, pauses = MONDAY, []
    for tried in range(8):
        talk(moment)
        job = job_of(delivery)
        if not tried:
            delivery.refresh_from_db()
            assert (delivery.state, job.attempts) == (ReportDeliveryState.WAITING, 1)
            page = client.get("/reports/schedules/").content.decode()
            assert "nobody of this name" in page
            assert "next attempt" in page
            receivers = ", ".join(delivery.schedule.recipients)
            assert f'<span class="cell-sub break"> {receivers} </span>' in " ".join(page.split())
        pauses.append(job.run_after - moment)
        # A worker looks a while after the time.
        moment = job.run_after + timedelta(minutes=1)

    delivery.refresh_from_db()
    assert pauses[:-1] == list(RETRY_AFTER)
    assert (delivery.state, job_of(delivery).attempts) == (ReportDeliveryState.FAILED, 8)
    assert delivery.message.startswith("The mail server refused the message:")
    assert Event.objects.get(action="dispatch.failed").note == delivery.message
    assert mailbox.messages == []

    mailbox.refuses = False
    with time_machine.travel(moment, tick=False):
        assert scheduling.send_again(delivery=delivery, user=delivery.schedule.made_by)
    talk(moment + timedelta(minutes=1))

    delivery.refresh_from_db()
    assert (delivery.state, delivery.message) == (ReportDeliveryState.SENT, "")
    assert len(mailbox.messages) == 1


def talk(when: datetime) -> None:
    with time_machine.travel(when, tick=False):
        run_next(Pool.TALK)


def delivery_at_hand(user: User | None = None) -> ReportDelivery:
    """Return the delivery of a report that is ready."""
    make_match()
    schedule(user)
    with time_machine.travel(MONDAY, tick=False):
        scheduling.run_due()
        assert not Job.objects.filter(kind="dispatch").exists()
        run_next(Pool.WORK)
    return ReportDelivery.objects.get()


def lose_worker(delivery: ReportDelivery) -> None:
    Job.objects.filter(pk=job_of(delivery).pk).update(
        state=JobState.RUNNING,
        lease_owner="dead",
        lease_until=datetime.now(tz=UTC) - timedelta(seconds=1),
        attempts=1,
    )


def test_worker_that_lost_a_delivery_records_nothing(
    mailbox: Mailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    delivery = delivery_at_hand()
    send, sent = sending._send_email, []

    def sleep_too_long(delivery: ReportDelivery) -> None:
        send(delivery)
        sent.append(delivery.uid)
        if len(sent) == 1:
            lose_worker(delivery)
            reclaim()
            run_next(Pool.TALK)

    monkeypatch.setattr(sending, "_send_email", sleep_too_long)
    run_next(Pool.TALK)

    delivery.refresh_from_db()
    assert delivery.state == ReportDeliveryState.SENT
    # The same id lets the mail server drop the second message.
    assert len(mailbox.messages) == 2
    assert len({message["Message-ID"] for message in mailbox.messages}) == 1
    assert Event.objects.filter(action="dispatch.sent").count() == 1


def test_unforeseen_error_of_a_delivery_is_tried_again(
    mailbox: Mailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    delivery = delivery_at_hand()

    def break_down(_delivery: ReportDelivery) -> None:
        raise ValueError("odd address")

    with monkeypatch.context() as broken:
        broken.setattr(sending, "_send_email", break_down)
        run_next(Pool.TALK)
    delivery.refresh_from_db()
    assert delivery.state == ReportDeliveryState.WAITING
    assert delivery.message == "Attempt 1 failed: ValueError: odd address"

    Job.objects.update(run_after=datetime.now(tz=UTC))
    run_next(Pool.TALK)

    delivery.refresh_from_db()
    assert delivery.state == ReportDeliveryState.SENT


def test_delivery_of_a_cancelled_report_ends() -> None:
    user = make_user(Role.REVIEWER)
    schedule(user)
    with time_machine.travel(MONDAY, tick=False):
        scheduling.run_due()
    run = ReportRun.objects.get()

    cancel_run(run=run, user=user)
    run_next(Pool.TALK)

    delivery = ReportDelivery.objects.get()
    assert delivery.state == ReportDeliveryState.FAILED
    assert delivery.message == "The report was cancelled."


def test_delivery_waits_for_a_report_that_is_begun_again(mailbox: Mailbox) -> None:
    delivery = delivery_at_hand()
    ReportRun.objects.update(state=RunState.RUNNING)

    run_next(Pool.TALK)

    delivery.refresh_from_db()
    job = job_of(delivery)
    assert delivery.state == ReportDeliveryState.WAITING
    assert (job.state, job.attempts) == (JobState.WAITING, 0)
    assert mailbox.messages == []


def test_failed_report_is_run_again_with_its_delivery(
    mailbox: Mailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    def break_down(_context: JobContext, _chosen: Selection) -> None:
        raise Failed("odd", "It was odd.")

    with monkeypatch.context() as broken:
        broken.setattr(report_job, "work", break_down)
        delivery = delivery_at_hand()
    run_next(Pool.TALK)
    delivery.refresh_from_db()
    assert (delivery.state, delivery.message) == (*(ReportDeliveryState.FAILED, "It was odd."),)

    user = delivery.schedule.made_by
    assert scheduling.send_again(delivery=delivery, user=user)
    assert not scheduling.send_again(delivery=delivery, user=user)
    run_next(Pool.WORK)
    run_next(Pool.TALK)

    delivery.refresh_from_db()
    assert (delivery.state, delivery.message) == (ReportDeliveryState.SENT, "")


def test_webhook_gets_the_manifest_signed(
    httpserver: HTTPServer, settings: Settings, run_worker: Worker
) -> None:
    settings.ACRPORTAL_ALLOW_PRIVATE_ADDRESSES = True
    make_match()
    taken: list[Request] = []

    def take(request: Request) -> Response:
        taken.append(request)
        return Response(status=500 if len(taken) == 1 else 204)

    httpserver.expect_request("/hook", method="POST").respond_with_handler(take)
    made = schedule(channel=Channel.WEBHOOK, recipients=(), url=httpserver.url_for("/hook"))
    comes(MONDAY, run_worker)
    assert ReportDelivery.objects.get().message == "The server answered 500."

    comes(MONDAY + timedelta(minutes=2), run_worker)

    request = taken[1]
    sent = json.loads(request.data)
    run = ReportRun.objects.get()
    assert (sent["type"], sent["report"]["report_id"]) == ("report.ready", run.uid)
    signed = b".".join(
        [
            request.headers["webhook-id"].encode(),
            request.headers["webhook-timestamp"].encode(),
            request.data,
        ]
    )
    key = made.signing_secret.encode()
    digest = hmac.new(_key_of(key), signed, hashlib.sha256).digest()
    assert request.headers["webhook-signature"] == (f"v1,{base64.b64encode(digest).decode()}")
    assert ReportDelivery.objects.get().state == ReportDeliveryState.SENT


def _key_of(secret: bytes) -> bytes:
    return base64.b64decode(secret.removeprefix(b"whsec_"), validate=True)


def test_a_name_with_a_line_break_does_not_end_the_headers(mailbox: Mailbox) -> None:
    delivery_at_hand()
    ReportRun.objects.update(name="Weekly\nusage")

    run_next(Pool.TALK)

    (message,) = mailbox.messages
    assert message["Subject"] == "acrportal: Weekly usage"


def test_a_mail_server_that_is_away_is_told_from_one_that_refuses(settings: Settings) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 9
    delivery = delivery_at_hand()

    run_next(Pool.TALK)

    delivery.refresh_from_db()
    assert delivery.message == "The mail server cannot be reached: Connection refused"
