"""Encrypts what sessions hold, because a form that waits in one may have passwords."""

from __future__ import annotations

import json
from typing import Any

from base.common.secret_text import seal, unseal


class SealedJSON:
    """The serializer of sessions: JSON, readable only with the ``SECRET_KEY``."""

    def dumps(self, content: dict[str, Any]) -> bytes:  # Any: JSON of a session
        return seal(json.dumps(content, separators=(",", ":"))).encode("ascii")

    def loads(self, stored: bytes) -> dict[str, Any]:  # Any: as above
        """Return the content; Django ends a session that this cannot read."""
        content: dict[str, Any] = json.loads(unseal(stored.decode("ascii")))
        return content
