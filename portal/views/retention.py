"""What is deleted when, and what goes next."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from accounts.roles import Action
from operations.retention import outlook
from portal.access import PortalRequest, needs

AHEAD = (0, 7, 30, 90, 365)
_USUAL = 30


@never_cache
@require_GET
@needs(Action.DELETE)
def retention(request: PortalRequest) -> HttpResponseBase:
    """List the rules with what each takes within the days that were chosen."""
    asked = request.GET.get("days", "")
    days = next((one for one in AHEAD if str(one) == asked), _USUAL)
    by = datetime.now(tz=UTC) + timedelta(days=days)
    context = {"rules": outlook(by=by), "days": days, "ahead": AHEAD, "by": by}
    return render(request, "portal/retention.html", context)
