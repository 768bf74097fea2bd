"""Accepts the suggestions of one act in the background."""

from __future__ import annotations

from base.accounts.reach import working_for
from base.jobs.context import JobContext
from base.jobs.errors import Failed
from plugins.filling.deciding import apply_act
from plugins.filling.models import Suggestion


def run(context: JobContext) -> None:
    """Accept what a person chose, within what the person may see by now."""
    act = str(context.job.data["act"])
    user = context.job.requested_by
    if user is None or not user.is_active:
        raise Failed("no_user", "The person who accepted is no longer here.")
    with working_for(user):
        total = max(1, Suggestion.objects.filter(act=act).count())
        apply_act(act=act, user=user, heartbeat=lambda done: context.report(done / total))
    context.finish()
