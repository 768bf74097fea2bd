"""Selects the stored audio that a browser can play, and its content type.

Uploaded files never choose their own content type: the portal serves its rendition, or
the original if its container and codec play in every browser. A player requests byte
ranges of one version, which its URL names, so a rendition made meanwhile does not
replace the file under it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from django.db.models.fields.files import FieldFile
from django.http import Http404
from django.http.response import HttpResponseBase
from django.urls import reverse
from django.utils.translation import gettext as _

from base.common.byte_ranges import file_response
from base.common.media_analysis import RENDITION_TYPE
from catalogue.models import Recording
from recognition.types import SoundTrack, TrackState
from scanning.models import ScannedFile
from web.portal.shared.access import PortalRequest

_MP4 = "mov,mp4,m4a,3gp,3g2,mj2"
_PLAYABLE = {
    ("mp3", "mp3"): "audio/mpeg",
    ("mp3", "mp3float"): "audio/mpeg",
    (_MP4, "aac"): "audio/mp4",
    ("flac", "flac"): "audio/flac",
    ("wav", "pcm_s16le"): "audio/wav",
    ("ogg", "opus"): "audio/ogg",
    ("ogg", "vorbis"): "audio/ogg",
}


@dataclass(frozen=True, slots=True)
class Playable:
    """A stored file, its content type, and a version that changes with its bytes."""

    file: FieldFile
    content_type: str
    version: str


def playable(
    owner: ScannedFile | Recording, version: str = "", track: int | None = None
) -> Playable | None:
    """Return the version if it still exists, else the best file; None if none plays.

    ``track`` is the number of another sound track of a file; browsers play only the
    main one of an original. Nobody hears a deleted file.
    """
    if isinstance(owner, ScannedFile) and owner.deleted_at is not None:
        return None
    if track is not None and isinstance(owner, ScannedFile):
        return _playable_track(owner, track)
    original, sha256 = (
        (owner.media, owner.sha256)
        if isinstance(owner, ScannedFile)
        else (owner.audio, owner.audio_sha256)
    )
    kind = (owner.facts.get("container", ""), owner.facts.get("codec", ""))
    files = []
    if owner.proxy:
        files.append(Playable(owner.proxy, RENDITION_TYPE, f"rendition-{sha256[:12]}"))
    if original and kind in _PLAYABLE:
        files.append(Playable(original, _PLAYABLE[kind], f"original-{sha256[:12]}"))
    best = files[0] if files else None
    return next((file for file in files if file.version == version), best)


def _playable_track(file: ScannedFile, number: int) -> Playable | None:
    track = file.other_tracks.filter(number=number).exclude(proxy="").first()
    if track is None:
        return None
    version = f"rendition-{file.sha256[:12]}-{number}"
    return Playable(track.proxy, RENDITION_TYPE, version)


def audio_url(owner: ScannedFile | Recording, track: int | None = None) -> str:
    """Return the URL of the audio; empty if nothing can be played yet.

    ``track`` is the number of another sound track of a file.
    """
    best = playable(owner, track=track)
    if best is None:
        return ""
    name = "file_audio" if isinstance(owner, ScannedFile) else "recording_audio"
    url = f"{reverse(f'portal:{name}', args=[owner.uid])}?v={best.version}"
    return url if track is None else f"{url}&track={track}"


def heard_tracks(file: ScannedFile) -> list[tuple[int | None, SoundTrack]]:
    """Return the sound tracks that can be chosen to play; empty if there is one.

    The main one has no number here, as on segments.
    """
    playable = file.other_tracks.exclude(proxy="").values_list("number", flat=True)
    numbers = set(playable)
    return [
        (None if track.state is TrackState.MAIN else track.number, track)
        for track in file.tracks
        if numbers and (track.state is TrackState.MAIN or track.number in numbers)
    ]


def sound_tracks(file: ScannedFile) -> dict[str, object]:
    """Return the tracks of a file that have sound, and how many have none."""
    tracks = file.tracks
    sounding = [track for track in tracks if track.state is not TrackState.EMPTY]
    return {"sounding_tracks": sounding, "empty_tracks": len(tracks) - len(sounding)}


def read_track(request: PortalRequest) -> int | None:
    """Return the sound track that the address asks for; None for the main one."""
    number = request.GET.get("track", "")
    return int(number) if re.fullmatch(r"[0-9]{1,3}", number) else None


def audio_response(request: PortalRequest, owner: ScannedFile | Recording) -> HttpResponseBase:
    """Serve the playable audio in the version that the URL names; 404 if there is none."""
    chosen = playable(owner, request.GET.get("v", ""), read_track(request))
    if chosen is None:
        raise Http404(_("There is no audio to play yet."))
    try:
        return file_response(
            request, chosen.file, content_type=chosen.content_type, version=chosen.version
        )
    except FileNotFoundError as error:
        raise Http404 from error
