"""The job that checks whether signed notices still hold."""

from __future__ import annotations

from datetime import timedelta

from django.utils.translation import gettext_lazy as _

from jobs.choices import Priority
from jobs.kinds import Kind, register
from jobs.periodic import periodic

CHECK_NOTICES = register(
    Kind(
        "check_notices",
        None,
        "notices.following.run",
        label=_("Check of signed notices"),
        priority=Priority.AFTERWARDS,
        key=lambda _subject: "all",
        gives_way=True,
        hand_back_after=0.0,
    )
)

periodic(
    "notices_plan",
    "notices.following.plan",
    every=timedelta(minutes=1),
    label=_("Planning of checks of signed notices"),
)
periodic(
    "notices_hourly",
    "notices.following.note_all",
    every=timedelta(hours=1),
    label=_("Hourly check of signed notices"),
)
