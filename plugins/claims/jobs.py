"""The jobs that compare platforms' claims with the portal."""

from __future__ import annotations

from datetime import timedelta

from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from base.jobs.choices import Priority
from base.jobs.kinds import Kind, register
from base.jobs.periodic import periodic
from plugins.claims.models import PlatformAccount

COMPARE = register(
    Kind(
        "claims_compare",
        PlatformAccount,
        "plugins.claims.comparing.run",
        label=_("Comparison of platform claims"),
        page=lambda account: f"{reverse('portal:claims')}?account={account.uid}",
        priority=Priority.EVERYTHING,
        gives_way=True,
        hand_back_after=0.0,
    )
)
FOLLOW = register(
    Kind(
        "claims_follow",
        None,
        "plugins.claims.comparing.follow",
        label=_("Comparison of changed platform claims"),
        key=lambda _subject: "all",
        gives_way=True,
    )
)

periodic(
    "claims_plan",
    "plugins.claims.grounds.plan",
    every=timedelta(minutes=1),
    label=_("Planning of comparisons of platform claims"),
)
periodic(
    "claims_daily",
    "plugins.claims.grounds.plan_daily",
    every=timedelta(days=1),
    label=_("Daily comparison of platform claims"),
)
