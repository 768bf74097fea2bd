"""Scheduled reports: their times, content, recipients and retries."""

from __future__ import annotations

import base64
import email
import hashlib
import hmac
import json
import socketserver
import threading
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from email.message import Message

import pytest
import time_machine
from pytest_django import Settings
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from accounts.models import User
from accounts.roles import Role
from audit.models import Event
from jobs.choices import JobState, Pool
from jobs.context import JobContext
from jobs.errors import Failed
from jobs.models import Job
from jobs.runner import run_next
from jobs.services import reclaim
from reports import running, scheduling, sending
from reports.choices import RunState
from reports.layouts import Layout
from reports.models import ReportDelivery, ReportRun, ReportSchedule, ReportTemplate
from reports.models.schedule import Channel, Every, ReportDeliveryState
from reports.scheduling import Plan
from reports.selectors import Selection
from reports.services import cancel_run, save_template
from scanning.jobs import RETRY_AFTER
from tests.conftest import MakeClient, Worker
from tests.factories import deciding
from tests.factories.accounts import make_user
from tests.factories.review import make_match
from tests.jobs.workers import run_regular_work

pytestmark = pytest.mark.django_db

MONDAY = datetime(2026, 11, 16, 8, tzinfo=UTC)


class _Mailbox(socketserver.ThreadingTCPServer):
    """A mail server that stores or refuses its mail."""

    allow_reuse_address = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _MailSession)
        self.messages: list[Message] = []
        self.refuses = False


class _MailSession(socketserver.StreamRequestHandler):
    """One SMTP conversation, as far as our client needs it."""

    server: _Mailbox

    def handle(self) -> None:
        self._say("220 test")
        while line := self.rfile.readline():
            verb = line[:4].upper().strip()
            if verb == b"QUIT":
                return self._say("221 bye")
            if verb == b"RCPT" and self.server.refuses:
                self._say("550 nobody of this name")
            elif verb == b"DATA":
                self._say("354 go on")
                self.server.messages.append(email.message_from_bytes(self._data()))
                self._say("250 kept")
            else:
                self._say("250 fine")
        return None

    def _data(self) -> bytes:
        lines = []
        while (line := self.rfile.readline()) != b".\r\n":
            lines.append(line.removeprefix(b"."))
        return b"".join(lines)

    def _say(self, text: str) -> None:
        self.wfile.write(f"{text}\r\n".encode())


@pytest.fixture
def mailbox(settings: Settings) -> Iterator[_Mailbox]:
    """Send mail to the test's server."""
    with _Mailbox() as server:
        settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
        settings.EMAIL_HOST = "127.0.0.1"
        settings.EMAIL_PORT = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def plan(**changes: object) -> Plan:
    fields: dict[str, object] = {
        "every": Every.WEEK,
        "hour": 8,
        "last_period": False,
        "send_unchanged": False,
        "channel": Channel.EMAIL,
        "recipients": ("legal@example.org", "ana@example.org"),
    }
    return Plan(**(fields | changes))  # type: ignore[arg-type]  # as above


def schedule(user: User | None = None, **changes: object) -> ReportSchedule:
    owner = user or make_user(Role.REVIEWER)
    template = save_template(name="Weekly usage", layout=Layout(), user=owner)
    with time_machine.travel(MONDAY - timedelta(days=3), tick=False):
        return scheduling.schedule_report(
            template=template, plan=plan(**changes), user=owner
        )


def job_of(delivery: ReportDelivery) -> Job:
    """Return the newest job of a delivery."""
    return Job.objects.filter(kind="dispatch", subject=delivery.pk).latest("pk")


def comes(when: datetime, run_worker: Worker) -> None:
    """Set the clock, and let the worker do the due work: run, then send."""
    with time_machine.travel(when, tick=False):
        run_worker()


