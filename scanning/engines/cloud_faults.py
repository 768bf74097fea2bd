"""What a cloud's refusals mean: its own words, kept, beside a plain explanation."""

from __future__ import annotations

import json
from enum import StrEnum
from typing import Any

# Codes of the protocol's status object and of its error bodies.
_QUOTA_CODES = {"3003", "3015"}
_SAID_CHARS = 500


class FaultKind(StrEnum):
    """What to do about a fault; each value is the code that a file shows."""

    TOKEN = "cloud_token"  # noqa: S105 - a code
    CONTAINER = "cloud_container"
    GONE = "cloud_gone"
    QUOTA = "cloud_quota"
    REFUSED = "cloud_refused"
    UNREACHABLE = "cloud_unreachable"


_EXPLAINED = {
    FaultKind.TOKEN: (
        "The account's token is wrong, has expired or lacks a right. Make a token with "
        "the rights to read and write File Scanning in the ACRCloud console and enter "
        "it in the account."
    ),
    FaultKind.CONTAINER: (
        "The container is not known there. The usual cause is the wrong region: each "
        "region knows its own containers only. Compare the account's region with the "
        "container's in the ACRCloud console."
    ),
    FaultKind.GONE: (
        "The file is not there any more: it was deleted in the cloud. Scan it again to "
        "send it anew."
    ),
    FaultKind.QUOTA: (
        "The account's quota or rate is used up. Everything waits and goes on by "
        "itself."
    ),
    FaultKind.REFUSED: (
        "The cloud does not take this file. Read its answer; scanning it again makes "
        "sense once the cause is gone."
    ),
    FaultKind.UNREACHABLE: "The cloud gives no usable answer. It is tried again.",
}


class CloudFault(Exception):
    """A call that failed. ``said`` is the cloud's answer word for word, if it gave one.

    ``retry_after`` are the seconds that the cloud asks to wait, where it does.
    """

    def __init__(
        self, kind: FaultKind, said: str, retry_after: float | None = None
    ) -> None:
        self.kind = kind
        self.said = said
        self.retry_after = retry_after
        super().__init__(kind, said)

    @property
    def explanation(self) -> str:
        """Return what the fault means and what to do."""
        return _EXPLAINED[self.kind]

    def __str__(self) -> str:
        return f"ACRCloud says: {self.said}. {self.explanation}"


def fault_of(
    status: int, body: bytes, *, retry_after: str = "", asks_file: bool = False
) -> CloudFault:
    """Return the fault that an answer tells; ``asks_file`` if it was about one file."""
    told = _object(body)
    said = _said(status, told, body)
    kind = _kind(status, _codes(told), said, asks_file=asks_file)
    return CloudFault(kind, said, _seconds(retry_after))


def _kind(status: int, codes: set[str], said: str, *, asks_file: bool) -> FaultKind:
    lowered = said.lower()
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
    # 409: an earlier try of the same call is still being worked on.
    if status in (408, 409, 425) or status >= 500 or status < 400:
        return FaultKind.UNREACHABLE
    return FaultKind.REFUSED


def _said(status: int, told: dict[str, Any], body: bytes) -> str:  # Any: JSON
    nested = told.get("status")
    inner = nested if isinstance(nested, dict) else {}
    candidates = (told.get("message"), told.get("error"), inner.get("msg"))
    texts = [one for one in candidates if isinstance(one, str) and one]
    raw = " ".join(body[:_SAID_CHARS].decode("utf-8", "replace").split())
    text = texts[0] if texts else raw
    code = next(iter(sorted(_codes(told))), str(status))
    plain = text.replace("\0", "")[:_SAID_CHARS].rstrip(".")
    return f"{code} {plain}".strip()


def _codes(told: dict[str, Any]) -> set[str]:  # Any: JSON
    nested = told.get("status")
    values = [told.get("code"), nested]
    if isinstance(nested, dict):
        values.append(nested.get("code"))
    return {
        str(value)
        for value in values
        if isinstance(value, int | str) and not isinstance(value, bool) and value
    }


def _object(body: bytes) -> dict[str, Any]:  # Any: JSON
    try:
        told = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return told if isinstance(told, dict) else {}


def _seconds(retry_after: str) -> float | None:
    return float(retry_after) if retry_after.isdecimal() else None
