"""Repeated unknown sound on the wire, in the form of ACRCloud's UCF results."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from django.contrib.auth.models import Group

from base.accounts.models import AccessLimit
from base.accounts.roles import Role
from plugins.monitoring.tests.factories.unknown import (
    LENGTH_MS,
    KeptFileFactory,
    OccurrenceFactory,
    make_item,
)
from plugins.monitoring.unknown.models import ItemState, UnknownItem, UnknownPolicy
from scanning.models import Container
from tests.acrapi.conftest import Api, MakeApi
from tests.factories.scanning import ContainerFactory


@pytest.fixture
def container(db: None) -> Container:
    return ContainerFactory.create(name="Radio")


def results(container: Container, suffix: str = "") -> str:
    return f"/api/ucf-projects/{container.pk}/results{suffix}"


def ids(answer: Any) -> list[int]:  # Any: JSON
    assert answer.status_code == 200, answer.json()
    return [row["id"] for row in answer.json()["data"]]


def test_containers_that_find_unknown_sound_are_projects(api: Api, container: Container) -> None:
    item = make_item(container=container)
    off = ContainerFactory.create()
    UnknownPolicy.objects.create(container=off, is_on=False)

    answer = api.get("/api/ucf-projects").json()

    assert [row["id"] for row in answer["data"]] == [container.pk]
    assert set(answer["data"][0]) == {"id", "name", "region", "type", "created_at"}
    assert answer["data"][0]["type"] == "FILES"
    # What the vendor does not document is a clear 404.
    for path in (
        results(container, f"/{item.pk}/details"),
        results(container, f"/{item.pk}/record"),
        f"/api/ucf-projects/{container.pk}/streams",
    ):
        unsupported = api.get(path)
        assert unsupported.status_code == 404
        assert "UCF" in unsupported.json()["message"]
    assert api.get(results(container, "/999999")).status_code == 404
    assert api.get("/api/ucf-projects/999999/results").status_code == 404


def test_a_result_has_the_documented_fields(api: Api, container: Container) -> None:
    item = make_item(plays=3, container=container)
    OccurrenceFactory.create(item=item, file=KeptFileFactory.create())

    (row,) = api.get(results(container)).json()["data"]

    assert row == {
        "id": item.pk,
        "acr_id": item.acr_id,
        "status": 0,
        "label": 0,
        "num": 3,
        "duration_ms": LENGTH_MS,
        "metadata": None,
        "created_at": f"{item.created_at:%Y-%m-%d %H:%M:%S}",
        "pid": container.pk,
        "operators": [],
        "updated_at": f"{item.updated_at:%Y-%m-%d %H:%M:%S}",
    }
    assert len(row["acr_id"]) == 32
    for name in (str(item.pk), item.acr_id):
        assert api.get(results(container, f"/{name}")).json()["data"] == row


def test_filters_and_orders(api: Api, container: Container) -> None:
    often, long = (make_item(plays=4, container=container), make_item(container=container))
    UnknownItem.objects.filter(pk=long.pk).update(length_ms=90_000)
    old = make_item(container=container)
    UnknownItem.objects.filter(pk=old.pk).update(
        created_at=datetime(2020, 5, 27, 23, 59, 59, tzinfo=UTC)
    )
    path = results(container)

    assert ids(api.get(path)) == [old.pk, long.pk, often.pk]
    assert ids(api.get(f"{path}?sortby=num"))[0] == often.pk
    assert ids(api.get(f"{path}?sortby=duration_ms&order=asc"))[-1] == long.pk
    assert ids(api.get(f"{path}?min=60")) == [long.pk]
    assert ids(api.get(f"{path}?max=60&order=asc")) == [often.pk, old.pk]
    assert ids(api.get(f"{path}?end_date=2020-05-27")) == [old.pk]
    assert ids(api.get(f"{path}?begin_date=2020-05-28&order=asc")) == [often.pk, long.pk]
    assert ids(api.get(f"{path}?ucf_id={long.pk}")) == [long.pk]
    assert ids(api.get(f"{path}?label=4")) == []
    assert ids(api.get(f"{path}?status=14")) == []
    assert len(ids(api.get(f"{path}?per_page=2&page=2"))) == 1
    assert api.get(f"{path}?min=soon").status_code == 422
    assert api.get(f"{path}?end_date=27.05.2020").status_code == 422


def test_deleted_results_are_ignored_and_pending_brings_them_back(
    api: Api, container: Container
) -> None:
    item = make_item(container=container)
    path = results(container, f"/{item.pk}")

    assert api.call("DELETE", f"{path}?reserved=1").status_code == 204

    item.refresh_from_db()
    assert item.state == ItemState.IGNORED
    assert ids(api.get(results(container))) == []
    assert ids(api.get(f"{results(container)}?status=-1")) == [item.pk]
    answer = api.call("POST", f"{path}/pending")
    assert (answer.status_code, answer.json()["data"]["status"]) == (200, 0)
    assert api.call("POST", f"{path}/pending").status_code == 200
    UnknownItem.objects.filter(pk=item.pk).update(state=ItemState.NAMED)
    assert api.call("DELETE", path).status_code == 409
    assert api.call("POST", f"{path}/pending").status_code == 409


def test_items_of_hidden_containers_are_unknown(make_api: MakeApi, container: Container) -> None:
    item = make_item(container=container)
    other_container = ContainerFactory.create()
    api = make_api(Role.REVIEWER)
    desk = Group.objects.create(name="desk")
    AccessLimit.objects.create(group=desk, containers=[other_container.pk])
    api.owner.groups.add(desk)

    assert ids(api.get("/api/ucf-projects")) == [other_container.pk]
    assert ids(api.get(results(other_container))) == []
    assert api.get(results(container, f"/{item.pk}")).status_code == 404
    assert (
        make_api(Role.VIEWER).call("DELETE", results(container, f"/{item.pk}")).status_code == 403
    )
