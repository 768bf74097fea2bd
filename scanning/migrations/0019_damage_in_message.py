"""Says of files that were scanned already which part of them could not be decoded."""

from __future__ import annotations

from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps


def tell_damage(apps: StateApps, _schema_editor: BaseDatabaseSchemaEditor) -> None:
    """Write the warnings of decoding where pages, reports and the API read them."""
    files = apps.get_model("scanning", "ScannedFile")._base_manager
    damaged = files.filter(
        facts__warnings__0__isnull=False,
        status__in=["ready", "no_match"],
        message="",
    )
    for file in damaged.only("facts").order_by("pk").iterator(chunk_size=1000):
        told = " ".join(file.facts["warnings"])[:1000]
        files.filter(pk=file.pk).update(message=told)


class Migration(migrations.Migration):
    dependencies = [("scanning", "0018_unfiltered_managers")]

    operations = [migrations.RunPython(tell_damage, migrations.RunPython.noop, elidable=True)]
