"""The evidence pack of a match that the engine found in real sound."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import zipfile
from pathlib import Path

import av
import pytest
from django.core.management import call_command

from reports.evidence.models import PackStatus
from reports.evidence.signing import PublicKey
from reports.evidence.verification import verify
from review.models import Match
from tests.evidence.conftest import BuildPack

pytestmark = pytest.mark.django_db(transaction=True)


def unpacked(path: str, target: Path) -> Path:
    with zipfile.ZipFile(path) as archive:
        archive.extractall(target)
    return target


def length_ms(path: Path) -> int:
    with av.open(str(path)) as container:
        samples = sum(frame.samples for frame in container.decode(audio=0))
        return samples * 1000 // container.streams.audio[0].rate


@pytest.mark.slow
def test_a_pack_holds_everything_and_checks_with_plain_tools(
    heard_match: Match,
    build: BuildPack,
    key: PublicKey,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    pack = build(heard_match)

    assert pack.status == PackStatus.READY, pack.message
    folder = unpacked(pack.file.path, tmp_path / "pack")
    names = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    segments = heard_match.segment_count
    assert names == {
        *("README.txt", "SHA256SUMS", "audit.jsonl", "case.html", "case.json"),
        *("manifest.json", "manifest.sig", "public-key.pem", "summary.pdf"),
        *("match.csv", "segments.csv", "source/metadata.json"),
        *("engine/answer.json", "licence/considered.json"),
        *(
            f"clips/segment-{number:03d}-{side}.flac"
            for number in range(1, segments + 1)
            for side in ("source", "reference")
        ),
        *(
            f"pictures/{name}.{kind}"
            for name in (
                *("waveform", "ribbon", "alignment", "coverage"),
                *(f"spectrogram-{number:03d}" for number in range(1, segments + 1)),
            )
            for kind in ("svg", "png")
        ),
    }
    check_with_plain_tools(folder, key)
    assert all(finding.holds for finding in verify(Path(pack.file.path), key))
    check_clips(folder, heard_match)
    check_case(folder, heard_match)
    check_command(pack.file.path, tmp_path, capsys)


def check_with_plain_tools(folder: Path, key: PublicKey) -> None:
    """Follow README.txt with the real tools."""
    if not shutil.which("openssl") or not shutil.which("sha256sum"):
        pytest.skip("openssl and sha256sum are not installed here")
    sums = subprocess.run(
        ["sha256sum", "--check", "SHA256SUMS"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert sums.returncode == 0, sums.stdout
    signed = subprocess.run(
        [
            *("openssl", "pkeyutl", "-verify", "-pubin", "-inkey", "public-key.pem"),
            *("-rawin", "-in", "manifest.json", "-sigfile", "manifest.sig"),
        ],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "Signature Verified Successfully" in signed.stdout
    der = subprocess.run(
        ["openssl", "pkey", "-pubin", "-in", "public-key.pem", "-outform", "DER"],
        cwd=folder,
        capture_output=True,
        check=True,
    ).stdout
    assert hashlib.sha256(der[-32:]).hexdigest() == key.key_id
    assert key.key_id in (folder / "README.txt").read_text(encoding="utf-8")


def check_clips(folder: Path, match: Match) -> None:
    """Check the excerpts' length in ``case.json``: the segment and 3 s around it."""
    case = json.loads((folder / "case.json").read_text(encoding="utf-8"))
    by_number = {segment["number"]: segment for segment in case["segments"]}
    for clip in case["clips"]:
        segment = by_number[clip["segment"]]
        side = clip["side"]
        assert clip["start_ms"] == max(0, segment[f"{side}_start_ms"] - 3000)
        expected = clip["end_ms"] - clip["start_ms"]
        assert length_ms(folder / clip["file"]) == expected
    assert case["match"]["match_id"] == match.uid
    # The mean speed misleads without the kind of edit, as where the tempo drifts.
    assert case["match"]["edit"] == match.edit


def check_case(folder: Path, match: Match) -> None:
    html = (folder / "case.html").read_text(encoding="utf-8")
    assert match.recording.title in html
    assert "<script" not in html
    assert "http" not in html.replace("http://www.w3.org/2000/svg", "")
    assert (folder / "summary.pdf").read_bytes().count(b"/Type /Page\n") == 2
    for path in (folder / "pictures").glob("*.png"):
        assert path.read_bytes().startswith(b"\x89PNG")


def check_command(path: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Check the pack with a separately obtained key."""
    public = tmp_path / "operator.pem"
    call_command("create_signing_key", export=str(public))

    call_command("verify_evidence", path, key=public)

    output = capsys.readouterr().out
    assert "FAILED" not in output
    assert output.count("ok ") == 3
