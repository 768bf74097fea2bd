"""The job that follows the calendar: agreements end, and our share with them."""

from __future__ import annotations

from datetime import timedelta

from django.utils.translation import gettext_lazy as _

from base.jobs.choices import Priority
from base.jobs.kinds import Kind, register
from base.jobs.periodic import periodic

REVIEW_RIGHTS = register(
    Kind(
        "review_rights",
        None,
        "plugins.rights.reviewing.run",
        label=_("Check of rights for conflicts"),
        priority=Priority.EVERYTHING,
        key=lambda _subject: "all",
        gives_way=True,
        hand_back_after=0.0,
    )
)

periodic(
    "rights_conflicts",
    "plugins.rights.reviewing.plan",
    every=timedelta(days=1),
    label=_("Daily check of rights"),
)
