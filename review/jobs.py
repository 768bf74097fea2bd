"""The jobs and the regular work of review."""

from __future__ import annotations

from datetime import timedelta

from django.utils.translation import gettext_lazy as _

from base.jobs import resources
from base.jobs.choices import Priority
from base.jobs.kinds import Kind, register
from base.jobs.periodic import periodic
from catalogue.models import Recording
from scanning.models import Container

FOLLOW_CONTAINER = register(
    Kind(
        "follow_container",
        Container,
        "review.services.grounds.run",
        label=_("Matches of a container in another territory"),
        priority=Priority.AFTERWARDS,
        gives_way=True,
        hand_back_after=0.0,
    )
)

JOIN_VERSIONS = register(
    Kind(
        "join_versions",
        Recording,
        "review.services.regrouping.run",
        label=_("Matches of recordings that belong together now"),
        priority=Priority.AFTERWARDS,
        gives_way=True,
        hand_back_after=0.0,
    )
)

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
    needs=frozenset({resources.OUTSIDE}),
    every=timedelta(minutes=5),
    label=_("Reminders of disputes"),
)
