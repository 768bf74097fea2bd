"""The two steps of an import, in the worker."""

from __future__ import annotations

from imports.errors import ImportRefused
from imports.jobs import kind_of
from jobs.context import JobContext
from jobs.errors import Failed


def check(context: JobContext) -> None:
    """Check the file; nothing is imported."""
    _run(context, dry=True)


def carry_out(context: JobContext) -> None:
    """Import the good entries."""
    _run(context, dry=False)


def _run(context: JobContext, *, dry: bool) -> None:
    one = context.subject
    work = kind_of(one).load_work()
    try:
        outcome = work(one, context.report, dry=dry)
    except ImportRefused as error:
        raise Failed("refused", str(error)) from error
    context.finish(**outcome)
