"""The operator's key that signs evidence packs: Ed25519, in a secret or in one file.

All machines that build packs share one key. Anybody who can read the private key can
forge evidence, so a file that other users may read is refused.
"""

from __future__ import annotations

import hashlib
import os
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from django.conf import settings
from django.utils.translation import gettext as _

from base.jobs import machines

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


SIGNING_KEY: Final = "signing_key"
"""The duty of machines that can sign packs; see ``jobs.resources.Duty``."""


def key_path() -> Path:
    """Return the path of the private key, where ``ACRPORTAL_SIGNING_KEY`` has none."""
    path: Path = settings.ACRPORTAL_DATA_DIR / "signing_key.pem"
    return path


def key_here() -> dict[str, str]:
    """Return the duty of a machine with the key, with the id of that key."""
    try:
        return {SIGNING_KEY: public_key().key_id}
    except KeyUnusable:
        return {}


def require_some_key() -> None:
    """Raise ``KeyUnusable`` if neither this machine nor another one has the key."""
    try:
        load_key()
    except KeyUnusable:
        if not keys_elsewhere():
            raise


def keys_elsewhere() -> dict[str, str]:
    """Return the ids of the keys of other machines, by host."""
    return {
        machine.host: machine.duties[SIGNING_KEY]
        for machine in machines.others()
        if SIGNING_KEY in machine.duties
    }


def create_key() -> PublicKey:
    """Create the key, readable by its owner only; never replace one.

    Raises ``KeyUnusable`` if a secret or another machine has one.
    """
    if settings.ACRPORTAL_SIGNING_KEY:
        raise KeyUnusable(_("ACRPORTAL_SIGNING_KEY holds the key already."))
    for host, key_id in keys_elsewhere().items():
        raise KeyUnusable(
            _(
                "The machine %(host)s signs with the key %(key)s, and a second key would "
                "make packs of two signers. Give this machine that key: copy its "
                "signing_key.pem here, or set ACRPORTAL_SIGNING_KEY_FILE on both. For a "
                "new key, first move the old one away there."
            )
            % {"host": host, "key": key_id[:16]}
        )
    path = key_path()
    key = Ed25519PrivateKey.generate()
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
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
    secret: str = settings.ACRPORTAL_SIGNING_KEY
    if secret:
        return _read_key(secret.encode(), "ACRPORTAL_SIGNING_KEY")
    path = key_path()
    try:
        mode, pem = path.stat().st_mode, path.read_bytes()
    except FileNotFoundError as error:
        raise KeyUnusable(
            _("There is no signing key yet. Create one with: python manage.py create_signing_key")
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
    return _read_key(pem, str(path))


def _read_key(pem: bytes, place: str) -> Ed25519PrivateKey:
    try:
        key = serialization.load_pem_private_key(pem, password=None)
    except ValueError as error:
        raise KeyUnusable(
            _("%(path)s does not contain a private key: %(error)s.")
            % {"path": place, "error": error}
        ) from error
    if not isinstance(key, Ed25519PrivateKey):
        raise KeyUnusable(_("The key in %(path)s is not an Ed25519 key.") % {"path": place})
    return key


def stored_key() -> bytes | None:
    """Return the private key as this machine stores it, for backups; None without one."""
    secret: str = settings.ACRPORTAL_SIGNING_KEY
    if secret:
        return secret.encode()
    return key_path().read_bytes() if key_path().exists() else None


def public_key() -> PublicKey:
    """Return the public half of the installation's key; raise ``KeyUnusable``."""
    return PublicKey(load_key().public_key())


def read_public_key(pem: bytes) -> PublicKey:
    """Return the public key in a PEM text; raise ``KeyUnusable``."""
    try:
        key = serialization.load_pem_public_key(pem)
    except ValueError as error:
        raise KeyUnusable(_("This is not a public key: %(error)s.") % {"error": error}) from error
    if not isinstance(key, Ed25519PublicKey):
        raise KeyUnusable(_("This is not an Ed25519 key."))
    return PublicKey(key)
