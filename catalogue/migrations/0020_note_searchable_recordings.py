"""The log of the index begins with every searchable recording.

Open jobs that changed the index go: its copies follow the log instead.
"""

from __future__ import annotations

from itertools import islice

from django.apps.registry import Apps
from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

_AT_ONCE = 1000


def begin_the_log(apps: Apps, _editor: BaseDatabaseSchemaEditor) -> None:
    """Note every searchable recording, and how many there are."""
    entry_model = apps.get_model("catalogue", "IndexEntry")
    ready = apps.get_model("catalogue", "Recording")._base_manager.filter(
        status="ready", bucket__deleted_at__isnull=True
    )
    position = 0
    rows = ready.order_by("pk").values_list("pk", "bucket_id").iterator()
    while batch := list(islice(rows, _AT_ONCE)):
        entry_model.objects.bulk_create(
            entry_model(
                recording_id=recording,
                bucket_id=bucket,
                is_held=True,
                position=position + number,
            )
            for number, (recording, bucket) in enumerate(batch, start=1)
        )
        position += len(batch)
    apps.get_model("catalogue", "CatalogueState").objects.create(position=position)
    apps.get_model("jobs", "Job").objects.filter(kind="index_change").delete()


def forget_the_log(apps: Apps, _editor: BaseDatabaseSchemaEditor) -> None:
    """Empty the log."""
    apps.get_model("catalogue", "IndexEntry").objects.all().delete()
    apps.get_model("catalogue", "CatalogueState").objects.all().delete()


class Migration(migrations.Migration):
    """Fills the tables of the migration before."""

    dependencies = [
        ("catalogue", "0019_following_copies"),
        ("jobs", "0004_plain_labels"),
    ]
    operations = [migrations.RunPython(begin_the_log, forget_the_log)]
