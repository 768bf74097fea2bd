"""The job that compares statements with today."""

from __future__ import annotations

from datetime import timedelta

from django.utils.translation import gettext_lazy as _

from jobs.choices import Priority
from jobs.kinds import Kind, register
from jobs.periodic import periodic

CHECK_STATEMENTS = register(
    Kind(
        "check_statements",
        None,
        "statements.following.run",
        label=_("Check of statements"),
        priority=Priority.AFTERWARDS,
        key=lambda _subject: "all",
        gives_way=True,
        hand_back_after=0.0,
    )
)

periodic(
    "statements_plan",
    "statements.following.plan",
    every=timedelta(minutes=1),
    label=_("Planning of checks of statements"),
)
periodic(
    "statements_hourly",
    "statements.following.note_all",
    every=timedelta(hours=1),
    label=_("Hourly check of statements"),
)
