"""Encrypts secrets that must be readable again, with a key from SECRET_KEY.

Tokens of other services cannot be hashed, because every call sends them. Encrypted, a
copy of the database alone reveals none. ``SECRET_KEY_FALLBACKS`` still decrypt secrets
sealed with an earlier key.
"""

from __future__ import annotations

import base64

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings
from django.utils.encoding import force_bytes

_PURPOSE = b"acrportal stored secrets 1"


class SecretUnreadable(Exception):
    """The secret was sealed with a key that is no longer configured."""

    # Templates show nothing in its place.
    silent_variable_failure = True


def seal(plain: str) -> str:
    """Return ``plain``, encrypted and authenticated."""
    return _keys().encrypt(plain.encode()).decode()


def unseal(sealed: str) -> str:
    """Return the decrypted text, or raise ``SecretUnreadable``."""
    try:
        return _keys().decrypt(sealed.encode()).decode()
    except InvalidToken as error:
        raise SecretUnreadable from error


def reseal(sealed: str) -> str:
    """Return the secret sealed with today's key; unchanged if it already is.

    Raises ``SecretUnreadable``.
    """
    try:
        _fernets()[0].decrypt(sealed.encode())
    except InvalidToken:
        return seal(unseal(sealed))
    return sealed


def _keys() -> MultiFernet:
    return MultiFernet(_fernets())


def _fernets() -> list[Fernet]:
    keys = []
    for secret in (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS):
        derive = HKDF(algorithm=SHA256(), length=32, salt=None, info=_PURPOSE)
        key = base64.urlsafe_b64encode(derive.derive(force_bytes(secret)))
        keys.append(Fernet(key))
    return keys
