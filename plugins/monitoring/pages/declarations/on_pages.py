"""What declarations add to the pages of reports and jobs."""

from __future__ import annotations

from base.accounts.models import User
from base.accounts.roles import Action
from plugins.monitoring.declarations import services
from web.portal.shared.cards import Card
from web.portal.shared.job_actions import JobActions


def _tab(tab: str, _user: User) -> str:
    return tab


CARDS = (Card("reports.tabs", "portal/declarations/_tab.html", _tab),)
JOB_ACTIONS = JobActions(
    Action.APPROVE,
    lambda job, user: services.try_again(declaration=job.subject, user=user),
    lambda job, user: services.cancel_declaration(declaration=job.subject, user=user),
    refusals=(services.DeclarationRefused,),
)
