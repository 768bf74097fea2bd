"""Nobody changes compared sound; lists of streams read few rows."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection
from django.db.models import Model
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from base.accounts.roles import Role
from plugins.monitoring.tests.factories.streams import DAY, StreamHourFactory
from plugins.monitoring.unknown.models import KeptFile, Occurrence, UnknownItem, UnknownPolicy
from tests.factories.review import make_match
from tests.fixtures import MakeClient
from tests.portal.queries import queries_of
from tests.portal.test_admin_screens import address, entered

pytestmark = pytest.mark.django_db

SHOWN: list[type[Model]] = [KeptFile, UnknownItem, UnknownPolicy]


def _one_of_each() -> None:
    match = make_match()
    kept_file = KeptFile.objects.create(scanned_file=match.scanned_file)
    Occurrence.objects.create(
        item=UnknownItem.objects.create(length_ms=9_000),
        file=kept_file,
        start_ms=0,
        end_ms=9_000,
        item_start_ms=0,
        item_end_ms=9_000,
        bits=80,
        score=90,
    )
    UnknownPolicy.objects.create(container=match.scanned_file.container)


def test_unknown_sound_opens_with_a_fixed_number_of_queries_and_stays_as_it_is(
    client: Client,
) -> None:
    _one_of_each()
    rows = {model: model._default_manager.latest("pk") for model in SHOWN}
    entered(client, Role.ADMIN)
    few = {}
    for model, row in rows.items():
        addresses, change = address(model, "changelist"), address(model, "change", row.pk)
        assert client.get(change).status_code == 200, model
        assert client.get(address(model, "add")).status_code == 403, model
        assert client.post(change, {}).status_code == 403, model
        delete = address(model, "delete", row.pk)
        assert client.post(delete, {"post": "yes"}).status_code == 403, model
        few[addresses] = queries_of(client, addresses)

    for _ in range(3):
        _one_of_each()

    for addresses, count in few.items():
        # A second month adds a query for the date hierarchy.
        assert queries_of(client, addresses) <= count + 1, addresses


def test_hours_of_streams_are_filtered_by_days_without_reading_all_rows(
    signed_in: MakeClient,
) -> None:
    hours = [
        StreamHourFactory.create(
            starts_at=DAY + timedelta(days=day), ends_at=DAY + timedelta(days=day, hours=1)
        )
        for day in range(4)
    ]
    client = signed_in(Role.ADMIN)
    listing = reverse("admin:streams_streamhour_changelist")
    first, last = (f"{DAY + timedelta(days=day):%Y-%m-%d}" for day in (1, 2))

    with CaptureQueriesContext(connection) as queries:
        answer = client.get(listing, {"starts_at__from": first, "starts_at__to": last, "q": ""})

    assert set(answer.context["cl"].result_list) == set(hours[1:3])
    assert f'value="{first}"' in answer.content.decode()
    assert not [query for query in queries if "DISTINCT django_datetime" in query["sql"]]
    unreadable = client.get(listing, {"starts_at__from": "soon"})
    assert len(unreadable.context["cl"].result_list) == 4
