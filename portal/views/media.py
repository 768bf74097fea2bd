"""Serves audio to those who may hear it, in parts, so that players can seek."""

from __future__ import annotations

import uuid

from django.core.files.base import File
from django.http import Http404
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404
from django.views.decorators.http import require_safe

from accounts.roles import Action
from catalogue.models import Recording
from common.byte_ranges import file_response
from common.renditions import CONTENT_TYPE
from portal.access import PortalRequest, needs
from scanning import selectors

# Codecs that every current browser plays, and the type each is served as. Anything
# else waits for its rendition: foreign bytes are never served under a type of theirs.
_PLAYABLE = {
    ("mp3", "mp3"): "audio/mpeg",
    ("flac", "flac"): "audio/flac",
    ("wav", "pcm_s16le"): "audio/wav",
    ("ogg", "opus"): "audio/ogg",
    ("ogg", "vorbis"): "audio/ogg",
}


@require_safe
@needs(Action.VIEW)
def file_audio(request: PortalRequest, uid: uuid.UUID) -> HttpResponseBase:
    """Serve a scanned file's rendition, or its own bytes where browsers play them."""
    file = get_object_or_404(selectors.files(), uid=uid)
    return _serve(request, file.proxy, file.media, file.facts)


@require_safe
@needs(Action.VIEW)
def recording_audio(request: PortalRequest, uid: str) -> HttpResponseBase:
    """Serve a recording's rendition, or its own bytes where browsers play them."""
    recording = get_object_or_404(Recording, uid=uid)
    return _serve(request, recording.proxy, recording.audio, recording.facts)


def _serve(
    request: PortalRequest,
    proxy: File[bytes],
    original: File[bytes],
    facts: dict[str, str],
) -> HttpResponseBase:
    if proxy:
        return file_response(request, proxy, content_type=CONTENT_TYPE)
    kind = _PLAYABLE.get((facts.get("container", ""), facts.get("codec", "")))
    if original and kind:
        return file_response(request, original, content_type=kind)
    raise Http404("There is no audio to play yet.")