@pytest.mark.parametrize(
    ("every", "hour", "after", "comes"),
    [
        (Every.DAY, 8, "2026-11-16T07:59", "2026-11-16T08:00"),
        (Every.DAY, 8, "2026-11-16T08:00", "2026-11-17T08:00"),
        (Every.WEEK, 0, "2026-11-16T08:00", "2026-11-23T00:00"),
        (Every.MONTH, 23, "2026-11-16T08:00", "2026-12-01T23:00"),
    ],
)
def test_next_time(every: Every, hour: int, after: str, comes: str) -> None:
    moment = scheduling.next_time(every, hour, datetime.fromisoformat(f"{after}Z"))

    assert moment == datetime.fromisoformat(f"{comes}Z")


@pytest.mark.parametrize(
    ("every", "period"),
    [
        (Every.DAY, (date(2026, 2, 28), date(2026, 2, 28))),
        (Every.WEEK, (date(2026, 2, 16), date(2026, 2, 22))),
        (Every.MONTH, (date(2026, 2, 1), date(2026, 2, 28))),
    ],
)
def test_period_before(every: Every, period: tuple[date, date]) -> None:
    assert scheduling.period_before(every, date(2026, 3, 1)) == period


def test_report_is_sent_with_file_and_manifest(
    mailbox: _Mailbox, run_worker: Worker
) -> None:
    match = make_match()
    schedule()

    comes(MONDAY, run_worker)

    message = mailbox.messages[0]
    assert message["To"] == "legal@example.org, ana@example.org"
    assert message["Subject"] == "Match portal: Weekly usage"
    parts = {part.get_filename(): part for part in message.walk()}
    file = parts["match-report.csv"].get_payload(decode=True)
    assert isinstance(file, bytes)
    assert match.uid.encode() in file
    beside = parts["match-report.csv.manifest.json"].get_payload(decode=True)
    assert isinstance(beside, bytes)
    manifest = json.loads(beside)
    assert manifest["files"][0]["sha256"] == hashlib.sha256(file).hexdigest()
    delivery = ReportDelivery.objects.get()
    assert delivery.state == ReportDeliveryState.SENT
    assert Event.objects.filter(action="dispatch.sent").exists()


def test_nothing_is_sent_when_nothing_is_new(
    mailbox: _Mailbox, run_worker: Worker
) -> None:
    match = make_match()
    schedule()
    comes(MONDAY, run_worker)

    comes(MONDAY + timedelta(days=7), run_worker)
    assert len(mailbox.messages) == 1
    assert ReportDelivery.objects.latest("pk").state == ReportDeliveryState.NOTHING_NEW

    deciding.confirm(match=match, user=make_user(Role.REVIEWER), version=1)
    comes(MONDAY + timedelta(days=14), run_worker)
    assert len(mailbox.messages) == 2


def test_empty_report_is_sent_only_when_asked(
    mailbox: _Mailbox, run_worker: Worker
) -> None:
    schedule()
    comes(MONDAY, run_worker)
    assert mailbox.messages == []

    ReportSchedule.objects.update(send_unchanged=True)
    comes(MONDAY + timedelta(days=7), run_worker)
    assert len(mailbox.messages) == 1


def test_only_the_week_before_is_in_it(mailbox: _Mailbox, run_worker: Worker) -> None:
    with time_machine.travel(MONDAY - timedelta(days=1), tick=False):
        wanted = make_match()
    with time_machine.travel(MONDAY - timedelta(days=8), tick=False):
        make_match()
    schedule(last_period=True)

    comes(MONDAY, run_worker)

    run = ReportRun.objects.get()
    assert run.filters == {"found_from": "2026-11-09", "found_until": "2026-11-15"}
    assert run.counts["match_found"] == {"yes": 1}
    assert wanted.uid.encode() in mailbox.messages[0].as_bytes() or run.row_count == 1


