"""Every change to a signed pack is detected."""

from __future__ import annotations

import io
import json
import struct
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.core.management import call_command
from django.core.management.base import CommandError
from hypothesis import given, settings
from hypothesis import strategies as st

from base.audit.services import record
from reports.evidence.signing import PublicKey
from reports.evidence.verification import PackUnreadable, verify
from tests.evidence.conftest import BuildPack
from tests.factories.review import make_match

# What is checked are files.
pytestmark = pytest.mark.django_db

Change = Callable[[dict[str, bytes]], None]


def changed(path: Path, target: Path, change: Change) -> Path:
    with zipfile.ZipFile(path) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    change(files)
    with zipfile.ZipFile(target, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return target


def edit_file(files: dict[str, bytes]) -> None:
    files["match.csv"] += b"\r\n"


def lose_file(files: dict[str, bytes]) -> None:
    del files["summary.pdf"]


def add_file(files: dict[str, bytes]) -> None:
    files["clips/extra.flac"] = b"x"


def edit_manifest(files: dict[str, bytes]) -> None:
    manifest = json.loads(files["manifest.json"])
    manifest["engine"] = "another"
    files["manifest.json"] = json.dumps(manifest).encode()


def sign_anew(files: dict[str, bytes]) -> None:
    files["manifest.sig"] = Ed25519PrivateKey.generate().sign(files["manifest.json"])


def edit_event(files: dict[str, bytes]) -> None:
    files["audit.jsonl"] = files["audit.jsonl"].replace(b'"found"', b'"maked"')


CHANGES: dict[Change, str] = {
    edit_file: "match.csv was changed",
    lose_file: "summary.pdf is missing",
    add_file: "clips/extra.flac is not in the manifest",
    edit_manifest: "was not signed",
    sign_anew: "was not signed",
    edit_event: "chain of events is broken",
}


def test_every_change_and_another_key_show(
    build: BuildPack, key: PublicKey, tmp_path: Path
) -> None:
    match = make_match()
    # A note may contain any line end.
    record(case=f"match:{match.uid}", action="found", note="a\u2028b\x85c")
    pack = build(match)
    assert all(finding.holds for finding in verify(Path(pack.file.path), key))
    assert _says_that_files_match(Path(pack.file.path), key)

    for number, (change, expected) in enumerate(CHANGES.items()):
        path = changed(Path(pack.file.path), tmp_path / f"{number}.zip", change)
        wrong = [finding.text for finding in verify(path, key) if not finding.holds]
        assert any(expected in text for text in wrong), change
        if change in (edit_file, lose_file, add_file):
            assert not _says_that_files_match(path, key), change
        with pytest.raises(CommandError, match="failed a check"):
            call_command("verify_evidence", path)

    other_key = PublicKey(Ed25519PrivateKey.generate().public_key())
    public = tmp_path / "other.pem"
    public.write_bytes(other_key.pem)
    findings = verify(Path(pack.file.path), other_key)
    assert not findings[0].holds
    assert pack.key_id in findings[0].text
    assert "The chain of 2 events is intact." in [check.text for check in findings]
    with pytest.raises(CommandError):
        call_command("verify_evidence", pack.file.path, key=public)


def test_what_is_no_pack_is_told(key: PublicKey, tmp_path: Path) -> None:
    path = tmp_path / "some.zip"
    for content, message in (
        (b"", None),
        (b"no zip at all", None),
        (b"PK\x03\x04broken", None),
        (_zipped(("letter.txt", b"hello")), r"manifest\.json is missing"),
    ):
        path.write_bytes(content)

        with pytest.raises(PackUnreadable, match=message):
            verify(path, key)
        with pytest.raises(CommandError):
            call_command("verify_evidence", path)


def _zipped(*files: tuple[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    written = io.BytesIO()
    with (
        # Of the same name twice.
        warnings.catch_warnings(action="ignore"),
        zipfile.ZipFile(written, "w", method) as archive,
    ):
        for name, content in files:
            archive.writestr(name, content)
    return written.getvalue()


def _manifest(**changes: object) -> tuple[str, bytes]:
    whole = {"schema": "evidence-manifest/1", "key_id": "x", "files": [], **changes}
    return "manifest.json", json.dumps(whole).encode()


_SIGNATURE = ("manifest.sig", bytes(64))
_BOMB_BYTES = 100 << 20
_EMPTY = _zipped(_manifest(), _SIGNATURE)


def _with_end(at: int, content: bytes) -> bytes:
    """Return an archive with other bytes in its last 22, the end of its directory."""
    place = len(_EMPTY) - 22 + at
    return _EMPTY[:place] + content + _EMPTY[place + len(content) :]


def _file(name: str, size: int) -> dict[str, object]:
    return {"name": name, "size": size, "sha256": "0" * 64}


HOSTILE: dict[str, Callable[[], bytes]] = {
    "a bomb for a manifest": lambda: _zipped(("manifest.json", bytes(_BOMB_BYTES)), _SIGNATURE),
    "a bomb for a signature": lambda: _zipped(_manifest(), ("manifest.sig", bytes(_BOMB_BYTES))),
    "a bomb for a chain": lambda: _zipped(
        _manifest(), _SIGNATURE, ("audit.jsonl", bytes(_BOMB_BYTES))
    ),
    "a bomb for a clip": lambda: _zipped(
        _manifest(files=[_file("a", 1)]), _SIGNATURE, ("a", bytes(_BOMB_BYTES))
    ),
    "a manifest that claims all bytes": lambda: _zipped(
        _manifest(files=[_file("a", 1 << 60)]), _SIGNATURE
    ),
    "less than no bytes": lambda: _zipped(_manifest(files=[_file("a", -1)]), _SIGNATURE),
    "no signature": lambda: _zipped(_manifest()),
    "half a signature": lambda: _zipped(_manifest(), ("manifest.sig", bytes(32))),
    "absolute and upward paths": lambda: _zipped(
        _manifest(), _SIGNATURE, ("/etc/passwd", b""), ("../../x", b"")
    ),
    "names for a terminal": lambda: _zipped(
        _manifest(files=[_file("\x1b[2J", 1), _file("\ud800", 1)]), _SIGNATURE
    ),
    "the same name twice": lambda: _zipped(_manifest(), _manifest(), _SIGNATURE),
    "a manifest that nests": lambda: _zipped(("manifest.json", b"[" * 100_000), _SIGNATURE),
    "a long number": lambda: _zipped(
        ("manifest.json", b'{"files": ' + b"9" * 10_000 + b"}"), _SIGNATURE
    ),
    "a chain of odd lines": lambda: _zipped(
        _manifest(),
        _SIGNATURE,
        (
            "audit.jsonl",
            b'{"case":1,"sequence":1,"hash":1,"previous_hash":"","actor":1,'
            b'"actor_salt":"","actor_digest":[]}',
        ),
    ),
    "a method with memory of its own": lambda: _zipped(
        _manifest(), _SIGNATURE, ("audit.jsonl", b""), method=zipfile.ZIP_LZMA
    ),
    "a huge directory": lambda: _with_end(12, struct.pack("<I", 1 << 31)),
    "a directory from elsewhere": lambda: _with_end(16, struct.pack("<I", 1 << 31)),
    "a comment": lambda: _with_end(20, struct.pack("<H", 7)) + b"comment",
    "a lie of ZIP64": lambda: (
        _EMPTY[:-22] + struct.pack("<4sLQL", b"PK\x06\x07", 0, 1 << 62, 1) + _EMPTY[-22:]
    ),
}


def test_a_hostile_pack_gets_a_plain_verdict(
    key: PublicKey, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "some.zip"
    for kind, make in HOSTILE.items():
        path.write_bytes(make())

        with pytest.raises(CommandError, match=r"some\.zip|manifest|pack") as refused:
            call_command("verify_evidence", path)

        message = f"{refused.value}{capsys.readouterr().out}"
        assert message.replace("\n", "").isprintable(), kind


def test_corrupted_packs_get_a_plain_verdict(
    build: BuildPack, key: PublicKey, tmp_path: Path
) -> None:
    whole = Path(build(make_match()).file.path).read_bytes()
    path = tmp_path / "broken.zip"
    places = st.integers(0, len(whole) - 1)

    @settings(max_examples=100 if settings().derandomize else 400)
    @given(
        edits=st.lists(st.tuples(places, st.integers(0, 255)), max_size=8),
        near_end=st.lists(st.tuples(st.integers(1, 2000), st.integers(0, 255))),
        cut=st.none() | places,
        insertion=st.none() | st.tuples(places, st.binary(max_size=50)),
    )
    def check(
        edits: list[tuple[int, int]],
        near_end: list[tuple[int, int]],
        cut: int | None,
        insertion: tuple[int, bytes] | None,
    ) -> None:
        broken = bytearray(whole)
        for place, value in edits:
            broken[place] = value
        for place, value in near_end:
            broken[-place] = value
        if insertion is not None:
            broken[insertion[0] : insertion[0]] = insertion[1]
        path.write_bytes(broken[:cut])
        try:
            findings = verify(path, key)
        except PackUnreadable:
            return
        if all(finding.holds for finding in findings):
            assert _contents(path) == _contents(io.BytesIO(whole))

    check()


def _contents(pack: Path | io.BytesIO) -> dict[str, bytes]:
    with zipfile.ZipFile(pack) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def _says_that_files_match(path: Path, key: PublicKey) -> bool:
    return any("files match the manifest" in check.text for check in verify(path, key))
