"""Checks a pack against a public key, without access to the database."""

from __future__ import annotations

import hashlib
import json
import os
import struct
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from base.audit.chains import first_fault, read_json_lines
from base.common.file_faults import reason_of
from base.common.outside_text import is_one_line
from reports.evidence.sealing import MANIFEST, SCHEMA, SIGNATURE, UNLISTED
from reports.evidence.signing import PublicKey

_CHUNK = 1 << 20
_MANIFEST_BYTES = 4 << 20
_CHAIN_BYTES = 64 << 20
_PACK_BYTES = 4 << 30
_SIGNATURE_BYTES = 64
_FAULTS_SHOWN = 20
# APPNOTE.TXT 4.3.16: size and offset of the directory are 4 bytes each at 12 and 16.
_DIRECTORY_BYTES = 4 << 20
_END = struct.Struct("<4s8xIIH")
_END_MARK = b"PK\x05\x06"
_ZIP64 = struct.Struct("<4s16x")
_ZIP64_MARK = b"PK\x06\x07"
_METHODS = frozenset({zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED})
# What Python raises for damaged ZIP files and JSON. RuntimeError: encrypted, or nested
# too deeply.
_DAMAGED = (
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    NotImplementedError,
    RuntimeError,
    ValueError,
    OverflowError,
    struct.error,
)

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
        _check_directory(path)
        with zipfile.ZipFile(path) as archive:
            content = _read(archive, MANIFEST, _MANIFEST_BYTES)
            signature = _read(archive, SIGNATURE, _SIGNATURE_BYTES)
            signed = len(signature) == _SIGNATURE_BYTES and key.verifies(signature, content)
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
    except OSError as error:
        raise PackUnreadable(f"{path} cannot be read: {reason_of(error)}.") from error
    except _DAMAGED as error:
        raise PackUnreadable(f"{path} cannot be read as a pack: {error}.") from error


def _check_directory(path: Path) -> None:
    """Raise ``PackUnreadable`` if the list of files is not as in packs of the portal.

    ``zipfile`` reads the list whole, whatever its size, and looks for it in a comment.
    """
    with path.open("rb") as file:
        file.seek(0, os.SEEK_END)
        if file.tell() < _ZIP64.size + _END.size:
            raise PackUnreadable(f"{path} is too short for a ZIP.")
        file.seek(-_ZIP64.size - _END.size, os.SEEK_END)
        (before,) = _ZIP64.unpack(file.read(_ZIP64.size))
        mark, size, _offset, comment = _END.unpack(file.read(_END.size))
    if mark != _END_MARK or comment or before == _ZIP64_MARK:
        raise PackUnreadable(f"{path} does not end as a pack does: it is damaged, or no pack.")
    if size > _DIRECTORY_BYTES:
        raise PackUnreadable(f"{path} lists more files than any pack of the portal.")


def _other_key(content: bytes, key: PublicKey) -> str:
    """Return a hint if the manifest names another key or was changed."""
    try:
        claimed = json.loads(content).get("key_id")
    except (ValueError, AttributeError, RecursionError):
        return ""
    if claimed == key.key_id:
        return ": it was changed"
    return f"; it names the key {_printable(str(claimed)[:100])}"


def _manifest(content: bytes) -> Json:
    try:
        manifest = json.loads(content)
        fits = manifest["schema"] == SCHEMA and all(
            isinstance(entry["name"], str)
            and isinstance(entry["size"], int)
            and entry["size"] >= 0
            and isinstance(entry["sha256"], str)
            for entry in manifest["files"]
        )
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise PackUnreadable(f"{MANIFEST} is damaged: {_printable(str(error))}.") from error
    if not fits:
        raise PackUnreadable(f"{MANIFEST} does not have the schema {SCHEMA}.")
    if sum(entry["size"] for entry in manifest["files"]) > _PACK_BYTES:
        raise PackUnreadable(f"{MANIFEST} claims more bytes than any pack has.")
    return dict(manifest)


def _check_files(archive: zipfile.ZipFile, manifest: Json) -> Iterator[PackCheck]:
    entries = {entry["name"]: entry for entry in manifest["files"]}
    if not entries:
        yield PackCheck(False, "The manifest lists no files.")
        return
    held = Counter(info.filename for info in archive.infolist())
    bad = []
    for name, entry in entries.items():
        if not held[name]:
            bad.append(f"{_printable(name)} is missing.")
        elif _sha256(archive, name, entry["size"]) != entry["sha256"]:
            bad.append(f"{_printable(name)} was changed.")
    bad += [
        f"{_printable(name)} is not in the manifest." for name in held.keys() - entries - UNLISTED
    ]
    # ZIP files may repeat names, and tools unpack either copy.
    bad += [f"{_printable(name)} occurs {n} times." for name, n in held.items() if n > 1]
    yield from (PackCheck(False, text) for text in sorted(bad)[:_FAULTS_SHOWN])
    if len(bad) > _FAULTS_SHOWN:
        yield PackCheck(False, f"{len(bad) - _FAULTS_SHOWN} more files are wrong.")
    if not bad:
        yield PackCheck(True, f"All {len(entries)} files match the manifest.")


def _check_chain(archive: zipfile.ZipFile, manifest: Json) -> PackCheck:
    try:
        text = _read(archive, "audit.jsonl", _CHAIN_BYTES).decode()
        # JSON may contain characters that ``splitlines`` takes for line ends.
        lines = list(read_json_lines(text.removesuffix("\n").split("\n")))
        fault = first_fault(lines)
        if fault is not None:
            return PackCheck(False, f"The chain of events is broken: {_printable(str(fault))}.")
        last = lines[-1]
        ends_there = (
            last["case"] == f"match:{manifest['match_id']}"
            and last["sequence"] == manifest["as_of"]["event"]
            and last["hash"] == manifest["as_of"]["event_hash"]
        )
    except (PackUnreadable, *_DAMAGED, LookupError, TypeError, AttributeError) as error:
        return PackCheck(False, f"The chain of events cannot be read: {_printable(str(error))}.")
    if not ends_there:
        return PackCheck(False, "The chain does not end in the signed event.")
    events = "1 event" if len(lines) == 1 else f"{len(lines)} events"
    return PackCheck(True, f"The chain of {events} is intact.")


def _read(archive: zipfile.ZipFile, name: str, most: int) -> bytes:
    try:
        archive.getinfo(name)
    except KeyError as error:
        raise PackUnreadable(f"{name} is missing: this is not an evidence pack.") from error
    with _open(archive, name) as file:
        # The ZIP may claim any size, so stop at our own limit.
        content = file.read(most + 1)
    if len(content) > most:
        raise PackUnreadable(f"{name} is larger than in any pack of the portal.")
    return content


def _open(archive: zipfile.ZipFile, name: str) -> IO[bytes]:
    if archive.getinfo(name).compress_type not in _METHODS:
        # Others need memory as the file demands.
        raise zipfile.BadZipFile(f"{name} is compressed in a way that no pack uses")
    return archive.open(name)


def _sha256(archive: zipfile.ZipFile, name: str, size: int) -> str:
    """Return the hash of a file, or an empty string if it is damaged or has another size."""
    digest, read = hashlib.sha256(), 0
    try:
        with _open(archive, name) as file:
            while chunk := file.read(_CHUNK):
                read += len(chunk)
                if read > size:
                    return ""
                digest.update(chunk)
    except _DAMAGED:
        return ""
    return digest.hexdigest() if read == size else ""


def _printable(text: str) -> str:
    """Return a stranger's text without what a terminal would obey or cannot show."""
    return text if is_one_line(text) else ascii(text)