def test_mail_that_is_refused_is_tried_again(
    mailbox: _Mailbox, run_worker: Worker
) -> None:
    make_match()
    schedule()
    mailbox.refuses = True
    comes(MONDAY, run_worker)
    delivery = ReportDelivery.objects.get()
    assert (delivery.state, job_of(delivery).attempts) == (
        *(ReportDeliveryState.WAITING, 1),
    )
    assert "nobody of this name" in delivery.message

    mailbox.refuses = False
    comes(MONDAY + timedelta(minutes=2), run_worker)

    delivery.refresh_from_db()
    assert (delivery.state, len(mailbox.messages)) == (ReportDeliveryState.SENT, 1)


def test_it_is_given_up_after_a_day_of_tries(
    mailbox: _Mailbox, run_worker: Worker
) -> None:
    make_match()
    schedule()
    mailbox.refuses = True

    moment, pauses = MONDAY, []
    for _ in range(8):
        comes(moment, run_worker)
        due = job_of(ReportDelivery.objects.get()).run_after
        pauses.append(due - moment)
        # A worker looks a while after the time.
        moment = due + timedelta(minutes=1)

    delivery = ReportDelivery.objects.get()
    job = job_of(delivery)
    assert pauses[:-1] == list(RETRY_AFTER)
    assert (delivery.state, job.attempts) == (ReportDeliveryState.FAILED, 8)
    assert delivery.message.startswith("The mail server refused the message:")
    assert Event.objects.get(action="dispatch.failed").note == delivery.message
    assert mailbox.messages == []

    mailbox.refuses = False
    with time_machine.travel(moment, tick=False):
        assert scheduling.send_again(delivery=delivery, user=delivery.schedule.made_by)
    comes(moment + timedelta(minutes=1), run_worker)

    delivery.refresh_from_db()
    assert (delivery.state, delivery.message) == (ReportDeliveryState.SENT, "")
    assert len(mailbox.messages) == 1


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
    """Let the worker of a delivery die."""
    Job.objects.filter(pk=job_of(delivery).pk).update(
        state=JobState.RUNNING,
        lease_owner="dead",
        lease_until=datetime.now(tz=UTC) - timedelta(seconds=1),
        attempts=1,
    )


def test_delivery_of_a_killed_worker_is_made_by_the_next(mailbox: _Mailbox) -> None:
    delivery = delivery_at_hand()
    lose_worker(delivery)

    reclaim()
    run_next(Pool.TALK)

    delivery.refresh_from_db()
    assert delivery.state == ReportDeliveryState.SENT
    assert len(mailbox.messages) == 1


