"""What a browser can play of stored audio, and as which content type.

Foreign bytes are never served under a type of theirs: either the rendition that we
made, or the original where its container and codec are known to play everywhere. A
player asks for parts of one of them: its address says which, and a rendition that is
made meanwhile does not take its place.
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
    """A stored file, the type it is served as, and what tells its bytes from others."""

    file: FieldFile
    content_type: str
    version: str


def playable(owner: ScannedFile | Recording, version: str = "") -> Playable | None:
    """Return what can be played: that version, where it is there still, or the best.

    None where there is nothing, or nothing yet.
    """
    found = _all_playable(owner)
    best = found[0] if found else None
    return next((one for one in found if one.version == version), best)


def audio_url(owner: ScannedFile | Recording) -> str:
    """Return where the audio is served; empty where there is none to play."""
    best = playable(owner)
    if best is None:
        return ""
    name = "file_audio" if isinstance(owner, ScannedFile) else "recording_audio"
    return f"{reverse(f'portal:{name}', args=[owner.uid])}?v={best.version}"


def _all_playable(owner: ScannedFile | Recording) -> list[Playable]:
    """Every kept file that browsers play, the best first."""
    original, sha256 = (
        (owner.media, owner.sha256)
        if isinstance(owner, ScannedFile)
        else (owner.audio, owner.audio_sha256)
    )
    kind = (owner.facts.get("container", ""), owner.facts.get("codec", ""))
    found = []
    if owner.proxy:
        found.append(Playable(owner.proxy, CONTENT_TYPE, f"rendition-{sha256[:12]}"))
    if original and kind in _PLAYABLE:
        found.append(Playable(original, _PLAYABLE[kind], f"original-{sha256[:12]}"))
    return found
