"""Received callbacks lose the columns that their jobs have now."""

from __future__ import annotations

from django.db import migrations


class Migration(migrations.Migration):
    """Drop the count of attempts and the time of the next one."""

    dependencies = [("scanning", "0026_callbacks_received_are_jobs")]
    operations = [
        migrations.RemoveField("inboundcallback", "attempts"),
        migrations.RemoveField("inboundcallback", "next_attempt_at"),
    ]
