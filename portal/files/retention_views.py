"""The retention rules and what they will delete next."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from accounts.roles import Action
from operations.retention import outlook
from portal.shared.access import PortalRequest, needs

AHEAD = (0, 7, 30, 90, 365)
_USUAL = 30


@never_cache
@require_GET
@needs(Action.DELETE)
def retention(request: PortalRequest) -> HttpResponseBase:
    """List the rules with what each deletes within the chosen number of days."""
    asked = request.GET.get("days", "")
    days = next((choice for choice in AHEAD if str(choice) == asked), _USUAL)
    by = datetime.now(tz=UTC) + timedelta(days=days)
    context = {"rules": outlook(by=by), "days": days, "ahead": AHEAD, "by": by}
    return render(request, "portal/files/retention.html", context)
