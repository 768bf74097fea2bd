"""The jobs of declarations."""

from __future__ import annotations

from datetime import UTC, datetime

from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

import base.audit.services
from base.jobs.choices import JobState, Priority
from base.jobs.kinds import Kind, register
from plugins.monitoring.declarations.models import Declaration
from reports.choices import RunState


def _end_declaration(declaration: Declaration, state: JobState, code: str, cause: str) -> None:
    """Note when a declaration ended, and why it failed."""
    if code == "lost_worker":
        cause = gettext("The declaration was interrupted too often. Tell an admin.")
    Declaration._base_manager.filter(pk=declaration.pk).update(
        message=cause[:500], finished_at=datetime.now(tz=UTC)
    )
    if state == JobState.FAILED:
        base.audit.services.record(
            case=declaration.case,
            action="declaration.failed",
            after={"code": code, "message": cause[:500]},
        )


DECLARATION = register(
    Kind(
        "declaration",
        Declaration,
        "plugins.monitoring.declarations.declaration_job.run",
        label=_("Declaration"),
        page=lambda declaration: declaration.url,
        priority=Priority.DOCUMENT,
        gives_way=True,
        hand_back_after=10.0,
        # One of a profile at a time.
        key=lambda declaration: f"profile:{declaration.profile_id}",
        mirror={
            JobState.WAITING: RunState.QUEUED,
            JobState.RUNNING: RunState.RUNNING,
            JobState.DONE: RunState.READY,
            JobState.FAILED: RunState.FAILED,
            JobState.CANCELLED: RunState.CANCELLED,
        },
        status_field="state",
        cause_field="message",
        on_end=_end_declaration,
        related=("profile", "replaces", "run_by"),
    )
)
