"""The groups of recordings that are the same sound."""

from __future__ import annotations

from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.views.decorators.http import require_safe

from accounts.roles import Action
from catalogue.models import Recording, RecordingStatus
from dedup.models import DedupGroup
from portal.access import PortalRequest, needs
from portal.pages import page_of


@require_safe
@needs(Action.VIEW)
def duplicates(request: PortalRequest) -> HttpResponseBase:
    """List the groups with their members."""
    groups = DedupGroup.objects.prefetch_related(
        "members__recording__bucket", "members__linked_to"
    )
    page = page_of(request, groups)
    return render(
        request,
        "dedup/group_list.html",
        {
            "page_obj": page,
            "total": page.paginator.count,
            "references": Recording.objects.filter(
                status=RecordingStatus.READY
            ).count(),
        },
    )
