"""Callbacks to send lose the columns that their jobs have now."""

from __future__ import annotations

from django.db import migrations


class Migration(migrations.Migration):
    """Drop the columns of the lease and of the next attempt, and their index."""

    dependencies = [("scanning", "0024_callbacks_sent_are_jobs")]
    operations = [
        migrations.RemoveIndex("outboundcallback", "outbound_due"),
        migrations.RemoveField("outboundcallback", "attempts"),
        migrations.RemoveField("outboundcallback", "lease_owner"),
        migrations.RemoveField("outboundcallback", "lease_until"),
        migrations.RemoveField("outboundcallback", "next_attempt_at"),
    ]
