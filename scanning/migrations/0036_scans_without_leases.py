"""Scans lose the columns that their jobs have now."""

from __future__ import annotations

from django.db import migrations, models

_ACTIVE = models.Q(status__in=("queued", "running", "awaiting_callback"))


class Migration(migrations.Migration):
    """Drop the columns of the lease and the queue, and their indexes."""

    dependencies = [("scanning", "0035_scans_are_jobs")]
    operations = [
        migrations.RemoveConstraint("scan", "scan_one_active_per_engine"),
        migrations.RemoveConstraint("scan", "scan_progress_percent"),
        migrations.RemoveIndex("scan", "scan_work"),
        migrations.RemoveIndex("scan", "scan_turns"),
        migrations.RemoveField("scan", "attempts"),
        migrations.RemoveField("scan", "cancel_requested"),
        migrations.RemoveField("scan", "lease_owner"),
        migrations.RemoveField("scan", "lease_until"),
        migrations.RemoveField("scan", "progress"),
        migrations.RemoveField("scan", "stage"),
        migrations.RemoveField("scan", "turn"),
        migrations.RemoveField("scan", "waited_for"),
        migrations.AddIndex(
            "scan",
            models.Index(fields=["status"], condition=_ACTIVE, name="scan_active"),
        ),
        migrations.AddConstraint(
            "scan",
            models.UniqueConstraint(
                fields=("scanned_file", "engine"),
                condition=_ACTIVE,
                name="scan_one_active_per_engine",
            ),
        ),
    ]
