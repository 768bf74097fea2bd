from __future__ import annotations

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("catalogue", "0007_search_earlier"),
    ]

    operations = [
        migrations.AddField(
            model_name="recording",
            name="merged_into",
            field=models.ForeignKey(
                blank=True,
                editable=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="aliases",
                to="catalogue.recording",
            ),
        ),
        migrations.AddField(
            model_name="bucket",
            name="intake_versions",
            field=models.BooleanField(
                default=False,
                help_text="Another version of a recording counts as being there, too.",
                verbose_name="versions count",
            ),
        ),
    ]
