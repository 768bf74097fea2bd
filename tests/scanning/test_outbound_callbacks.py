"""Outgoing callbacks: signed, sent, retried, sent again."""

from __future__ import annotations

import base64
import hashlib
import hmac
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from pytest_django import Settings
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from base.accounts.models import User
from base.audit.models import Event
from base.jobs import services
from base.jobs.choices import JobState, Pool
from base.jobs.models import Job
from base.jobs.runner import run_next
from scanning.choices import DeliveryStatus
from scanning.jobs import CALLBACK_SENT, MAX_ATTEMPTS, RETRY_AFTER
from scanning.models import DeliveryAttempt, OutboundCallback
from scanning.services.outbound_callbacks import queue_callback, send_again
from tests.factories.scanning import ContainerFactory, ScannedFileFactory

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 5, 2, 10, 0, tzinfo=UTC)


@pytest.fixture(autouse=True)
def private_addresses(settings: Settings) -> None:
    settings.ACRPORTAL_ALLOW_PRIVATE_ADDRESSES = True


def make_callback(url: str) -> OutboundCallback:
    file = ScannedFileFactory.create(container=ContainerFactory.create(callback_url=url))
    return queue_callback(scanned_file=file, body='{"a": "ü"}')


def deliver_due() -> int:
    delivered = 0
    while job := run_next(Pool.TALK):
        job.refresh_from_db()
        delivered += job.state == JobState.DONE
    return delivered


def test_delivery_is_signed_and_listed(httpserver: HTTPServer) -> None:
    received: list[Request] = []

    def take(request: Request) -> Response:
        request.get_data()
        received.append(request)
        return Response("thanks", status=202)

    httpserver.expect_request("/cb").respond_with_handler(take)
    callback = make_callback(httpserver.url_for("/cb"))

    assert deliver_due() == 1

    callback.refresh_from_db()
    attempt = callback.attempts.get()
    assert callback.status == DeliveryStatus.DELIVERED
    assert (attempt.status_code, attempt.answer) == (202, "thanks")
    request = received[0]
    assert request.get_data() == callback.body.encode()
    secret = base64.b64decode(callback.container.signing_secret.removeprefix("whsec_"))
    signed = b".".join(
        [
            request.headers["webhook-id"].encode(),
            request.headers["webhook-timestamp"].encode(),
            request.get_data(),
        ]
    )
    digest = hmac.new(secret, signed, hashlib.sha256).digest()
    expected = f"v1,{base64.b64encode(digest).decode()}"
    assert request.headers["webhook-signature"] == expected


def test_what_fails_is_tried_eight_times_within_a_day(httpserver: HTTPServer) -> None:
    httpserver.expect_request("/cb").respond_with_data("no", status=500)
    with time_machine.travel(NOW, tick=False) as clock:
        callback = make_callback(httpserver.url_for("/cb"))
        for wait in (*RETRY_AFTER, timedelta()):
            deliver_due()
            deliver_due()
            clock.shift(wait)

    callback.refresh_from_db()
    assert callback.status == DeliveryStatus.FAILED
    assert DeliveryAttempt.objects.count() == MAX_ATTEMPTS == 8
    assert timedelta(hours=23) < sum(RETRY_AFTER, timedelta()) < timedelta(hours=25)


def test_redirects_are_not_followed_and_private_addresses_refused_unless_allowed(
    httpserver: HTTPServer, settings: Settings
) -> None:
    httpserver.expect_request("/cb").respond_with_data(
        "", status=302, headers={"Location": httpserver.url_for("/elsewhere")}
    )
    callback = make_callback(httpserver.url_for("/cb"))
    deliver_due()
    assert callback.attempts.get().status_code == 302
    assert len(httpserver.log) == 1

    settings.ACRPORTAL_ALLOW_PRIVATE_ADDRESSES = False
    callback = make_callback(httpserver.url_for("/cb"))
    deliver_due()
    assert "private or local" in callback.attempts.get().answer
    assert len(httpserver.log) == 1


def test_one_dead_receiver_keeps_no_other_waiting(httpserver: HTTPServer) -> None:
    httpserver.expect_request("/cb").respond_with_data("")
    for _ in range(3):
        make_callback("http://127.0.0.1:9/")
    dead = OutboundCallback.objects.first()
    assert dead is not None
    queue_callback(scanned_file=dead.scanned_file, body="{}")
    make_callback(httpserver.url_for("/cb"))

    assert deliver_due() == 1
    assert DeliveryAttempt.objects.filter(status_code=None).count() == 3


def test_what_waits_for_a_dead_receiver_is_sent_once_it_answers(httpserver: HTTPServer) -> None:
    url = httpserver.url_for("/cb")
    with time_machine.travel(NOW, tick=False) as clock:
        first = make_callback("http://127.0.0.1:9/")
        for _ in range(4):
            queue_callback(scanned_file=first.scanned_file, body="{}")
        timed_out = []
        for _ in range(3):
            deliver_due()
            timed_out.append(DeliveryAttempt.objects.count())
            clock.shift(RETRY_AFTER[0])
        httpserver.expect_request("/cb").respond_with_data("")
        OutboundCallback.objects.update(url=url)
        clock.shift(RETRY_AFTER[1])

        assert deliver_due() == 5

    assert timed_out == [1, 2, 3]


def test_one_refusal_keeps_no_other_callback_waiting(httpserver: HTTPServer) -> None:
    httpserver.expect_ordered_request("/cb").respond_with_data("no", status=500)
    httpserver.expect_ordered_request("/cb").respond_with_data("")
    first = make_callback(httpserver.url_for("/cb"))
    queue_callback(scanned_file=first.scanned_file, body="{}")

    assert deliver_due() == 1


def test_a_container_has_one_callback_under_way(httpserver: HTTPServer) -> None:
    httpserver.expect_request("/cb").respond_with_data("")
    first = make_callback(httpserver.url_for("/cb"))
    second = queue_callback(scanned_file=first.scanned_file, body="{}")
    Job.objects.filter(subject=first.pk).update(
        state=JobState.RUNNING, lease_owner="w:1", lease_until=datetime.now(tz=UTC)
    )

    assert run_next(Pool.TALK) is None

    services.reclaim()
    assert deliver_due() == 2
    second.refresh_from_db()
    assert second.status == DeliveryStatus.DELIVERED


def test_sending_again_starts_anew_at_the_address_of_now(
    admin: User, httpserver: HTTPServer
) -> None:
    httpserver.expect_request("/cb").respond_with_data("no", status=500)
    httpserver.expect_request("/new").respond_with_data("")
    callback = make_callback(httpserver.url_for("/cb"))
    attempts = []
    for _ in range(2):
        deliver_due()
        job = Job.objects.get(kind=CALLBACK_SENT.name)
        attempts.append((job.state, job.attempts))
        send_again(callback=callback, user=admin)
    Job.objects.update(attempts=MAX_ATTEMPTS - 1)
    deliver_due()
    callback.refresh_from_db()
    given_up = (callback.status, callback.finished_at is not None)

    callback.container.callback_url = httpserver.url_for("/new")
    callback.container.save()
    send_again(callback=callback, user=admin)

    callback.refresh_from_db()
    assert attempts == [("waiting", 1), ("waiting", 1)]
    assert given_up == (DeliveryStatus.FAILED, True)
    assert (callback.status, callback.finished_at) == (DeliveryStatus.WAITING, None)
    assert Job.objects.get().attempts == 0
    deliver_due()
    callback.refresh_from_db()
    assert callback.status == DeliveryStatus.DELIVERED
    assert callback.attempts.count() == 4
    assert Event.objects.filter(action="callback.sent_again").exists()
