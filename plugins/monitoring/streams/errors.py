"""Why an action on stations and streams was not done; nothing was changed."""

from __future__ import annotations

from base.common.api_errors import Refused


class StreamRefused(Refused):
    """The action is impossible or not allowed; the text says why and what to do."""

    code = "stream_refused"


class SoundElsewhere(StreamRefused):
    """Another machine recorded the sound, and nothing of it is in the shared storage."""
