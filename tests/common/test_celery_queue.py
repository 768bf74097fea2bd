"""The queue on real brokers: RabbitMQ and Redis."""

from __future__ import annotations

import os
import threading
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import pytest
from celery.contrib.testing.worker import start_worker
from celery.signals import task_postrun
from django.db import connection
from django.test import override_settings
from django_tasks import task
from kombu import Connection

from accounts.models import User
from common import celery_backend
from common.queue import entries_waiting, queue_holds_work
from scanning.choices import FileStatus
from scanning.models import Scan, ScannedFile
from scanning.services.intake import submit_upload
from scanning.services.scans import requeue_stale_scans
from tests import audio
from tests.conftest import Catalogue, upload

_BROKERS = {
    "rabbitmq": os.environ.get("TEST_RABBITMQ_URL", "amqp://guest:guest@127.0.0.1//"),
    "redis": os.environ.get("TEST_REDIS_URL", "redis://127.0.0.1:6379/9"),
}
# A Celery worker has to start and stop; nothing here depends on the database.
pytestmark = pytest.mark.slow

_NOBODY = "amqp://guest:guest@127.0.0.1:9//"
_PATIENCE_SECONDS = 60

ran: list[int] = []


@task()
def usual(number: int) -> None:
    """Record the run."""
    ran.append(number)


@task(priority=50)
def urgent(number: int) -> None:
    """Record the run."""
    ran.append(number)


def use(url: str) -> override_settings:
    """Put the queue on a broker."""
    celery_backend.celery_app.cache_clear()
    backend = {"BACKEND": "common.celery_backend.CeleryBackend", "QUEUES": ["default"]}
    return override_settings(BROKER_URL=url, TASKS={"default": backend})


@pytest.fixture(params=sorted(_BROKERS))
def broker(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> Iterator[str]:
    """Give each test its own queue on each broker that answers."""
    url = _BROKERS[request.param]
    try:
        Connection(url, connect_timeout=3).ensure_connection(max_retries=1)
    except OSError as error:
        pytest.skip(f"needs {request.param} at {url}: {error}")
    name = f"test-{uuid.uuid4().hex}"
    monkeypatch.setattr(celery_backend, "QUEUE", name)
    ran.clear()
    with use(url):
        yield url
        with Connection(url) as connected:
            connected.default_channel.queue_delete(name)
    celery_backend.celery_app.cache_clear()


def work_until(done: Callable[[], bool]) -> None:
    """Run a Celery worker until a condition holds, checked after each task.

    The check runs only between tasks because the worker is a thread here: with SQLite
    in memory, a table cannot be written while another thread reads it.
    """
    ended = threading.Event()

    def note(**_told: object) -> None:
        ended.set()

    app = celery_backend.celery_app()
    task_postrun.connect(note)
    with start_worker(app, pool="solo", perform_ping_check=False, shutdown_timeout=30):
        while ended.wait(_PATIENCE_SECONDS):
            ended.clear()
            if done():
                break
        else:
            pytest.fail("the work was not done")
    task_postrun.disconnect(note)


@pytest.mark.django_db(transaction=True)
def test_a_file_is_scanned_through_a_broker(
    catalogue: Catalogue, admin: User, broker: str
) -> None:
    file = submit_upload(
        container=catalogue.container,
        upload=upload("programme.wav", audio.wav_bytes(audio.tune(1, 12))),
        user=admin,
    ).scanned_file

    def is_ready() -> bool:
        file.refresh_from_db()
        return file.status == FileStatus.READY

    work_until(is_ready)

    assert file.scans.get().detections.count() == 1


def test_a_person_who_waits_comes_first(broker: str) -> None:
    for number in range(3):
        usual.enqueue(number)
    urgent.enqueue(3)
    assert entries_waiting() == 4

    work_until(lambda: len(ran) == 4)

    assert ran[0] == 3
    assert sorted(ran) == [0, 1, 2, 3]
    assert entries_waiting() == 0


@pytest.mark.django_db(transaction=True)
def test_nothing_is_lost_while_the_broker_is_away(
    catalogue: Catalogue, admin: User, broker: str
) -> None:
    with use(_NOBODY):
        file = submit_upload(
            container=catalogue.container,
            upload=upload("programme.wav", audio.wav_bytes(audio.tune(1, 12))),
            user=admin,
        ).scanned_file
        assert queue_holds_work()
        assert requeue_stale_scans() == 0
    celery_backend.celery_app.cache_clear()
    assert entries_waiting() == 0
    Scan.objects.update(created_at=datetime.now(tz=UTC) - timedelta(hours=1))

    assert requeue_stale_scans() == 1

    work_until(lambda: ScannedFile.objects.get(pk=file.pk).status == FileStatus.READY)
    connection.close()
