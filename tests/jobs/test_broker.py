"""Celery on real brokers: RabbitMQ and Redis."""

from __future__ import annotations

import os
import threading
import uuid
from collections.abc import Callable, Iterator

import pytest
from celery.contrib.testing.worker import start_worker
from celery.signals import task_postrun
from django.db import connection
from django.test import override_settings
from kombu import Connection

from base.accounts.models import User
from base.accounts.roles import Role
from base.jobs import broker as celery_broker
from base.jobs import broker_worker, services
from base.jobs.choices import Pool
from scanning.choices import FileStatus
from scanning.models import ScannedFile
from tests import audio
from tests.factories.accounts import make_user
from tests.factories.catalogue import BucketFactory
from tests.fixtures import Catalogue, submit_sound
from tests.jobs.work import PLAIN, did, registered

_BROKERS = {
    "rabbitmq": os.environ.get("TEST_RABBITMQ_URL", "amqp://guest:guest@127.0.0.1//"),
    "redis": os.environ.get("TEST_REDIS_URL", "redis://127.0.0.1:6379/9"),
}
# A Celery worker has to start and stop; nothing here depends on the database.
pytestmark = pytest.mark.slow

_NOBODY = "amqp://guest:guest@127.0.0.1:9//"
_PATIENCE_SECONDS = 60


@pytest.fixture(params=["rabbitmq", pytest.param("redis", marks=pytest.mark.soak)])
def broker(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Give each test its own queues on each broker that answers."""
    url = _BROKERS[request.param]
    try:
        Connection(url, connect_timeout=3).ensure_connection(max_retries=1)
    except OSError as error:
        pytest.skip(f"needs {request.param} at {url}: {error}")
    monkeypatch.setattr(celery_broker, "PREFIX", f"test-{uuid.uuid4().hex}-")
    monkeypatch.setattr(celery_broker, "_away_until", 0.0)
    celery_broker._app.cache_clear()
    with override_settings(BROKER_URL=url):
        yield url
        with Connection(url) as connected:
            for pool in Pool:
                queue = celery_broker.queue_name(pool)
                connected.default_channel.queue_delete(queue)
    celery_broker._app.cache_clear()


def work_until(done: Callable[[], bool]) -> None:
    """Run a Celery worker until a condition holds, checked after each task.

    The check runs only between tasks because the worker is a thread here: with SQLite
    in memory, a table cannot be written while another thread reads it. So nobody looks
    after the jobs either.
    """
    ended = threading.Event()

    def note(**_options: object) -> None:
        ended.set()

    app = broker_worker.worker_app()
    app.steps["worker"].clear()
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
def test_a_file_is_scanned_through_a_broker(catalogue: Catalogue, admin: User, broker: str) -> None:
    file = submit_sound(catalogue.container, audio.tune(1, 12), admin)

    def is_ready() -> bool:
        file.refresh_from_db()
        return file.status == FileStatus.READY

    work_until(is_ready)

    assert file.scans.get().detections.count() == 1


@pytest.mark.django_db(transaction=True)
def test_a_person_who_waits_comes_first(broker: str) -> None:
    with registered(PLAIN) as kind:
        for name in "abc":
            services.submit(kind, BucketFactory.create(name=name))
        services.submit(kind, BucketFactory.create(name="person"), person_waits=True)
        assert celery_broker.messages_waiting(Pool.WORK) == 4
        assert celery_broker.messages_waiting(Pool.TALK) == 0

        work_until(lambda: celery_broker.messages_waiting(Pool.WORK) == 0)

    assert did == ["person", "a", "b", "c"]


@pytest.mark.soak
@pytest.mark.django_db(transaction=True)
def test_people_take_turns_through_a_broker(broker: str) -> None:
    ana, ben = make_user(Role.REVIEWER), make_user(Role.REVIEWER)
    with registered(PLAIN) as kind:
        for number in range(20):
            bucket = BucketFactory.create(name=f"ana {number}")
            services.submit(kind, bucket, user=ana)
        services.submit(kind, BucketFactory.create(name="ben"), user=ben)

        work_until(lambda: celery_broker.messages_waiting(Pool.WORK) == 0)

    assert did[:3] == ["ana 0", "ben", "ana 1"]
    assert len(did) == 21


@pytest.mark.django_db(transaction=True)
def test_nothing_is_lost_while_the_broker_is_away(
    catalogue: Catalogue, admin: User, broker: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with override_settings(BROKER_URL=_NOBODY):
        file = submit_sound(catalogue.container, audio.tune(1, 12), admin)
        broker_worker._wake_idle([Pool.WORK])
    assert celery_broker.messages_waiting(Pool.WORK) == 0
    monkeypatch.setattr(celery_broker, "_away_until", 0.0)

    broker_worker._wake_idle([Pool.WORK])
    broker_worker._wake_idle([Pool.WORK])  # one message is enough

    assert celery_broker.messages_waiting(Pool.WORK) == 1
    work_until(lambda: ScannedFile.objects.get(pk=file.pk).status == FileStatus.READY)
    connection.close()
