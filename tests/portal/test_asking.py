"""What ends for good is asked about on a page of its own, and only a POST ends it."""

from __future__ import annotations

import pytest
from django.db.models import Model
from django.test import Client
from django.urls import reverse

from base.accounts.models import User
from base.accounts.roles import Role
from base.accounts.tokens import create_token
from reports.layouts import Layout
from reports.models import ReportSchedule
from reports.models.schedule import Every
from reports.scheduling import schedule_report
from reports.services import save_template
from scanning.services.identification import create_project
from tests.factories.catalogue import BucketFactory
from tests.fixtures import MakeClient

pytestmark = pytest.mark.django_db


def _token(admin: User) -> tuple[Model, str]:
    row = create_token(owner=admin, name="nightly import", scopes=["all"]).token
    return row, reverse("portal:token_revoke", args=[row.uid])


def _keys(admin: User) -> tuple[Model, str]:
    buckets = [BucketFactory.create()]
    project = create_project(name="nightly import", buckets=buckets, user=admin)
    return project, reverse("portal:project_revoke", args=[project.uid])


def _template(admin: User) -> tuple[Model, str]:
    row = save_template(name="nightly import", layout=Layout(), user=admin)
    return row, reverse("portal:report_template_delete", args=[row.uid])


def _schedule(admin: User) -> tuple[Model, str]:
    template = save_template(name="nightly import", layout=Layout(), user=admin)
    schedule = ReportSchedule(
        template=template, every=Every.DAY, hour=7, recipients=["legal@example.org"]
    )
    row = schedule_report(schedule=schedule, user=admin)
    return row, reverse("portal:report_schedule_end", args=[row.uid])


def asks_first(client: Client, row: Model, address: str) -> None:
    """Click, and press the button on the page that asks; the page names the row."""
    models = type(row)._default_manager.values().filter(pk=row.pk)
    before = models.get()

    answer = client.get(address)

    page = answer.content.decode()
    assert answer.status_code == 200
    assert "nightly import" in page
    assert "Cancel" in page
    assert models.get() == before
    seen = {"seen": address.partition("seen=")[2]}
    assert client.post(address.partition("?")[0], seen).status_code == 302
    after = models.first()
    assert after is None or after["revoked_at"] is not None, address


def test_a_click_asks_first_and_the_button_ends_it(signed_in: MakeClient, admin: User) -> None:
    client = signed_in(Role.ADMIN)

    for make in (_token, _keys, _template, _schedule):
        asks_first(client, *make(admin))
