"""Recordings lose the columns that their jobs have now."""

from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    """Drop the columns of the lease and their index."""

    dependencies = [("catalogue", "0015_fingerprinting_is_a_job")]
    operations = [
        migrations.RemoveIndex("recording", "recording_work"),
        migrations.RemoveField("recording", "attempts"),
        migrations.RemoveField("recording", "lease_owner"),
        migrations.RemoveField("recording", "lease_until"),
        migrations.AddIndex(
            "recording", models.Index(fields=["status"], name="recording_status")
        ),
    ]
