"""Managers apply access limits and nothing else: they hide no other row."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from django.db.models import Manager, Model, QuerySet

from accounts.reach import ReachManager, working_for
from catalogue.models import Bucket
from common.words import own_models
from monitoring.streams.models import Stream
from scanning.models import Container, RetroSearch, Scan, ScannedFile
from tests.factories.catalogue import BucketFactory
from tests.factories.scanning import ContainerFactory, ScanFactory, ScannedFileFactory

OWN = list(own_models())
MANAGERS = [
    pytest.param(model, manager, id=f"{model._meta.label}.{manager.name}")
    for model in OWN
    for manager in (*model._meta.managers, model._base_manager)
]


@pytest.mark.parametrize(("model", "manager"), MANAGERS)
def test_a_manager_leaves_nothing_out_where_nobody_is_limited(
    model: type[Model], manager: Manager[Model]
) -> None:
    with working_for(None):
        told = str(manager.all().query)

        assert told == str(QuerySet(model).query)


@pytest.mark.parametrize("model", OWN, ids=lambda model: model._meta.label)
def test_a_model_has_one_manager(model: type[Model]) -> None:
    assert [manager.name for manager in model._meta.managers] == ["objects"]
    assert model._meta.base_manager_name is None
    if hasattr(model, "reach"):
        assert isinstance(model._default_manager, ReachManager)


@pytest.mark.parametrize("model", [Bucket, Container, ScannedFile, Stream])
def test_what_can_be_deleted_is_narrowed_by_name(model: type[Model]) -> None:
    with working_for(None):
        present = model._default_manager.present()  # type: ignore[attr-defined]

        assert '"deleted_at" IS NULL' in str(present.query)


def test_every_model_of_deleted_rows_has_a_manager_that_narrows() -> None:
    deletable = {
        model
        for model in OWN
        if any(field.name == "deleted_at" for field in model._meta.fields)
    }

    assert deletable == {Bucket, Container, ScannedFile, Stream}


@pytest.mark.django_db
def test_related_managers_return_deleted_rows_and_late_scans() -> None:
    gone = datetime(2026, 5, 2, tzinfo=UTC)
    bucket, container = BucketFactory.create(), ContainerFactory.create()
    deleted = BucketFactory.create(deleted_at=gone)
    container.buckets.add(bucket, deleted)
    file = ScannedFileFactory.create(container=container)
    deleted_file = ScannedFileFactory.create(container=container, deleted_at=gone)
    full = ScanFactory.create(scanned_file=file)
    late = ScanFactory.create(
        scanned_file=file, retro_search=RetroSearch.objects.create()
    )

    assert set(container.buckets.all()) == {bucket, deleted}
    assert set(container.buckets.present()) == {bucket}
    assert set(container.files.all()) == {file, deleted_file}
    assert set(container.files.present()) == {file}
    assert set(file.scans.all()) == set(Scan.objects.all()) == {full, late}
    assert set(file.scans.full()) == set(Scan.objects.full()) == {full}
    assert deleted.containers.get() == container
