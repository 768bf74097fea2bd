"""Managers apply access limits and nothing else: they hide no other row."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from django.db.models import QuerySet

from base.accounts.reach import ReachManager, working_for
from base.common.phrases import own_models
from catalogue.models import Bucket
from scanning.models import Container, RetroSearch, Scan, ScannedFile
from tests.factories.catalogue import BucketFactory
from tests.factories.scanning import ContainerFactory, ScanFactory, ScannedFileFactory

OWN = list(own_models())


def test_a_model_has_one_manager_which_leaves_nothing_out_where_nobody_is_limited() -> None:
    assert len(OWN) > 80
    for model in OWN:
        label = model._meta.label
        assert [manager.name for manager in model._meta.managers] == ["objects"], label
        assert model._meta.base_manager_name is None, label
        if hasattr(model, "reach"):
            assert isinstance(model._default_manager, ReachManager), label
        with working_for(None):
            for manager in (model._default_manager, model._base_manager):
                message = str(manager.all().select_related(None).query)
                assert message == str(QuerySet(model).query), (label, manager.name)


def test_every_model_of_deleted_rows_has_a_manager_that_narrows_by_name() -> None:
    deletable = {
        model for model in OWN if any(field.name == "deleted_at" for field in model._meta.fields)
    }

    assert deletable >= {Bucket, Container, ScannedFile}
    with working_for(None):
        for model in deletable:
            present = model._default_manager.present()  # type: ignore[attr-defined]
            assert '"deleted_at" IS NULL' in str(present.query), model


@pytest.mark.django_db
def test_related_managers_return_deleted_rows_and_late_scans() -> None:
    gone = datetime(2026, 5, 2, tzinfo=UTC)
    bucket, container = BucketFactory.create(), ContainerFactory.create()
    deleted = BucketFactory.create(deleted_at=gone)
    container.buckets.add(bucket, deleted)
    file = ScannedFileFactory.create(container=container)
    deleted_file = ScannedFileFactory.create(container=container, deleted_at=gone)
    full = ScanFactory.create(scanned_file=file)
    late = ScanFactory.create(scanned_file=file, retro_search=RetroSearch.objects.create())

    assert set(container.buckets.all()) == {bucket, deleted}
    assert set(container.buckets.present()) == {bucket}
    assert set(container.files.all()) == {file, deleted_file}
    assert set(container.files.present()) == {file}
    assert set(file.scans.all()) == set(Scan.objects.all()) == {full, late}
    assert set(file.scans.full()) == set(Scan.objects.full()) == {full}
    assert deleted.containers.get() == container
