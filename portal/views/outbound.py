"""Outgoing callbacks of a container: sending one again."""

from __future__ import annotations

from django.contrib import messages
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.views.decorators.http import require_POST

from accounts.roles import Action
from portal.access import PortalRequest, needs
from scanning.models import OutboundCallback
from scanning.services.outbound_callbacks import send_again


@require_POST
@needs(Action.CONFIGURE)
def callback_again(request: PortalRequest, uid: str) -> HttpResponseBase:
    """Queue a callback anew; the worker sends it within a second."""
    callback = get_object_or_404(
        OutboundCallback.objects.select_related("container", "scanned_file"), uid=uid
    )
    send_again(callback=callback, user=request.user)
    messages.success(
        request, f"The callback for {callback.scanned_file.name} is being sent again."
    )
    return redirect("portal:container_edit", pk=callback.container_id)
