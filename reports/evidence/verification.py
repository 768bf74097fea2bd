"""Checks a pack against a public key, without access to the database."""

from __future__ import annotations

import hashlib
import json
import zipfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from audit.chains import first_fault, read_json_lines
from reports.evidence.sealing import MANIFEST, SCHEMA, SIGNATURE, UNLISTED
from reports.evidence.signing import PublicKey

_CHUNK = 1 << 20
_MOST_BYTES = 64 << 20
_SIGNATURE_BYTES = 64

# Any in this module: untrusted JSON, checked value by value.
Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class PackCheck:
    """The result of one check."""

    holds: bool
    text: str


class PackUnreadable(Exception):
    """The file is not an evidence pack, or is damaged."""


def verify(path: Path, key: PublicKey) -> list[PackCheck]:
    """Check signature, files and chain of events; raise ``PackUnreadable``.

    It trusts no content before the signature is checked, and unpacks nothing.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            content = _read(archive, MANIFEST)
            signature = _read(archive, SIGNATURE)
            signed = len(signature) == _SIGNATURE_BYTES and key.verifies(
                signature, content
            )
            text = f"The manifest was signed by the key {key.key_id}."
            if not signed:
                text = (
                    f"The manifest was not signed by the key {key.key_id}"
                    f"{_other_key(content, key)}."
                )
            manifest = _manifest(content)
            return [
                PackCheck(signed, text),
                *_check_files(archive, manifest),
                _check_chain(archive, manifest),
            ]
    except (zipfile.BadZipFile, OSError, NotImplementedError, RuntimeError) as error:
        raise PackUnreadable(f"{path} cannot be read as a ZIP: {error}.") from error


def _other_key(content: bytes, key: PublicKey) -> str:
    """Return a hint if the manifest names another key or was changed."""
    try:
        claimed = json.loads(content).get("key_id")
    except (ValueError, AttributeError):
        return ""
    if claimed == key.key_id:
        return ": it was changed"
    return f"; it names the key {claimed}"


def _manifest(content: bytes) -> Json:
    try:
        manifest = json.loads(content)
        fits = manifest["schema"] == SCHEMA and all(
            isinstance(each["name"], str)
            and isinstance(each["size"], int)
            and isinstance(each["sha256"], str)
            for each in manifest["files"]
        )
    except (ValueError, KeyError, TypeError) as error:
        raise PackUnreadable(f"{MANIFEST} is damaged: {error}.") from error
    if not fits:
        raise PackUnreadable(f"{MANIFEST} does not have the schema {SCHEMA}.")
    return dict(manifest)


def _check_files(archive: zipfile.ZipFile, manifest: Json) -> Iterator[PackCheck]:
    listed = {each["name"]: each for each in manifest["files"]}
    held = Counter(info.filename for info in archive.infolist())
    bad = []
    for name, each in listed.items():
        if not held[name]:
            bad.append(f"{name} is missing.")
        elif _sha256(archive, name, each["size"]) != each["sha256"]:
            bad.append(f"{name} was changed.")
    bad += [
        f"{name} is not in the manifest." for name in held.keys() - listed - UNLISTED
    ]
    # ZIP files may repeat names, and tools unpack either copy.
    bad += [f"{name} occurs {n} times." for name, n in held.items() if n > 1]
    yield from (PackCheck(False, text) for text in sorted(bad))
    if not bad:
        yield PackCheck(True, f"All {len(listed)} files match the manifest.")


def _check_chain(archive: zipfile.ZipFile, manifest: Json) -> PackCheck:
    try:
        text = _read(archive, "audit.jsonl").decode()
        lines = list(read_json_lines(text.splitlines()))
        fault = first_fault(lines)
        if fault is not None:
            return PackCheck(False, f"The chain of events is broken: {fault}.")
        last = lines[-1]
        ends_there = (
            last["case"] == f"match:{manifest['match_id']}"
            and last["sequence"] == manifest["as_of"]["event"]
            and last["hash"] == manifest["as_of"]["event_hash"]
        )
    except (PackUnreadable, ValueError, KeyError, TypeError, IndexError) as error:
        return PackCheck(False, f"The chain of events cannot be read: {error}.")
    if not ends_there:
        return PackCheck(False, "The chain does not end in the signed event.")
    events = "1 event" if len(lines) == 1 else f"{len(lines)} events"
    return PackCheck(True, f"The chain of {events} is intact.")


def _read(archive: zipfile.ZipFile, name: str) -> bytes:
    try:
        info = archive.getinfo(name)
    except KeyError as error:
        raise PackUnreadable(
            f"{name} is missing: this is not an evidence pack."
        ) from error
    with archive.open(info) as file:
        # The ZIP may claim any size, so stop at our own limit.
        content = file.read(_MOST_BYTES + 1)
    if len(content) > _MOST_BYTES:
        raise PackUnreadable(f"{name} is larger than in any pack of the portal.")
    return content


def _sha256(archive: zipfile.ZipFile, name: str, size: int) -> str:
    """Return the hash of a file, or an empty string if its size is wrong."""
    digest, read = hashlib.sha256(), 0
    try:
        with archive.open(name) as file:
            while chunk := file.read(_CHUNK):
                read += len(chunk)
                if read > size:
                    return ""
                digest.update(chunk)
    except zipfile.BadZipFile:
        return ""
    return digest.hexdigest() if read == size else ""
