"""Seals the names in the events that are there, and closes the tables to changes.

Earlier events held the name itself in their hash; their chains are made anew here, once.
"""

from __future__ import annotations

from typing import Any

from django.apps.registry import Apps
from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

from audit import chains, triggers

_CHUNK = 500
_COLUMNS = ["actor_salt", "actor_digest", "previous_hash", "hash"]


def seal_names(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """Walk every chain from its first event on."""
    model: Any = apps.get_model("audit", "Event")  # Any: the model as it was then
    changed: list[Any] = []
    case, previous = "", ""
    for event in model.objects.order_by("case", "sequence").iterator(_CHUNK):
        if event.case != case:
            case, previous = event.case, ""
        event.actor_salt = chains.new_salt()
        event.actor_digest = chains.seal(event.actor_salt, event.actor_name)
        event.previous_hash = previous
        event.hash = previous = chains.hash_of(chains.line_of(event))
        changed.append(event)
        if len(changed) == _CHUNK:
            model.objects.bulk_update(changed, _COLUMNS)
            changed.clear()
    model.objects.bulk_update(changed, _COLUMNS)


def close(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """Make the triggers."""
    triggers.install(schema_editor.connection)


class Migration(migrations.Migration):
    dependencies = [("audit", "0003_anchors_and_sealed_names")]

    operations = [
        migrations.RunPython(seal_names, migrations.RunPython.noop, elidable=True),
        migrations.RunPython(close, migrations.RunPython.noop, elidable=True),
    ]
