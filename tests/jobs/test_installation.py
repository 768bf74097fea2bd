"""A restored installation, which reaches out only once it is called the real one."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
import time_machine
from django.core import mail
from django.core.exceptions import PermissionDenied
from django.core.management import call_command
from django.test import Client
from django.urls import reverse

from base.accounts.roles import Role
from base.audit.models import Event
from base.jobs import installation, resources, selectors, services
from base.jobs.choices import InstallationRole, JobState, Pool
from base.jobs.context import JobContext
from base.jobs.errors import Blocked
from base.jobs.kinds import Kind, all_kinds
from base.jobs.listing import list_jobs
from base.jobs.runner import run_next
from operations.account_mails import ACCOUNT_MAIL
from operations.doctor import examine
from tests.factories.accounts import make_user
from tests.factories.catalogue import BucketFactory
from tests.jobs.work import PLAIN, do, registered

pytestmark = pytest.mark.django_db


def restored() -> None:
    installation.wait_for_decision(backup="2026-05-04T080000")


def of_a_plugin(kind: Kind) -> bool:
    """Tell whether a plug-in registers the kind, perhaps as an import."""
    places = (kind.work, kind.model.__module__ if kind.model else "")
    return any(place.startswith("plugins.") for place in places)


def test_what_reaches_out_is_known_and_rests_in_a_copy() -> None:
    outside = [kind for kind in all_kinds() if resources.OUTSIDE in kind.needs]

    assert {kind.name for kind in outside if not of_a_plugin(kind)} == {
        *("account_mail", "callback_sent", "dispatch", "statement_webhook"),
        *("watch_check", "drop_poll", "cloud_scan", "cloud_deletion"),
        *("report_schedules", "dispute_reminders", "statement_reminders"),
    }
    # All that waits for other servers reaches out.
    for kind in all_kinds():
        assert kind.pool == Pool.WORK or kind.every or kind in outside, kind.name


@pytest.mark.parametrize("decided", [None, InstallationRole.COPY])
def test_a_restored_copy_mails_nothing_until_it_is_the_real_one(
    decided: InstallationRole | None,
) -> None:
    person = make_user(Role.ADMIN)
    person.email = "admin@example.org"
    person.save()
    about: dict[str, object] = {
        "what": "signed_in_from_new_place",
        "at": "2026-05-04T08:00:00+00:00",
    }
    services.submit(ACCOUNT_MAIL, person, data=about)
    restored()
    if decided is not None:
        installation.declare(decided, user=person)

    assert run_next(Pool.TALK) is None
    assert selectors.standstill() is None
    (waiting,) = list_jobs(state=JobState.WAITING, kind=ACCOUNT_MAIL.name)
    assert "real installation" in waiting.why
    assert [finding.check for finding in examine() if finding.check == "installation"]

    call_command("installation", "--real")
    assert run_next(Pool.TALK) is not None
    assert [message.to for message in mail.outbox] == [["admin@example.org"]]
    assert not [finding.check for finding in examine() if finding.check == "installation"]
    event = Event.objects.filter(case=installation.CASE).order_by("-sequence").first()
    assert event is not None
    assert event.after == {"role": "real"}


def test_a_job_that_reaches_out_is_handed_back_when_this_becomes_a_copy() -> None:
    went_on = []

    def listen(context: JobContext) -> None:
        installation.declare(InstallationRole.COPY, user=None)
        context.report()
        went_on.append(context)

    with registered(PLAIN, needs=frozenset({resources.OUTSIDE})) as listening:
        do(listen)
        job = services.submit(listening, BucketFactory.create())
        run_next(Pool.WORK)
        assert run_next(Pool.WORK) is None

    job.refresh_from_db()
    assert (job.state, job.attempts) == (JobState.WAITING, 0)
    assert not went_on


def test_a_job_that_a_copy_put_off_runs_when_this_is_the_real_one() -> None:
    def reach_out(_context: JobContext) -> None:
        installation.declare(InstallationRole.COPY, user=None)
        resources.require_outside()

    with (
        registered(PLAIN, needs=frozenset({resources.OUTSIDE})) as listening,
        time_machine.travel(datetime.now(tz=UTC), tick=False) as clock,
    ):
        do(reach_out)
        job = services.submit(listening, BucketFactory.create())
        run_next(Pool.WORK)
        installation.declare(InstallationRole.REAL, user=None)
        clock.shift(resources.PAUSE)
        assert run_next(Pool.WORK) == job


def test_local_work_goes_on_but_fetches_no_link(plain: Kind) -> None:
    services.submit(plain, BucketFactory.create())
    resources.require_outside()
    restored()

    assert run_next(Pool.WORK) is not None
    with pytest.raises(Blocked):
        resources.require_outside()


def test_admins_decide_and_everybody_sees_it(client: Client) -> None:
    address = reverse("portal:installation")
    client.force_login(make_user(Role.VIEWER))
    assert "restored from" not in client.get(reverse("portal:jobs")).content.decode()
    restored()

    page = client.get(reverse("portal:jobs")).content.decode()
    assert "restored from 2026-05-04T080000" in page
    assert address not in page
    assert client.post(address, {"role": "real"}).status_code == 403
    client.logout()
    assert "restored from" in client.get(reverse("account_login")).content.decode()

    admin = make_user(Role.ADMIN)
    admin.is_staff = admin.is_superuser = True
    admin.save()
    client.force_login(admin)
    assert "restored from" in client.get(reverse("admin:index")).content.decode()
    assert address in client.get(reverse("portal:jobs")).content.decode()
    client.post(address, {"role": "copy"})
    assert "This is a copy" in client.get(address).content.decode()
    client.post(address, {"role": "real"})
    assert "restored from" not in client.get(reverse("portal:jobs")).content.decode()
    assert not installation.is_paused()


def test_only_an_admin_decides() -> None:
    with pytest.raises(PermissionDenied):
        installation.declare(InstallationRole.COPY, user=make_user(Role.MANAGER))
