"""The "History" of an admin screen: the chain of events of what it shows.

Django's own log knows only what was done in the admin; the events tell what pages, API
and worker did too.
"""

from __future__ import annotations

from django.db.models import Model
from django.http import HttpRequest
from django.template.response import TemplateResponse

from audit.models import Event
from audit.services import first_broken_event
from reports.models import ReportRun
from review.models import Licence, Match, Policy

_SHOWN = 200
# Model → the beginning of its case, and the column that ends it.
_CASES = {
    "bucket": ("bucket", "pk"),
    "cloudaccount": ("cloud_account", "pk"),
    "container": ("container", "pk"),
    "dedupgroup": ("dedup", "uid"),
    "excludedsegment": ("recording", "recording.uid"),
    "recording": ("recording", "uid"),
    "scannedfile": ("file", "uid"),
    "user": ("user", "pk"),
    "watch": ("watch", "uid"),
}


def case_of(shown: Model) -> str:
    """Return the name under which the audit trail keeps something; empty for no case."""
    if isinstance(shown, Match | Licence | Policy | ReportRun):
        return shown.case
    beginning, column = _CASES.get(str(shown._meta.model_name), ("", ""))
    if not beginning:
        return ""
    value: object = shown
    for name in column.split("."):
        value = getattr(value, name)
    return f"{beginning}:{value}"


def page(
    request: HttpRequest, shown: Model, context: dict[str, object]
) -> TemplateResponse:
    """Return the page of what happened, newest first, and whether the chain is whole."""
    case = case_of(shown)
    events = Event.objects.filter(case=case).order_by("-sequence")
    told = {
        **context,
        "title": f"History: {shown}",
        "subtitle": None,
        "object": shown,
        "opts": shown._meta,
        "case": case,
        "events": events[:_SHOWN],
        "count": events.count(),
        "broken": first_broken_event(case=case),
    }
    return TemplateResponse(request, "admin/event_history.html", told)
