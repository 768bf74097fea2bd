"""Checks lose the columns that their jobs have now."""

from __future__ import annotations

from django.db import migrations


class Migration(migrations.Migration):
    """Drop the columns of the lease, and the rule that the job's key replaces."""

    dependencies = [("dedup", "0004_checks_are_jobs")]
    operations = [
        migrations.RemoveConstraint("cataloguecheck", "dedup_one_check_at_a_time"),
        migrations.RemoveField("cataloguecheck", "attempts"),
        migrations.RemoveField("cataloguecheck", "cancel_requested"),
        migrations.RemoveField("cataloguecheck", "lease_owner"),
        migrations.RemoveField("cataloguecheck", "lease_until"),
    ]
