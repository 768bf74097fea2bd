"""Deletions in the cloud lose the columns that their jobs have now."""

from __future__ import annotations

from django.db import migrations


class Migration(migrations.Migration):
    """Drop the columns of the lease, the due time and its index."""

    dependencies = [("scanning", "0030_cloud_deletions_are_jobs")]
    operations = [
        migrations.RemoveIndex("clouddeletion", "cloud_deletion_due"),
        migrations.RemoveField("clouddeletion", "attempts"),
        migrations.RemoveField("clouddeletion", "due_at"),
        migrations.RemoveField("clouddeletion", "lease_owner"),
        migrations.RemoveField("clouddeletion", "lease_until"),
    ]
