"""Template tag for the list of a container's outgoing callbacks."""

from __future__ import annotations

from typing import Any

from django import template
from django.template.context import Context

from jobs.choices import JobState
from jobs.selectors import jobs_of
from scanning.jobs import CALLBACK_SENT
from scanning.models import Container

register = template.Library()

_SHOWN = 20


@register.inclusion_tag("portal/containers/_outbound.html", takes_context=True)
def outbound_callbacks(context: Context, container: Container) -> dict[str, Any]:
    """Show the newest callbacks with every attempt. Any: a template's context."""
    rows = container.outbound_callbacks.select_related("scanned_file")
    callbacks = list(rows.prefetch_related("attempts")[:_SHOWN])
    waiting = jobs_of(CALLBACK_SENT, callbacks, [JobState.WAITING])
    return {
        "container": container,
        "callbacks": [(callback, waiting.get(callback.pk)) for callback in callbacks],
        "csrf_token": context.get("csrf_token"),
    }
