"""Seals a folder into one ZIP: hashed, signed, and with reproducible bytes."""

from __future__ import annotations

import hashlib
import json
import shutil
import zipfile
from pathlib import Path
from typing import Any

from reports.evidence import signing

MANIFEST = "manifest.json"
SIGNATURE = "manifest.sig"
PUBLIC_KEY = "public-key.pem"
SUMS = "SHA256SUMS"
SCHEMA = "evidence-manifest/1"
# The signature cannot cover itself, and the manifest cannot contain its own hash.
UNLISTED = frozenset({MANIFEST, SIGNATURE})

# The earliest time that a ZIP can store: the same for every pack.
_EPOCH = (1980, 1, 1, 0, 0, 0)
# Already compressed.
_STORED = frozenset({".flac", ".png", ".pdf"})
_CHUNK = 1 << 20


def seal(folder: Path, target: Path, *, about: dict[str, Any]) -> str:  # Any: JSON
    """Write the files of ``folder`` and their seal to ``target``.

    ``about`` is the manifest's description of the pack. Returns the key's id; raises
    ``signing.KeyUnusable``.
    """
    key = signing.load_key()
    public = signing.PublicKey(key.public_key())
    # Before hashing: the key is one of the listed files.
    (folder / PUBLIC_KEY).write_bytes(public.pem)
    sums = {name: sha256_of(folder / name) for name in _names(folder)}
    lines = [f"{digest}  {name}\n" for name, digest in sums.items()]
    (folder / SUMS).write_text("".join(lines), encoding="utf-8")
    files = [
        {
            "name": name,
            "size": (folder / name).stat().st_size,
            "sha256": sums.get(name) or sha256_of(folder / name),
        }
        for name in _names(folder)
    ]
    manifest = {"schema": SCHEMA, **about, "key_id": public.key_id, "files": files}
    content = json.dumps(manifest, indent=1, ensure_ascii=False).encode()
    (folder / MANIFEST).write_bytes(content)
    (folder / SIGNATURE).write_bytes(key.sign(content))
    _write_zip(folder, target)
    return public.key_id


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _names(folder: Path) -> list[str]:
    """Return the names of all files in the ZIP, sorted."""
    files = (path for path in folder.rglob("*") if path.is_file())
    return sorted(path.relative_to(folder).as_posix() for path in files)


def _write_zip(folder: Path, target: Path) -> None:
    with zipfile.ZipFile(target, "w") as archive:
        for name in _names(folder):
            info = zipfile.ZipInfo(name, _EPOCH)
            # Unix with mode 644, whatever the system: equal bytes everywhere.
            info.create_system = 3
            info.external_attr = 0o644 << 16
            info.file_size = (folder / name).stat().st_size
            stored = Path(name).suffix in _STORED
            info.compress_type = zipfile.ZIP_STORED if stored else zipfile.ZIP_DEFLATED
            with (folder / name).open("rb") as source, archive.open(info, "w") as out:
                shutil.copyfileobj(source, out, _CHUNK)
