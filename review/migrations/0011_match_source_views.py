"""Keeps the views of the source on the match, and fills them in for those there are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import migrations, models
from django.db.models.fields.json import KeyTextTransform
from django.db.models.functions import Cast, Coalesce

if TYPE_CHECKING:
    from django.apps.registry import Apps
    from django.db.backends.base.schema import BaseDatabaseSchemaEditor


def fill_in(apps: Apps, _schema_editor: BaseDatabaseSchemaEditor) -> None:
    """Write the views of all sources that have any, in one statement."""
    match = apps.get_model("review", "Match")
    file = apps.get_model("scanning", "ScannedFile")
    counted = file.objects.filter(platform_facts__has_key="view_count")
    views = Cast(
        KeyTextTransform("view_count", "platform_facts"), models.BigIntegerField()
    )
    own = counted.filter(pk=models.OuterRef("scanned_file")).values(views=views)
    match.objects.filter(scanned_file__in=counted.values("pk")).update(
        source_views=Coalesce(models.Subquery(own), 0)
    )


class Migration(migrations.Migration):
    dependencies = [
        ("review", "0010_queue_indexes"),
        ("scanning", "0012_queue_indexes"),
    ]

    operations = [
        migrations.AddField(
            model_name="match",
            name="source_views",
            field=models.BigIntegerField(
                default=0,
                help_text="How often the source was seen, as its platform counts.",
            ),
        ),
        migrations.AddIndex(
            model_name="match",
            index=models.Index(
                condition=models.Q(
                    ("state__in", ["pending", "in_review", "escalated"])
                ),
                fields=["-priority", "-source_views", "-matched_ms", "id"],
                include=("scanned_file",),
                name="match_at_stake",
            ),
        ),
        migrations.RunPython(fill_in, migrations.RunPython.noop, elidable=True),
    ]
