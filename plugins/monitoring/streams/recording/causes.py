"""Why nothing is heard, in English sentences that pages translate when they show them.

Recorders store them for readers of all languages: see ``base.common.stored``.
"""

from __future__ import annotations

from typing import Final

from django.utils.translation import gettext_noop

from base.common.exchanges import FetchFailed, LinkRefused
from recognition.errors import RecognitionError, UnsupportedMedia

NOTHING_ARRIVES: Final = gettext_noop("No data is arriving.")
NOTHING_HEARD: Final = gettext_noop("The address sends no playable sound.")
NO_SOUND: Final = gettext_noop("No sound has arrived for a minute.")
TOO_LITTLE: Final = gettext_noop("Too little sound is arriving, or none.")
DISK_FULL: Final = gettext_noop("Audio is not kept: the disk is nearly full.")
CLOSED: Final = gettext_noop("The server closed the connection.")
ENDED: Final = gettext_noop("The stream has ended.")
TOO_MUCH: Final = gettext_noop("The server sends too much.")
TOO_MANY_BYTES: Final = gettext_noop(
    "The server sends more than 2 MB in a second; it is read no faster."
)
TOO_FAST: Final = gettext_noop("The server sends sound faster than it plays; it is read no faster.")
TOO_LONG_LISTS: Final = gettext_noop(
    "The server's playlists take long to read; they are read less often."
)
A_PAGE: Final = gettext_noop("The server sends a page, not a stream.")
LISTS_OF_LISTS: Final = gettext_noop("The playlist only leads to other playlists.")
EMPTY_LIST: Final = gettext_noop("The server sent a list without addresses.")
BAD_ADDRESS: Final = gettext_noop("The playlist holds an address that cannot be read.")
NO_VARIANTS: Final = gettext_noop("The playlist names no variants.")
NO_PLAYLIST: Final = gettext_noop("The server sent no playlist.")
ENCRYPTED: Final = gettext_noop("The stream is encrypted.")
NOT_DECODED: Final = gettext_noop("The sound could not be decoded.")
STANDS_STILL: Final = gettext_noop("the playlist no longer changes")
NONSENSE: Final = gettext_noop("the server's answer could not be read")
_REFUSED: Final = gettext_noop("The address is refused: %(error)s.")
_NOT_READ: Final = gettext_noop("The address could not be read: %(error)s.")
_NOT_SOUND: Final = gettext_noop("The server does not send sound (%(clause)s).")
_STOPPED: Final = gettext_noop("The sound could not be decoded (%(clause)s).")


def of_connection(error: LinkRefused | FetchFailed) -> str:
    """Return why an address could not be read."""
    sentence = _REFUSED if isinstance(error, LinkRefused) else _NOT_READ
    return sentence % {"error": error}


def of_listener(error: RecognitionError) -> str:
    """Return why what arrived could not be heard."""
    sentence = _NOT_SOUND if isinstance(error, UnsupportedMedia) else _STOPPED
    return sentence % {"clause": str(error).rstrip(".")}