def test_worker_that_lost_a_delivery_records_nothing(
    mailbox: _Mailbox, monkeypatch: pytest.MonkeyPatch
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
    assert len({message["Message-ID"] for message in mailbox.messages}) == 1
    assert Event.objects.filter(action="dispatch.sent").count() == 1


def test_unforeseen_error_of_a_delivery_is_tried_again(
    mailbox: _Mailbox, monkeypatch: pytest.MonkeyPatch
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


def test_delivery_of_a_cancelled_report_ends(run_worker: Worker) -> None:
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


def test_delivery_waits_for_a_report_that_is_begun_again(
    mailbox: _Mailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    delivery = delivery_at_hand()
    ReportRun.objects.update(state=RunState.RUNNING)

    run_next(Pool.TALK)

    delivery.refresh_from_db()
    job = job_of(delivery)
    assert delivery.state == ReportDeliveryState.WAITING
    assert (job.state, job.attempts) == (JobState.WAITING, 0)
    assert mailbox.messages == []


def test_failed_report_is_run_again_with_its_delivery(
    mailbox: _Mailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    def break_down(_context: JobContext, _chosen: Selection) -> None:
        raise Failed("odd", "It was odd.")

    with monkeypatch.context() as broken:
        broken.setattr(running, "work", break_down)
        delivery = delivery_at_hand()
    run_next(Pool.TALK)
    delivery.refresh_from_db()
    assert (delivery.state, delivery.message) == (
        *(ReportDeliveryState.FAILED, "It was odd."),
    )

    user = delivery.schedule.made_by
    assert scheduling.send_again(delivery=delivery, user=user)
    assert not scheduling.send_again(delivery=delivery, user=user)
    run_next(Pool.WORK)
    run_next(Pool.TALK)

    delivery.refresh_from_db()
    assert (delivery.state, delivery.message) == (ReportDeliveryState.SENT, "")


def test_page_tells_when_a_delivery_is_tried_again(
    mailbox: _Mailbox, signed_in: MakeClient
) -> None:
    mailbox.refuses = True
    client = signed_in(Role.ADMIN)
    delivery_at_hand(user=User.objects.get())
    run_next(Pool.TALK)

    page = client.get("/reports/schedules/").content.decode()

    assert "nobody of this name" in page
    assert "next attempt" in page


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
    made = schedule(
        channel=Channel.WEBHOOK, recipients=(), url=httpserver.url_for("/hook")
    )
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
    assert request.headers["webhook-signature"] == (
        f"v1,{base64.b64encode(digest).decode()}"
    )
    assert ReportDelivery.objects.get().state == ReportDeliveryState.SENT


def _key_of(secret: bytes) -> bytes:
    return base64.b64decode(secret.removeprefix(b"whsec_"), validate=True)


def test_several_workers_run_a_schedule_once() -> None:
    made = schedule()

    with time_machine.travel(MONDAY, tick=False):
        before = ReportSchedule.objects.get()
        run_regular_work()
        scheduling._run(before, MONDAY)

    assert ReportRun.objects.count() == 1
    made.refresh_from_db()
    assert made.next_run_at == MONDAY + timedelta(days=7)


def test_schedule_of_someone_who_may_no_more_is_passed_over() -> None:
    user = make_user(Role.REVIEWER)
    schedule(user)
    user.groups.clear()

    with time_machine.travel(MONDAY, tick=False):
        run_regular_work()

    assert not ReportRun.objects.exists()


def test_page_makes_and_ends_a_schedule(signed_in: MakeClient) -> None:
    client = signed_in(Role.REVIEWER)
    owner = User.objects.get()
    template = save_template(name="Weekly usage", layout=Layout(), user=owner)
    asked = {
        "template": template.pk,
        "every": "week",
        "hour": 7,
        "channel": "email",
        "recipients": "legal@example.org\nana@example.org",
        "last_period": "on",
    }

    client.post("/reports/schedules/", asked)

    made = ReportSchedule.objects.get()
    assert made.recipients == ["legal@example.org", "ana@example.org"]
    assert (made.hour, made.last_period, made.send_unchanged) == (7, True, False)
    page = client.get("/reports/schedules/").content.decode()
    assert "Every Monday, 7:00 UTC" in page
    client.post(f"/reports/templates/{template.uid}/delete/")
    assert ReportTemplate.objects.exists()
    stranger = signed_in(Role.MANAGER)
    assert stranger.post(f"/reports/schedules/{made.uid}/end/").status_code == 404
    client.post(f"/reports/schedules/{made.uid}/end/")
    assert not ReportSchedule.objects.exists()


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"recipients": ""}, "Say where the report is to be sent."),
        ({"recipients": "nobody"}, "nobody is no e-mail address."),
        ({"channel": "webhook", "url": "ftp://example.org"}, "This address is not"),
        ({"channel": "webhook"}, "Say where the report is to be sent."),
        ({"hour": "24"}, "less than or equal to 23"),
    ],
)
def test_page_says_what_is_wrong(
    signed_in: MakeClient, changes: dict[str, str], why: str
) -> None:
    client = signed_in(Role.REVIEWER)
    template = save_template(name="W", layout=Layout(), user=User.objects.get())
    asked = {
        "template": template.pk,
        "every": "week",
        "hour": 8,
        "channel": "email",
        "recipients": "legal@example.org",
    }

    answer = client.post("/reports/schedules/", asked | changes)

    assert answer.status_code == 422
    assert why in answer.content.decode()
    assert not ReportSchedule.objects.exists()


def test_viewers_schedule_nothing(signed_in: MakeClient) -> None:
    assert signed_in(Role.VIEWER).get("/reports/schedules/").status_code == 403
