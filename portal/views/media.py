"""Serves audio to those who may hear it, in parts, so that players can seek."""

from __future__ import annotations

import uuid

from django.http import Http404
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404
from django.views.decorators.http import require_safe

from accounts.roles import Action
from catalogue.models import Recording
from common.byte_ranges import file_response
from portal.access import PortalRequest, needs
from portal.playback import playable
from scanning import selectors
from scanning.models import ScannedFile


@require_safe
@needs(Action.VIEW)
def file_audio(request: PortalRequest, uid: uuid.UUID) -> HttpResponseBase:
    """Serve what a browser can play of a scanned file."""
    return _serve(request, get_object_or_404(selectors.files(), uid=uid))


@require_safe
@needs(Action.VIEW)
def recording_audio(request: PortalRequest, uid: str) -> HttpResponseBase:
    """Serve what a browser can play of a recording."""
    return _serve(request, get_object_or_404(Recording, uid=uid))


def _serve(request: PortalRequest, owner: ScannedFile | Recording) -> HttpResponseBase:
    found = playable(owner, request.GET.get("v", ""))
    if found is None:
        raise Http404("There is no audio to play yet.")
    return file_response(
        request, found.file, content_type=found.content_type, version=found.version
    )
