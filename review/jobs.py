"""The regular work of review."""

from __future__ import annotations

from datetime import timedelta

from django.utils.translation import gettext_lazy as _

from jobs.periodic import periodic

periodic(
    "review_locks",
    "review.services.locks.release_expired_locks",
    every=timedelta(seconds=20),
    label=_("End of review locks"),
)
periodic(
    "licence_expiry",
    "review.services.licences.end_expired",
    every=timedelta(minutes=1),
    label=_("End of licences"),
)
periodic(
    "dispute_reminders",
    "review.services.reminders.remind",
    every=timedelta(minutes=5),
    label=_("Reminders of disputes"),
)
