"""Leases on long work: who runs it, and until when nobody else may take it.

The queue only carries an id and can lose or repeat it; the row with its lease is
the truth. A worker extends the lease while it runs; when it was killed, the lease
ends and the sweeper hands the work out again.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from django.conf import settings
from django.db import models


class Leased(models.Model):
    """Columns of a row that one worker at a time may work on."""

    lease_owner = models.CharField(max_length=64, blank=True, default="")
    lease_until = models.DateTimeField(null=True, blank=True)
    attempts = models.PositiveSmallIntegerField(default=0)

    class Meta:
        abstract = True


def lease_end() -> datetime:
    """Return the moment until which a lease taken or renewed now holds."""
    return datetime.now(tz=UTC) + timedelta(seconds=settings.ACRPORTAL_LEASE_SECONDS)


NO_LEASE: dict[str, object] = {"lease_owner": "", "lease_until": None}
