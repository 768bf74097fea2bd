"""Searches lose the columns that their jobs have now."""

from __future__ import annotations

from django.db import migrations


class Migration(migrations.Migration):
    """Drop the columns of the lease and their index."""

    dependencies = [("scanning", "0022_retro_searches_are_jobs")]
    operations = [
        migrations.RemoveIndex("retrosearch", "retro_work"),
        migrations.RemoveField("retrosearch", "attempts"),
        migrations.RemoveField("retrosearch", "cancel_requested"),
        migrations.RemoveField("retrosearch", "lease_owner"),
        migrations.RemoveField("retrosearch", "lease_until"),
    ]
