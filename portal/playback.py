"""What a browser can play of stored audio, and as which content type.

Foreign bytes are never served under a type of theirs: either the rendition that we
made, or the original where its container and codec are known to play everywhere.
"""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models.fields.files import FieldFile
from django.urls import reverse

from catalogue.models import Recording
from common.renditions import CONTENT_TYPE
from scanning.models import ScannedFile

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
    """A stored file and the type it is served as."""

    file: FieldFile
    content_type: str


def playable(owner: ScannedFile | Recording) -> Playable | None:
    """Return what can be played now; None where there is nothing, or nothing yet."""
    if owner.proxy:
        return Playable(owner.proxy, CONTENT_TYPE)
    original = owner.media if isinstance(owner, ScannedFile) else owner.audio
    kind = (owner.facts.get("container", ""), owner.facts.get("codec", ""))
    if original and kind in _PLAYABLE:
        return Playable(original, _PLAYABLE[kind])
    return None


def audio_url(owner: ScannedFile | Recording) -> str:
    """Return where the audio is served; empty where there is none to play."""
    if playable(owner) is None:
        return ""
    if isinstance(owner, ScannedFile):
        return reverse("portal:file_audio", args=[owner.uid])
    return reverse("portal:recording_audio", args=[owner.uid])
