"""Shows a guide, and the pictures in it."""

from __future__ import annotations

from django.http import FileResponse, Http404
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.views.decorators.http import require_safe

from base.accounts.roles import Action
from web.portal.shared import guides as shared
from web.portal.shared.access import PortalRequest, needs


@require_safe
@needs(Action.VIEW)
def guides(request: PortalRequest) -> HttpResponseBase:
    """Show the list of the guides."""
    return _page(request, shared.INDEX)


@require_safe
@needs(Action.VIEW)
def guide(request: PortalRequest, name: str) -> HttpResponseBase:
    """Show one guide."""
    return _page(request, name)


def _page(request: PortalRequest, name: str) -> HttpResponseBase:
    if name not in shared.names():
        raise Http404
    context = {"guide": shared.read(name), "is_index": name == shared.INDEX}
    return render(request, "portal/guides/guide.html", context)


@require_safe
@needs(Action.VIEW)
def guide_image(_request: PortalRequest, name: str) -> HttpResponseBase:
    """Send a picture of a guide."""
    path = shared.image(name)
    if path is None:
        raise Http404
    return FileResponse(path.open("rb"), content_type="image/png")
