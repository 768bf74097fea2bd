"""Classifies cloud errors, with the cloud's own text and a plain explanation."""

from __future__ import annotations

import json
from enum import StrEnum
from typing import Any

from django.utils.translation import gettext_lazy as _

from base.common.outside_text import one_line

# Codes of the protocol's status object and of its error bodies.
_QUOTA_CODES = {"3003", "3015"}
_SAID_CHARS = 500


class FaultKind(StrEnum):
    """Kinds of cloud errors; each value is the error code shown on the file."""

    TOKEN = "cloud_token"  # noqa: S105 - a code
    CONTAINER = "cloud_container"
    GONE = "cloud_gone"
    QUOTA = "cloud_quota"
    REFUSED = "cloud_refused"
    UNREACHABLE = "cloud_unreachable"


_EXPLAINED = {
    FaultKind.TOKEN: (
        _(
            "The account's token is wrong, has expired or lacks a permission. Create a "
            "token that may read and write File Scanning in the ACRCloud console, then "
            "enter it in the account."
        )
    ),
    FaultKind.CONTAINER: (
        _(
            "The cloud does not know this container. Usually the region is wrong: each "
            "region knows only its own containers. Compare the account's region with the "
            "container's region in the ACRCloud console."
        )
    ),
    FaultKind.GONE: (_("The file was deleted in the cloud. Scan it again to send a new copy.")),
    FaultKind.QUOTA: (
        _("The account's quota or rate limit is used up. Files wait and continue automatically.")
    ),
    FaultKind.REFUSED: (
        _(
            "The cloud refused this file. Read its answer, remove the cause, then scan the "
            "file again."
        )
    ),
    FaultKind.UNREACHABLE: _("The cloud gave no usable answer. The portal tries again."),
}


class CloudFault(Exception):
    """A failed call. ``message`` is the cloud's own error text, word for word.

    ``retry_after`` is the pause in seconds that the cloud asks for, if any.
    """

    def __init__(self, kind: FaultKind, message: str, retry_after: float | None = None) -> None:
        self.kind = kind
        self.message = message
        self.retry_after = retry_after
        super().__init__(kind, message)

    @property
    def explanation(self) -> str:
        """Return the meaning of the error and the remedy."""
        return str(_EXPLAINED[self.kind])

    def __str__(self) -> str:
        return f"ACRCloud says: {self.message}. {self.explanation}"


def fault_of(
    status: int, body: bytes, *, retry_after: str = "", asks_file: bool = False
) -> CloudFault:
    """Classify an error answer; ``asks_file`` if the call was about one file."""
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError):
        answer = None
    content = answer if isinstance(answer, dict) else {}
    message = _read_message(status, content, body)
    kind = _kind(status, _codes(content), message, asks_file=asks_file)
    wait_s = float(retry_after) if retry_after.isdecimal() else None
    return CloudFault(kind, message, wait_s)


def _kind(status: int, codes: set[str], message: str, *, asks_file: bool) -> FaultKind:
    lowered = message.lower()
    if status == 429 or codes & _QUOTA_CODES or "limit exceeded" in lowered:
        return FaultKind.QUOTA
    if "invalid container" in lowered:
        return FaultKind.CONTAINER
    if status in (401, 403):
        return FaultKind.TOKEN
    if status == 404:
        names_container = "container" in lowered or "unknown_container" in codes
        if asks_file and not names_container:
            return FaultKind.GONE
        return FaultKind.CONTAINER
    # 409: the server still processes an earlier attempt with this idempotency key.
    if status in (408, 409, 425) or status >= 500 or status < 400:
        return FaultKind.UNREACHABLE
    return FaultKind.REFUSED


def _read_message(status: int, content: dict[str, Any], body: bytes) -> str:  # Any: JSON
    nested = content.get("status")
    inner = nested if isinstance(nested, dict) else {}
    candidates = (content.get("message"), content.get("error"), inner.get("msg"))
    texts = [text for text in candidates if isinstance(text, str) and text]
    raw = " ".join(body[:_SAID_CHARS].decode("utf-8", "replace").split())
    text = texts[0] if texts else raw
    code = next(iter(sorted(_codes(content))), str(status))
    return one_line(f"{code} {text}", _SAID_CHARS).rstrip(".").strip()


def _codes(content: dict[str, Any]) -> set[str]:  # Any: JSON
    nested = content.get("status")
    values = [content.get("code"), nested]
    if isinstance(nested, dict):
        values.append(nested.get("code"))
    return {
        str(value)
        for value in values
        if isinstance(value, int | str) and not isinstance(value, bool) and value
    }
