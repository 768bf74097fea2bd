"""All kinds of imports as jobs: done, refused, tried again, cancelled, taken over."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from pytest_django import Settings

import base.jobs.services
from base.accounts.roles import Role
from base.audit.models import Event
from base.jobs.choices import JobState, Pool
from base.jobs.models import Job
from base.jobs.runner import run_next
from catalogue.models import Recording
from imports import services
from imports.errors import ImportRefused
from imports.kinds import AnyKind, Columns, ImportKind, kind_of
from imports.models import Import, ImportStatus
from imports.recordings.kind import RECORDINGS
from imports.results.kind import RESULTS
from scanning.models import ScannedFile
from tests.factories.accounts import make_user
from tests.factories.catalogue import BucketFactory
from tests.factories.scanning import ContainerFactory

TABLE = b"custom_id,title,artists,audio\nL1,T,A,https://files.example/a.wav\nL2,T,A,\n"
SHARE = b"work_id,work_title,party,right,share_pct\nW1,T,Anna Muster,performing,50\n"
RESULT = {"id": "1", "name": "show.mp3", "state": -1, "results": None}
STAYS = " What was imported stays."


def keep(kind: AnyKind) -> Import:
    user = make_user(Role.MANAGER)
    if kind is RECORDINGS:
        return services.keep_upload(
            RECORDINGS,
            bucket=BucketFactory.create(),
            table=SimpleUploadedFile("t.csv", TABLE),
            archive=None,
            encoding="utf-8",
            keep_unknown=False,
            user=user,
        )
    content = json.dumps({"data": [RESULT]}).encode()
    return services.keep_upload(
        RESULTS,
        container=ContainerFactory.create(),
        file=SimpleUploadedFile("dump.json", content),
        user=user,
    )


def status(import_: Import) -> tuple[str, str]:
    import_.refresh_from_db()
    return import_.status, import_.message


@pytest.fixture
def works(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], Columns]], None]:
    """Return a function that replaces the work of every kind."""

    def replace(act: Callable[[], Columns]) -> None:
        def work(import_: Import, heartbeat: Callable[[], None], *, dry: bool) -> Columns:
            columns = act()
            heartbeat()
            return columns

        monkeypatch.setattr(ImportKind, "load_work", lambda _kind: work)

    return replace


@pytest.mark.parametrize("kind", [RECORDINGS, RESULTS], ids=lambda kind: kind.event)
@pytest.mark.django_db
def test_a_file_is_checked_then_imported(kind: AnyKind) -> None:
    import_ = keep(kind)
    assert status(import_) == (ImportStatus.CHECKING, "")
    assert not services.start(import_=import_, user=make_user(Role.MANAGER))

    check = run_next(Pool.WORK)
    assert status(import_) == (ImportStatus.CHECKED, "")
    checked = import_.summary
    assert not Recording.objects.exists()
    assert not ScannedFile.objects.exists()
    assert services.start(import_=import_, user=make_user(Role.MANAGER))
    assert status(import_) == (ImportStatus.IMPORTING, "")
    done = run_next(Pool.WORK)

    assert status(import_) == (ImportStatus.DONE, "")
    assert import_.summary == checked
    assert import_.summary["added"] == 1
    rows = (Recording.objects, ScannedFile.objects)
    assert sum(manager.count() for manager in rows) == 1
    assert check is not None
    assert done is not None
    assert check.priority > 0 > done.priority
    assert Event.objects.filter(action=f"{kind.event}_started").count() == 1


@pytest.mark.parametrize("step", ["check", "import"])
@pytest.mark.django_db
def test_each_end_of_a_step_has_its_reason_and_can_be_tried_again(
    step: str, works: Callable[[Callable[[], Columns]], None], settings: Settings
) -> None:
    import_, user = keep(RECORDINGS), make_user(Role.MANAGER)
    if step == "import":
        run_next(Pool.WORK)
        assert services.start(import_=import_, user=user)
    working = import_.status if step == "check" else ImportStatus.IMPORTING
    stays = STAYS if step == "import" else ""

    def revive() -> None:
        assert services.try_again(import_=import_, user=user)
        assert status(import_) == (working, "")
        assert not services.try_again(import_=import_, user=user)

    # An unusable file is refused with the reason.
    def refuse() -> Columns:
        raise ImportRefused("It is no table. " + 600 * "x")

    works(refuse)
    run_next(Pool.WORK)
    state_now, message = status(import_)
    assert state_now == ImportStatus.REFUSED
    assert message.startswith("It is no table. xxx")
    assert STAYS not in message
    revive()

    # One that was cancelled says so, whether it ran already or not.
    def cancel() -> Columns:
        assert base.jobs.services.cancel(
            Job.objects.get(state__in=[JobState.WAITING, JobState.RUNNING])
        )
        return {}

    works(cancel)
    cancel()
    for _runs in (False, True):
        run_next(Pool.WORK)
        assert status(import_) == (ImportStatus.REFUSED, f"It was cancelled.{stays}")
        assert Job.objects.latest("pk").state == JobState.CANCELLED
        revive()

    # One that kills its workers is given up.
    past = datetime.now(tz=UTC) - timedelta(seconds=1)
    Job.objects.filter(state=JobState.WAITING).update(
        state=JobState.RUNNING, attempts=3, lease_owner="dead:1", lease_until=past
    )
    base.jobs.services.reclaim()
    given_up = f"Its worker died or hung 3 times.{stays}"
    assert status(import_) == (ImportStatus.REFUSED, given_up)
    revive()

    # What failed unforeseen is tried again, then given up.
    def stumble() -> Columns:
        raise OSError("The disk is gone.")

    works(stumble)
    for _ in range(settings.ACRPORTAL_MAX_ATTEMPTS - 1):
        run_next(Pool.WORK)
        assert status(import_)[0] == working
        assert run_next(Pool.WORK) is None
        assert "The disk is gone." in Job.objects.get(state=JobState.WAITING).cause
        Job.objects.filter(state=JobState.WAITING).update(run_after=datetime.now(tz=UTC))
    run_next(Pool.WORK)
    state_now, message = status(import_)
    assert state_now == ImportStatus.REFUSED
    assert "It failed 3 times" in message
    assert "The disk is gone." in message
    assert (STAYS in message) == (step == "import")
    revive()

    # Another worker finishes what one began whose lease is over.
    finishers = []

    def lose() -> Columns:
        Job.objects.filter(state=JobState.RUNNING).update(lease_until=past)
        assert base.jobs.services.reclaim() == 1
        works(lambda: {"summary": {"added": 2}})
        finishers.append(run_next(Pool.WORK))
        return {"summary": {"added": 1}}

    works(lose)
    run_next(Pool.WORK)
    done = ImportStatus.CHECKED if step == "check" else ImportStatus.DONE
    assert status(import_) == (done, "")
    assert import_.summary == {"added": 2}
    assert finishers[0] is not None
    assert Job.objects.latest("pk").state == JobState.DONE
    tried_again = Event.objects.filter(action=f"{RECORDINGS.event}_tried_again")
    assert tried_again.count() == 5


def test_each_model_has_its_kind() -> None:
    for kind in (RECORDINGS, RESULTS):
        assert kind_of(kind.model()) is kind
