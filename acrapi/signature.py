"""The signature of ``/v1/identify``, as ACRCloud's SDKs compute it."""

from __future__ import annotations

import base64
import hashlib
import hmac

from django.utils.crypto import constant_time_compare

PATH = "/v1/identify"


def signature_of(
    *, secret: str, access_key: str, data_type: str, version: str, timestamp: str
) -> str:
    """Return the signature; ``timestamp`` is signed exactly as sent."""
    signed = "\n".join(["POST", PATH, access_key, data_type, version, timestamp])
    # The protocol requires SHA-1, which is still sound in an HMAC.
    digest = hmac.new(secret.encode(), signed.encode(), hashlib.sha1).digest()
    return base64.b64encode(digest).decode()


def is_signed(*, secret: str, fields: dict[str, str]) -> bool:
    """Tell whether the fields of a call carry a valid signature."""
    expected = signature_of(
        secret=secret,
        access_key=fields.get("access_key", ""),
        data_type=fields.get("data_type", ""),
        version=fields.get("signature_version", ""),
        timestamp=fields.get("timestamp", ""),
    )
    return constant_time_compare(expected, fields.get("signature", "").strip())
