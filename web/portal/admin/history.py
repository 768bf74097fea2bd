"""The "History" page of an admin object, which lists its audit events.

Django's own log has only changes made in the admin; audit events also have those of
pages, API and worker.
"""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Mapping
from operator import attrgetter

from django.db.models import Model
from django.http import HttpRequest
from django.template.response import TemplateResponse
from django.utils.translation import gettext as _

from base.audit.models import Event
from base.audit.services import first_broken_event
from base.common.registry import Registry

_SHOWN = 200
# Model name → prefix of its audit case, and the field with the rest. Models with a ``case``
# of their own are not listed.
_CASES = {
    "apitoken": ("token", "uid"),
    "bucket": ("bucket", "pk"),
    "cataloguecheck": ("check", "uid"),
    "cloudaccount": ("cloud_account", "pk"),
    "container": ("container", "pk"),
    "dedupgroup": ("dedup", "uid"),
    "dispute": ("match", "match.uid"),
    "drop": ("drop", "uid"),
    "episode": ("file", "scanned_file.uid"),
    "exclusion": ("recording", "recording.uid"),
    "group": ("group", "pk"),
    "musicuse": ("file", "scanned_file.uid"),
    "project": ("project", "uid"),
    "recording": ("recording", "uid"),
    "reporttemplate": ("report-template", "uid"),
    "scan": ("file", "scanned_file.uid"),
    "scannedfile": ("file", "uid"),
    "sharedloop": ("loop", "uid"),
    "user": ("user", "pk"),
    "watch": ("watch", "uid"),
}

own_cases: Registry[Mapping[str, tuple[str, str]]] = Registry()
"""Cases of other features, by the names of their models."""


def case_of(row: Model) -> str:
    """Return the object's case in the audit trail; empty if it has none."""
    own = getattr(row, "case", "")
    if own:
        return str(own)
    cases = ChainMap(_CASES, *map(dict, own_cases))
    beginning, column = cases.get(str(row._meta.model_name), ("", ""))
    return f"{beginning}:{attrgetter(column)(row)}" if beginning else ""


def page(request: HttpRequest, row: Model, context: dict[str, object]) -> TemplateResponse:
    """Return the page of the object's events, newest first, and any broken event."""
    case = case_of(row)
    events = Event.objects.filter(case=case).order_by("-sequence")
    values = {
        **context,
        "title": _("History: %(shown)s") % {"shown": row},
        "subtitle": None,
        "object": row,
        "opts": row._meta,
        "case": case,
        "events": events[:_SHOWN],
        "count": events.count(),
        "broken": first_broken_event(case=case),
    }
    return TemplateResponse(request, "admin/event_history.html", values)
