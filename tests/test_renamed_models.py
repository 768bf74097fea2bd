"""Renamed models keep their rows, content types and permissions.

Backups from before a rename use the earlier model names, and still restore.
"""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.contrib.contenttypes.models import ContentType
from django.core.management import call_command
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.state import ProjectState
from pytest_django import Settings

from accounts.models import User
from catalogue.models import Exclusion
from operations import backup, restoring
from operations.tables import file_sha256, kept_models, write_table
from tests import databases
from tests.databases import Step
from tests.test_migrations import _fill

ACTIONS = ("add", "change", "delete", "view")
_CATALOGUE = ("catalogue", "0013_rename_exclusion")
_CATALOGUE_BEFORE = ("catalogue", "0012_unfiltered_managers")
_REPORTS = ("reports", "0006_rename_report_delivery")
_REPORTS_BEFORE = ("reports", "0005_files_without_words")
# App, and the earlier and the current name.
_EXCLUSION = ("catalogue", "excludedsegment", "exclusion")
_RENAMED_OR_MOVED = [
    ("catalogue", "catalogueimport", "catalogueimport"),
    ("reports", "reportdispatch", "reportdelivery"),
    ("reports", "resultimport", "resultimport"),
]
# From here on the import is no model of catalogue, and not yet one of imports.
_MOVE = ("catalogue", "0017_move_import")


# tests/test_migrations.py renames the tables on every database.
@pytest.mark.any_database
@pytest.mark.django_db
@pytest.mark.parametrize(
    ("first", "before", "last", "renamed"),
    [
        (_CATALOGUE, _CATALOGUE_BEFORE, "catalogue", [_EXCLUSION]),
        # The imports need what the reports rename.
        (_REPORTS, _REPORTS_BEFORE, "imports", _RENAMED_OR_MOVED),
    ],
    ids=["catalogue", "reports"],
)
def test_rows_and_permissions_of_a_renamed_model_stay(
    first: Step, before: Step, last: str, renamed: list[tuple[str, str, str]]
) -> None:
    with databases.instead(first) as database:
        loader: Any = MigrationExecutor(database).loader  # Any: not fully typed
        applied = loader.graph.nodes.keys() & loader.applied_migrations.keys()
        moved = loader.graph.backwards_plan(_MOVE)
        state = loader.project_state(sorted(applied.difference(moved)))
        rows = {old: _fill(state, f"{app}.{old}") for app, old, _ in renamed}
        kinds = {old: _content_type(state, app, old).pk for app, old, _ in renamed}
        holder = User.objects.create(username="ana")
        holder.user_permissions.set(
            Permission.objects.filter(content_type_id__in=kinds.values())
        )

        call_command("migrate", last, verbosity=0)

        for app, old, new in renamed:
            model = ContentType.objects.get(pk=kinds[old]).model_class()
            assert model is not None
            assert model._meta.model_name == new
            assert model._meta.db_table == f"{app}_{old}"
            assert model._base_manager.filter(pk=rows[old].pk).exists()
            assert not ContentType.objects.filter(app_label=app, model=old).exists()
            assert _codenames(kinds[old]) == {f"{action}_{new}" for action in ACTIONS}
        assert holder.user_permissions.count() == len(renamed) * len(ACTIONS)

        call_command("migrate", *before, verbosity=0)

        for old, kind in kinds.items():
            assert _codenames(kind) == {f"{action}_{old}" for action in ACTIONS}
        assert holder.user_permissions.count() == len(renamed) * len(ACTIONS)


@pytest.mark.slow
@pytest.mark.django_db
def test_a_backup_from_before_the_renames_restores(
    tmp_path: Path,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    settings.ACRPORTAL_DATA_DIR = tmp_path / "data"
    monkeypatch.setenv("SECRET_KEY", "of the backup")
    with databases.instead(_CATALOGUE) as database:
        state = _before_the_renames(database)
        row = _fill(state, "catalogue.excludedsegment")
        _content_type(state, "catalogue", "excludedsegment")
        folder = _backup(state, database, tmp_path / "backup")
        type(row)._base_manager.all().delete()

        rows = restoring.restore(folder, lambda _: None)

        assert rows["catalogue.excludedsegment"] == 1
        assert Exclusion.objects.get().uid == row.uid
        kinds = ContentType.objects.filter(app_label="catalogue")
        assert not kinds.filter(model="excludedsegment").exists()
        assert kinds.filter(model="exclusion").count() == 1


def _before_the_renames(database: BaseDatabaseWrapper) -> ProjectState:
    """Migrate the reports, too, up to their renames; return the models of that time."""
    executor: Any = MigrationExecutor(database)  # Any: not fully typed
    state = executor.migrate([_REPORTS_BEFORE])
    assert isinstance(state, ProjectState)
    # While migrating, related models are not always made anew.
    state.clear_delayed_apps_cache()
    return state


def _content_type(state: ProjectState, app: str, model: str) -> Any:  # Any: historical
    kind = state.apps.get_model("contenttypes", "ContentType").objects.create(
        app_label=app, model=model
    )
    for action in ACTIONS:
        Permission.objects.create(
            content_type_id=kind.pk, codename=f"{action}_{model}", name=action
        )
    return kind


def _codenames(content_type: int) -> set[str]:
    permissions = Permission.objects.filter(content_type_id=content_type)
    return set(permissions.values_list("codename", flat=True))


def _backup(state: ProjectState, database: BaseDatabaseWrapper, folder: Path) -> Path:
    """Write a backup as the version before the renames did."""
    for name in ("tables", "index", "keys"):
        (folder / name).mkdir(parents=True)
    tables = [
        write_table(model, folder / "tables") for model in kept_models(state.apps)
    ]
    (folder / "keys" / backup.SECRET_KEY_NAME).write_text("of the backup")
    with gzip.open(folder / backup.MEDIA_LIST, "wb"):
        pass
    applied = MigrationExecutor(database).loader.applied_migrations
    manifest = {
        "format": backup.FORMAT,
        "migrations": [list(node) for node in applied],
        "tables": [
            {
                "model": table.model,
                "file": table.file,
                "rows": table.rows,
                "sha256": table.sha256,
            }
            for table in tables
        ],
        "media": {"files": 0, "sha256": file_sha256(folder / backup.MEDIA_LIST)},
        "index": {"files": {}},
        "keys": {
            backup.SECRET_KEY_NAME: file_sha256(
                folder / "keys" / backup.SECRET_KEY_NAME
            )
        },
    }
    (folder / backup.MANIFEST).write_text(json.dumps(manifest))
    return folder
