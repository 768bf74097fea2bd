"""Views of the queue that a person keeps under a name."""

from __future__ import annotations

from django.contrib import messages
from django.db.models import Q, QuerySet
from django.http import QueryDict
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.views.decorators.http import require_POST

from accounts.roles import Action
from portal.access import PortalRequest, needs
from portal.queue import Queue
from portal.queue_forms import SavedViewForm
from review.errors import ReviewError
from review.models import SavedView
from review.services import saved_views


@require_POST
@needs(Action.VIEW)
def view_save(request: PortalRequest) -> HttpResponseBase:
    """Keep the queue of the address under a name."""
    queue = Queue.from_query(request.GET, request.user)
    form = SavedViewForm(request.POST)
    if not form.is_valid():
        messages.error(request, "Give the view a name of at most 80 characters.")
        return redirect(queue.url)
    told = form.cleaned_data
    try:
        saved_views.save(
            user=request.user,
            name=told["name"],
            query=queue.query().lstrip("?"),
            is_shared=told["is_shared"],
            is_default=told["is_default"],
        )
    except ReviewError as refused:
        messages.error(request, refused.message)
    else:
        messages.success(request, f"The view “{told['name']}” is kept.")
    return redirect(queue.url)


@require_POST
@needs(Action.VIEW)
def view_default(request: PortalRequest, uid: str) -> HttpResponseBase:
    """Let the queue open with a view, or no longer."""
    view = get_object_or_404(_seen_by(request), uid=uid)
    try:
        is_on = saved_views.switch_default(view=view, user=request.user)
    except ReviewError as refused:
        messages.error(request, refused.message)
    else:
        text = "The queue opens with" if is_on else "The queue no longer opens with"
        messages.success(request, f"{text} “{view.name}”.")
    return redirect(_url(request, view))


@require_POST
@needs(Action.VIEW)
def view_remove(request: PortalRequest, uid: str) -> HttpResponseBase:
    """Forget a view."""
    view = get_object_or_404(_seen_by(request), uid=uid)
    back = _url(request, view)
    try:
        saved_views.remove(view=view, user=request.user)
    except ReviewError as refused:
        messages.error(request, refused.message)
    else:
        messages.success(request, f"The view “{view.name}” is removed.")
    return redirect(back)


def _seen_by(request: PortalRequest) -> QuerySet[SavedView]:
    """Return one's own views and the shared ones; nobody sees more."""
    return SavedView.objects.filter(Q(owner=request.user) | Q(is_shared=True))


def _url(request: PortalRequest, view: SavedView) -> str:
    return Queue.from_query(QueryDict(view.query), request.user).url
