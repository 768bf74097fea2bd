from __future__ import annotations

from django.apps.registry import Apps
from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor


def forget_derived_names(apps: Apps, editor: BaseDatabaseSchemaEditor) -> None:
    """Runs without a name were called after their schema and time: match-report/2 2026…"""
    runs = apps.get_model("reports", "ReportRun").objects.using(editor.connection.alias)
    runs.filter(name__regex=r"^[a-z-]+/[0-9]+ [0-9-]{10} [0-9]{2}:[0-9]{2}$").update(
        name=""
    )


class Migration(migrations.Migration):
    dependencies = [
        ("reports", "0017_name_columns"),
    ]

    operations = [
        migrations.AlterField(
            model_name="reportrun",
            name="name",
            field=models.CharField(blank=True, default="", max_length=200),
        ),
        migrations.RunPython(
            forget_derived_names, migrations.RunPython.noop, elidable=True
        ),
    ]
