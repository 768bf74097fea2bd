"""Template tag for the list of a container's outgoing callbacks."""

from __future__ import annotations

from typing import Any

from django import template
from django.template.context import Context

from scanning.models import Container

register = template.Library()

_SHOWN = 20


@register.inclusion_tag("portal/containers/_outbound.html", takes_context=True)
def outbound_callbacks(context: Context, container: Container) -> dict[str, Any]:
    """Show the newest callbacks with every attempt. Any: a template's context."""
    rows = container.outbound_callbacks.select_related("scanned_file")
    return {
        "container": container,
        "callbacks": rows.prefetch_related("tries")[:_SHOWN],
        "csrf_token": context.get("csrf_token"),
    }
