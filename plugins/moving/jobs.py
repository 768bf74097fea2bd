"""The jobs of trials; moves are imports, which have jobs of their own."""

from __future__ import annotations

from datetime import timedelta

from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from base.accounts.reach import is_limited, person_at_work
from base.accounts.roles import Action
from base.jobs import resources
from base.jobs.choices import Priority
from base.jobs.kinds import Kind, register
from base.jobs.periodic import periodic
from plugins.moving.models import EngineTrial


def _all_for_those_who_configure() -> QuerySet[EngineTrial] | None:
    """Return no trial for people who do not see accounts; None for all."""
    person = person_at_work()
    if person is None or (person.has_perm(Action.CONFIGURE) and not is_limited(person)):
        return None
    return EngineTrial.objects.none()


TRIAL = register(
    Kind(
        "trial_compare",
        EngineTrial,
        "plugins.moving.trials.sampling.run",
        page=lambda trial: trial.url,
        needs=frozenset({resources.OUTSIDE}),
        label=_("Comparison of two engines"),
        priority=Priority.EVERYTHING,
        gives_way=True,
        hand_back_after=10.0,
        related=("account",),
        visible=_all_for_those_who_configure,
    )
)
periodic(
    "trials",
    "plugins.moving.trials.sampling.plan",
    every=timedelta(minutes=15),
    label=_("Comparison of all trials"),
)
