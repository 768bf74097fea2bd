"""The operator's key that signs evidence packs: Ed25519, in one file.

Anybody who can read the private key can forge evidence, so a file that other users may
read is refused.
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
from django.utils.translation import gettext as _

_RAW = serialization.Encoding.Raw, serialization.PublicFormat.Raw
_PEM = serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo


class KeyUnusable(Exception):
    """The key is missing or must not be used; the message says what to do."""


@dataclass(frozen=True, slots=True)
class PublicKey:
    """Verifies signatures; ``key_id`` is the SHA-256 of its 32 bytes."""

    key: Ed25519PublicKey

    @property
    def key_id(self) -> str:
        """Return the id of the key."""
        return hashlib.sha256(self.key.public_bytes(*_RAW)).hexdigest()

    @property
    def pem(self) -> bytes:
        """Return the key as PEM, for openssl."""
        return self.key.public_bytes(*_PEM)

    def verifies(self, signature: bytes, content: bytes) -> bool:
        """Tell whether the owner of the key signed the content."""
        try:
            self.key.verify(signature, content)
        except InvalidSignature:
            return False
        return True


def key_path() -> Path:
    """Return the path of the private key."""
    chosen = settings.ACRPORTAL_SIGNING_KEY_PATH
    return Path(chosen or settings.ACRPORTAL_DATA_DIR / "signing_key.pem")


def has_key() -> bool:
    """Tell whether a key exists."""
    return key_path().exists()


def create_key() -> PublicKey:
    """Create the key, readable by its owner only; never replace one."""
    path = key_path()
    key = Ed25519PrivateKey.generate()
    pem = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        # O_EXCL never replaces a key, and the mode applies from the first byte.
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError as error:
        raise KeyUnusable(
            _(
                "There is already a key in %(path)s. Packs name the key "
                "that signed them; move the old key away, and keep its "
                "public key, before you create a new one."
            )
            % {"path": path}
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
            _(
                "There is no signing key yet. Create one with: "
                "python manage.py create_signing_key"
            )
        ) from error
    except OSError as error:
        raise KeyUnusable(
            _("The signing key cannot be read: %(error)s.") % {"error": error}
        ) from error
    if stat.S_IMODE(mode) & 0o077:
        raise KeyUnusable(
            _(
                "Other users may read the signing key %(path)s. Restrict "
                "it (chmod 600), and create a new key if somebody read it."
            )
            % {"path": path}
        )
    try:
        key = serialization.load_pem_private_key(pem, password=None)
    except ValueError as error:
        raise KeyUnusable(
            _("%(path)s does not contain a private key: %(error)s.")
            % {"path": path, "error": error}
        ) from error
    if not isinstance(key, Ed25519PrivateKey):
        raise KeyUnusable(
            _("The key in %(path)s is not an Ed25519 key.") % {"path": path}
        )
    return key


def public_key() -> PublicKey:
    """Return the public half of the installation's key; raise ``KeyUnusable``."""
    return PublicKey(load_key().public_key())


def read_public_key(pem: bytes) -> PublicKey:
    """Return the public key in a PEM text; raise ``KeyUnusable``."""
    try:
        key = serialization.load_pem_public_key(pem)
    except ValueError as error:
        raise KeyUnusable(
            _("This is not a public key: %(error)s.") % {"error": error}
        ) from error
    if not isinstance(key, Ed25519PublicKey):
        raise KeyUnusable(_("This is not an Ed25519 key."))
    return PublicKey(key)
