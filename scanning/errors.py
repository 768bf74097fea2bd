"""Exceptions of the scanning package; most carry a stable code and a message."""

from __future__ import annotations

from django.utils.translation import gettext as _

from base.common.reading import read_date
from scanning.models import ScannedFile


class IntakeRefused(Exception):
    """A file or link is refused; nothing of it is stored.

    ``code`` is the stable name that API clients read, ``status`` the HTTP status.
    """

    def __init__(self, code: str, message: str, *, status: int = 422) -> None:
        self.code = code
        self.status = status
        super().__init__(message)


class LinkSeen(IntakeRefused):
    """The container already holds this link, as the file ``earlier``."""

    def __init__(self, earlier: ScannedFile) -> None:
        self.earlier = earlier
        super().__init__(
            "link_seen",
            _(
                "Already submitted on %(created_at)s as %(name)s. Open "
                "that result, or scan the link again."
            )
            % {"created_at": read_date(earlier.created_at, "dated"), "name": earlier.name},
            status=409,
        )


class ScanFailed(Exception):
    """A scan ends without a result; the message says why and what to do."""

    def __init__(self, code: str, message: str) -> None:
        self.code = code
        super().__init__(message)


class NeedsAudio(ScanFailed):
    """The portal cannot get audio from a link; a person can attach the file."""

    def __init__(self, cause: str, code: str = "needs_audio") -> None:
        super().__init__(
            code,
            _(
                "The portal could not get audio from this link: %(cause)s. "
                "Attach the audio file to continue."
            )
            % {"cause": cause},
        )


class ScanEnded(Exception):
    """The scan has ended already, so its result is not stored."""


class CallbackRejected(Exception):
    """The body of a callback is unusable; the message says why."""


class CallbackLimit(CallbackRejected):
    """The address already holds the most callbacks for unknown files it may."""
