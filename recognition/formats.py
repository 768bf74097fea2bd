"""Which containers may be opened: all that contain their own sound.

Excluded are formats that refer to other files or addresses, address devices, hold only
pictures or text, or are recognised by their name alone.
"""

from __future__ import annotations

from typing import Final

import av
from av.format import ContainerFormat

REFUSED: Final = frozenset(
    {
        # open other files or addresses
        "concat", "concatf", "dash", "hls", "imf", "rtp", "rtsp", "sap", "sdp",
        "smoothstreaming", "tedcaptions", "webm_dash_manifest", "vobsub", "bluray",
        "image2", "image2pipe", "alias_pix", "brender_pix", "ffmetadata",
        # devices and generators
        "alsa", "dshow", "fbdev", "iec61883", "jack", "kmsgrab", "lavfi", "oss",
        "pulse", "sndio", "v4l2", "video4linux2,v4l2", "x11grab", "xcbgrab",
        "avfoundation", "android_camera", "gdigrab", "vfwcap", "decklink", "openal",
        "libcdio", "libdc1394",
    }
)  # fmt: skip


def _readable() -> list[str]:
    names = []
    for name in sorted(av.formats_available):
        if name in REFUSED or name.endswith("_pipe"):
            continue
        try:
            ContainerFormat(name, "r")
        except ValueError:
            continue
        names.append(name)
    return names


FORMATS: Final = ",".join(_readable())
"""The allowed demuxers, in the form of FFmpeg's ``format_whitelist``."""
