"""Finds the jobs of rows without reading all jobs of their kind."""

from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    """Add the index."""

    dependencies = [("jobs", "0002_one_queue")]
    operations = [
        migrations.AddIndex(
            model_name="job",
            index=models.Index(fields=["kind", "subject"], name="job_subject"),
        ),
    ]
