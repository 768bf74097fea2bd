"""Rows from before a migration survive it and keep their values.

All migrations run once, in order, on a separate database. As soon as a migration makes
a table, the test adds a row, which every later migration then has to carry.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.apps import apps as apps_of_today
from django.conf import settings
from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.operations import CreateModel, RenameModel
from django.db.migrations.state import ProjectState

from audit.services import first_broken_event
from catalogue.models import CatalogueState
from jobs.models import Job
from review.models import Match
from scanning.models import Container, ScannedFile
from tests import databases

Row = Any  # Any: a historical model
Values = dict[str, Any]  # Any: of any column

NOW = datetime(2026, 5, 4, 12, tzinfo=UTC)
OWN = {
    config.label
    for config in apps_of_today.get_app_configs()
    if Path(config.path).parent == settings.BASE_DIR
}
# Values that constraints require; the field's type decides the others.
FITTING: dict[str, Values] = {
    "audit.event": {"case": "match:m_1", "action": "found", "actor_name": "ana"},
    "review.match": {"last_end_ms": 2, "longest_ms": 1, "state": "pending"},
    "scanning.scannedfile": {"media": "1"},
    "scanning.segment": {"end_ms": 2, "reference_end_ms": 2},
    "catalogue.excludedsegment": {"start_ms": 0, "end_ms": 2},
    "dedup.loopplace": {"start_ms": 0, "end_ms": 2},
    "recurring.occurrence": {"start_ms": 0, "end_ms": 2},
    "streams.streamgap": {"ends_at": NOW + timedelta(minutes=1)},
    "streams.streamhour": {"ends_at": NOW + timedelta(hours=1)},
}
# The record that a row belongs to, where a constraint requires one of several.
OF_ONE = {
    "broadcasts.audience": "broadcast",
    "rights.conflict": "work",
    "rights.othertitle": "work",
    "rights.share": "work",
    "rights.statement": "work",
}
# Columns that a migration rewrites on purpose.
REWRITTEN = {
    "audit.event": {"hash", "actor_salt", "actor_digest"},
    "scanning.container": {"signing_secret"},
    "scanning.scannedfile": {"audio_at", "platform_facts"},
}
# Models that became something else; ``_assert_what_was_worked_out`` checks them.
GONE = {"catalogue.indexchange"}
# Models that another app took over with their tables, and the migration that did it.
TAKEN_OVER = {
    ("imports", "0001_initial"): {
        "catalogue.catalogueimport": "imports.catalogueimport",
        "reports.resultimport": "imports.resultimport",
    }
}
_BY_KIND: list[tuple[type[models.Field[Any, Any]], object]] = [
    (models.DateTimeField, NOW),
    (models.DateField, date(2026, 5, 4)),
    (models.BooleanField, False),
    (models.DecimalField, Decimal(1)),
    (models.IntegerField, 1),
    (models.FloatField, 1.0),
    (models.JSONField, {}),
    (models.BinaryField, b"1"),
    (models.GenericIPAddressField, "192.0.2.1"),
    (models.Field, "1"),
]


@pytest.fixture
def empty_database(db: None) -> Iterator[BaseDatabaseWrapper]:
    """Replace the other tests' database with an empty one."""
    with databases.instead(None) as database:
        yield database


def test_every_migration_carries_the_rows(empty_database: BaseDatabaseWrapper) -> None:
    rows_by_key: dict[tuple[str, Any], Values] = {}  # Any: a key

    for state, made, renamed in _migrated(empty_database):
        rows_by_key = {
            (renamed.get(label, label), key): row
            for (label, key), row in rows_by_key.items()
        }
        for label in made:
            row = _fill(state, label)
            rows_by_key[label, row.pk] = _values(row)
        _say_how_often_it_was_seen(state)

    empty_database.check_constraints()
    for (label, key), before in rows_by_key.items():
        if label in GONE:
            continue
        row = apps_of_today.get_model(label)._base_manager.filter(pk=key).first()
        assert row is not None, f"{label} {key} is gone"
        after = _values(row)
        for name in before.keys() & after.keys() - REWRITTEN.get(label, set()):
            assert after[name] == before[name], f"{label}.{name}"
    assert {label for label, _ in rows_by_key} - GONE == {
        model._meta.label_lower
        for model in apps_of_today.get_models()
        if model._meta.app_label in OWN
    }
    _assert_what_was_worked_out()


