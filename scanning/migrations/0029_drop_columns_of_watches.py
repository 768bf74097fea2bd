"""Watches lose the columns that their jobs have now."""

from __future__ import annotations

from django.db import migrations


class Migration(migrations.Migration):
    """Drop the columns of the lease and of the next check, and their index."""

    dependencies = [("scanning", "0028_watch_checks_are_jobs")]
    operations = [
        migrations.RemoveIndex("watch", "watch_due"),
        migrations.RemoveField("watch", "attempts"),
        migrations.RemoveField("watch", "lease_owner"),
        migrations.RemoveField("watch", "lease_until"),
        migrations.RemoveField("watch", "next_check_at"),
    ]
