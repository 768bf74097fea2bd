"""Saved views: filters and order of the queue under a name."""

from __future__ import annotations

from django.contrib import messages
from django.db.models import Q, QuerySet
from django.http import QueryDict
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from base.accounts.roles import Action
from review.errors import ReviewError
from review.models import SavedView
from review.services import saved_views
from web.portal.review.forms import SavedViewForm
from web.portal.review.queue import Queue
from web.portal.shared.access import PortalRequest, needs


@require_POST
@needs(Action.VIEW)
def view_save(request: PortalRequest) -> HttpResponseBase:
    """Save the queue in the address as a view."""
    queue = Queue.from_query(request.GET, request.user)
    form = SavedViewForm(request.POST)
    if not form.is_valid():
        messages.error(request, _("Give the view a name of at most 80 characters."))
        return redirect(queue.url)
    values = form.cleaned_data
    try:
        saved_views.save(
            user=request.user,
            name=values["name"],
            query=queue.query().lstrip("?"),
            is_shared=values["is_shared"],
            is_default=values["is_default"],
        )
    except ReviewError as refused:
        messages.error(request, refused.message)
    else:
        messages.success(request, _("View “%(name)s” saved.") % {"name": values["name"]})
    return redirect(queue.url)


@require_POST
@needs(Action.VIEW)
def view_default(request: PortalRequest, uid: str) -> HttpResponseBase:
    """Make a view the user's default, or stop that."""
    view = get_object_or_404(_seen_by(request), uid=uid)
    try:
        is_on = saved_views.switch_default(view=view, user=request.user)
    except ReviewError as refused:
        messages.error(request, refused.message)
    else:
        text = (
            _("The queue opens with “%(name)s”.")
            if is_on
            else _("The queue no longer opens with “%(name)s”.")
        )
        messages.success(request, text % {"name": view.name})
    return redirect(_url(request, view))


@require_POST
@needs(Action.VIEW)
def view_remove(request: PortalRequest, uid: str) -> HttpResponseBase:
    """Delete a saved view."""
    view = get_object_or_404(_seen_by(request), uid=uid)
    back = _url(request, view)
    try:
        saved_views.remove(view=view, user=request.user)
    except ReviewError as refused:
        messages.error(request, refused.message)
    else:
        messages.success(request, _("View “%(name)s” removed.") % {"name": view.name})
    return redirect(back)


def _seen_by(request: PortalRequest) -> QuerySet[SavedView]:
    """Return the user's own views and the shared ones."""
    return SavedView.objects.filter(Q(owner=request.user) | Q(is_shared=True))


def _url(request: PortalRequest, view: SavedView) -> str:
    return Queue.from_query(QueryDict(view.query), request.user).url