def _assert_what_was_worked_out() -> None:
    assert first_broken_event(case="match:m_1") is None
    assert Match.objects.earliest("pk").source_views == 7
    assert ScannedFile.objects.earliest("pk").audio_at is not None
    assert Container.objects.earliest("pk").signing_secret != "1"
    # A change of the index became a job, and then a line of its log.
    assert not Job.objects.filter(kind="index_change").exists()
    assert CatalogueState.objects.exists()


def _migrated(
    database: BaseDatabaseWrapper,
) -> Iterator[tuple[ProjectState, list[str], dict[str, str]]]:
    """Run each migration; return the final state, and the models it made and renamed."""
    executor: Any = MigrationExecutor(database)  # Any: not fully typed
    executor.recorder.ensure_schema()
    state = executor._create_project_state(with_applied_migrations=True)
    for migration, _ in executor.migration_plan(executor.loader.graph.leaf_nodes()):
        state = executor.apply_migration(state, migration)
        made = [
            f"{migration.app_label}.{operation.name_lower}"
            for operation in migration.operations
            if isinstance(operation, CreateModel)
        ]
        app = migration.app_label
        renamed = {
            f"{app}.{operation.old_name_lower}": f"{app}.{operation.new_name_lower}"
            for operation in migration.operations
            if isinstance(operation, RenameModel)
        } | TAKEN_OVER.get((app, migration.name), {})
        yield state, made if app in OWN else [], renamed


def _fill(state: ProjectState, label: str, *, is_second: bool = False) -> Row:
    """Return a new row of a model, with every required column.

    A second row shares no row with the first that only one may have.
    """
    model: Any = state.apps.get_model(label)  # Any: a historical model
    values = dict(FITTING.get(label, {}))
    for field in model._meta.concrete_fields:
        needed = _needs(field) or field.name == OF_ONE.get(label)
        if field.name not in values and needed:
            is_another = field.name == "other" or (is_second and field.one_to_one)
            values[field.name] = _value_for(field, state, is_another=is_another)
    row = model._base_manager.create(**values)
    for field in model._meta.many_to_many:
        if not field.remote_field.through._meta.auto_created:
            continue
        getattr(row, field.name).add(_some(state, field.related_model))
    return model._base_manager.get(pk=row.pk)


def _needs(field: Any) -> bool:  # Any: a field of any kind
    given = field.has_default() or field.null or isinstance(field, models.AutoField)
    empty = isinstance(field, models.FileField | models.TextField) and field.blank
    return not (given or empty or getattr(field, "auto_now_add", False))


def _value_for(
    field: Any,  # Any: as above
    state: ProjectState,
    *,
    is_another: bool,
) -> object:
    if field.is_relation:
        # The second row of a pair has to differ.
        if is_another:
            label = field.related_model._meta.label_lower
            return _fill(state, label, is_second=True)
        return _some(state, field.related_model)
    if field.choices:
        return field.choices[0][0]
    return next(value for kind, value in _BY_KIND if isinstance(field, kind))


def _some(state: ProjectState, model: Any) -> Row:  # Any: a historical model
    return model._base_manager.first() or _fill(state, model._meta.label_lower)


def _values(row: Row) -> Values:
    """Return the row's values, except for the time of its last save."""
    return {
        field.attname: getattr(row, field.attname)
        for field in row._meta.concrete_fields
        if not getattr(field, "auto_now", False)
    }


def _say_how_often_it_was_seen(state: ProjectState) -> None:
    """Add the values that later migrations need to the file, once its columns exist."""
    fields = state.models.get(("scanning", "scannedfile"))
    if fields is None or "platform_facts" not in fields.fields:
        return
    files: Any = state.apps.get_model("scanning", "ScannedFile")._base_manager
    # Any: a historical model
    files.update(platform_facts={"view_count": 7})
