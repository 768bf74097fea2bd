"""The operator's key that signs evidence packs: Ed25519, one file, made once.

Whoever can read the private key can make evidence in the operator's name, so a file
that others may read is refused.
"""

from __future__ import annotations

import hashlib
import os
import stat
from dataclasses import dataclass
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import (
    Ed25519PrivateKey,
    Ed25519PublicKey,
)
from django.conf import settings

_RAW = serialization.Encoding.Raw, serialization.PublicFormat.Raw
_PEM = serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo


class KeyUnusable(Exception):
    """There is no key, or not one that may be used; the text says what to do."""


@dataclass(frozen=True, slots=True)
class PublicKey:
    """What checks a signature; ``key_id`` is the SHA-256 of its 32 bytes."""

    key: Ed25519PublicKey

    @property
    def key_id(self) -> str:
        """Return the name of the key."""
        return hashlib.sha256(self.key.public_bytes(*_RAW)).hexdigest()

    @property
    def pem(self) -> bytes:
        """Return the key as openssl reads it."""
        return self.key.public_bytes(*_PEM)

    def verifies(self, signature: bytes, content: bytes) -> bool:
        """Tell whether the owner of the key signed the content."""
        try:
            self.key.verify(signature, content)
        except InvalidSignature:
            return False
        return True


def key_path() -> Path:
    """Return where the private key lies."""
    chosen = settings.ACRPORTAL_SIGNING_KEY_PATH
    return Path(chosen or settings.ACRPORTAL_DATA_DIR / "signing_key.pem")


def has_key() -> bool:
    """Tell whether the operator has made a key."""
    return key_path().exists()


def create_key() -> PublicKey:
    """Make the key, readable for its owner alone; never in the place of another."""
    path = key_path()
    key = Ed25519PrivateKey.generate()
    pem = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError as error:
        raise KeyUnusable(
            f"There is a key in {path} already. Packs name the key that signed them; "
            "move the old one away, and keep its public half, before you make a new one."
        ) from error
    with os.fdopen(descriptor, "wb") as file:
        file.write(pem)
    return PublicKey(key.public_key())


def load_key() -> Ed25519PrivateKey:
    """Return the private key; raise ``KeyUnusable``."""
    path = key_path()
    try:
        mode, pem = path.stat().st_mode, path.read_bytes()
    except FileNotFoundError as error:
        raise KeyUnusable(
            "There is no signing key yet. Make one with: "
            "python manage.py create_signing_key"
        ) from error
    except OSError as error:
        raise KeyUnusable(f"The signing key cannot be read: {error}.") from error
    if stat.S_IMODE(mode) & 0o077:
        raise KeyUnusable(
            f"Others may read the signing key {path}. Take that right away (chmod 600), "
            "and make a new key if somebody did."
        )
    try:
        key = serialization.load_pem_private_key(pem, password=None)
    except ValueError as error:
        raise KeyUnusable(f"{path} holds no private key: {error}.") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise KeyUnusable(f"The key in {path} is not an Ed25519 key.")
    return key


def public_key() -> PublicKey:
    """Return the public half of the installation's key; raise ``KeyUnusable``."""
    return PublicKey(load_key().public_key())


def read_public_key(pem: bytes) -> PublicKey:
    """Return the key that a PEM text holds; raise ``KeyUnusable``."""
    try:
        key = serialization.load_pem_public_key(pem)
    except ValueError as error:
        raise KeyUnusable(f"This is no public key: {error}.") from error
    if not isinstance(key, Ed25519PublicKey):
        raise KeyUnusable("This is not an Ed25519 key.")
    return PublicKey(key)
