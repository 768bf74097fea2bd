"""The jobs that compare statements with today, and tell of those that differ."""

from __future__ import annotations

from datetime import timedelta

from django.utils.translation import gettext_lazy as _

from base.jobs import resources
from base.jobs.choices import Pool, Priority
from base.jobs.kinds import Kind, register
from base.jobs.periodic import periodic
from scanning.jobs import MAX_ATTEMPTS, RETRY_AFTER
from statements.models import Statement
from statements.selectors import statements_in_reach

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


STATEMENT_WEBHOOK = register(
    Kind(
        "statement_webhook",
        Statement,
        "statements.notifications.run",
        needs=frozenset({resources.OUTSIDE}),
        label=_("Message about a statement"),
        pool=Pool.TALK,
        # Each change is a message of its own.
        key=lambda _statement: "",
        lane=lambda _statement: "",
        lane_limit=lambda: 1,
        max_attempts=lambda: MAX_ATTEMPTS,
        pause=lambda attempts: RETRY_AFTER[attempts - 1],
        visible=statements_in_reach,
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
periodic(
    "statement_reminders",
    "statements.notifications.remind",
    needs=frozenset({resources.OUTSIDE}),
    every=timedelta(minutes=5),
    label=_("Reminders of statements to correct"),
)
