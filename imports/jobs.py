"""The jobs of imports: each kind is checked while a person waits, then imported."""

from __future__ import annotations

from dataclasses import asdict

from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.utils.translation import gettext_lazy as _

import base.audit.services
from base.jobs.context import JobContext
from base.jobs.errors import Failed
from imports.errors import ImportRefused
from imports.kinds import kind_of
from imports.models import ImportStep, StepState
from imports.undoing.noting import noted
from imports.undoing.steps import undo_import


def check(context: JobContext) -> None:
    """Check the file; nothing is imported."""
    _run(context, dry=True)


def carry_out(context: JobContext) -> None:
    """Import the good entries."""
    _run(context, dry=False)


def undo_check(context: JobContext) -> None:
    """Say what an undo would take back, and what would stay."""
    _run_undo(context, dry=True)


def undo(context: JobContext) -> None:
    """Take back what was imported, as far as it can be."""
    _run_undo(context, dry=False)


def _run_undo(context: JobContext, *, dry: bool) -> None:
    import_, user = context.subject, context.job.requested_by
    if user is None:
        raise Failed("refused", str(_("The account of the person who asked was deleted.")))
    try:
        undone = undo_import(import_.uid, user=user, dry=dry, heartbeat=context.report)
    except PermissionDenied as refused:
        raise Failed("refused", str(refused)) from refused
    with transaction.atomic():
        context.finish(summary=import_.summary | {"undo": {**asdict(undone), "is_done": not dry}})
        if not dry:
            # Steps of earlier attempts count, too.
            steps = ImportStep.objects.filter(import_uid=import_.uid)
            base.audit.services.record(
                case=import_.case,
                action=f"{kind_of(import_).event}_undone",
                actor=user,
                after={
                    "import": import_.uid,
                    "undone": steps.filter(state=StepState.UNDONE).count(),
                    "kept": steps.filter(state=StepState.KEPT).count(),
                },
            )


def _run(context: JobContext, *, dry: bool) -> None:
    import_ = context.subject
    work = kind_of(import_).load_work()
    try:
        with noted("" if dry else import_.uid):
            outcome = work(import_, context.report, dry=dry)
    except ImportRefused as error:
        raise Failed("refused", str(error)) from error
    context.finish(**outcome)
