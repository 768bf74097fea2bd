"""Cloud scans lose the columns that their jobs have now."""

from __future__ import annotations

from django.db import migrations


class Migration(migrations.Migration):
    """Drop the columns of the lease, the due time and its index."""

    dependencies = [("scanning", "0032_cloud_scans_are_jobs")]
    operations = [
        migrations.RemoveIndex("cloudjob", "cloud_job_due"),
        migrations.RemoveField("cloudjob", "attempts"),
        migrations.RemoveField("cloudjob", "due_at"),
        migrations.RemoveField("cloudjob", "lease_owner"),
        migrations.RemoveField("cloudjob", "lease_until"),
    ]
