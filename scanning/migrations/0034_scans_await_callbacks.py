"""Scans get a status of their own for waiting for ACRCloud."""

from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    """Widen the column; the rows follow."""

    dependencies = [("scanning", "0033_drop_columns_of_cloud_scans")]
    operations = [
        migrations.AlterField(
            model_name="scan",
            name="status",
            field=models.CharField(
                choices=[
                    ("queued", "Queued"),
                    ("running", "Running"),
                    ("awaiting_callback", "Waiting for ACRCloud"),
                    ("succeeded", "Succeeded"),
                    ("failed", "Failed"),
                    ("cancelled", "Cancelled"),
                ],
                default="queued",
                max_length=20,
            ),
        ),
    ]
