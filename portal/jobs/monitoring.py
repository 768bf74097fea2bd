"""Lets the page of jobs retry and cancel declarations."""

from __future__ import annotations

from accounts.roles import Action
from monitoring.declarations import services
from monitoring.declarations.services import DeclarationRefused
from portal.jobs.services import ACTIONS, REFUSALS, JobActions

REFUSALS.append(DeclarationRefused)
ACTIONS["declaration"] = JobActions(
    Action.APPROVE,
    lambda job, user: services.try_again(declaration=job.subject, user=user),
    lambda job, user: services.cancel_declaration(declaration=job.subject, user=user),
)
