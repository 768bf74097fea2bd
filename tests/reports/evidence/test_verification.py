"""Every change to a signed pack is detected."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.core.management import call_command
from django.core.management.base import CommandError

from reports.evidence.signing import PublicKey
from reports.evidence.verification import PackUnreadable, verify
from tests.factories.review import make_match
from tests.reports.evidence.conftest import BuildPack

# What is checked are files.
pytestmark = [pytest.mark.django_db, pytest.mark.any_database]

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


def test_every_change_shows(build: BuildPack, key: PublicKey, tmp_path: Path) -> None:
    pack = build(make_match())

    for number, (change, told) in enumerate(CHANGES.items()):
        path = changed(Path(pack.file.path), tmp_path / f"{number}.zip", change)
        wrong = [finding.text for finding in verify(path, key) if not finding.holds]
        assert any(told in text for text in wrong), change
        with pytest.raises(CommandError, match="failed a check"):
            call_command("verify_evidence", path)


def test_another_key_does_not_fit(build: BuildPack, tmp_path: Path) -> None:
    pack = build(make_match())
    other = PublicKey(Ed25519PrivateKey.generate().public_key())
    public = tmp_path / "other.pem"
    public.write_bytes(other.pem)

    findings = verify(Path(pack.file.path), other)

    assert not findings[0].holds
    assert pack.key_id in findings[0].text
    assert "The chain of 1 event is intact." in [each.text for each in findings]
    with pytest.raises(CommandError):
        call_command("verify_evidence", pack.file.path, key=public)


@pytest.mark.parametrize("content", [b"", b"no zip at all", b"PK\x03\x04broken"])
def test_what_is_no_pack_is_told(
    key: PublicKey, tmp_path: Path, content: bytes
) -> None:
    path = tmp_path / "some.zip"
    path.write_bytes(content)

    with pytest.raises(PackUnreadable):
        verify(path, key)
    with pytest.raises(CommandError):
        call_command("verify_evidence", path)


def test_a_zip_of_something_else_is_told(key: PublicKey, tmp_path: Path) -> None:
    path = tmp_path / "some.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("letter.txt", "hello")

    with pytest.raises(PackUnreadable, match=r"manifest\.json is missing"):
        verify(path, key)
