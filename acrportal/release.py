"""Makes the files of a release: ``python -m acrportal.release FOLDER`` (``make dist``).

They are the engine's wheel and source distribution, the source of the whole portal as it
is committed, the bill of materials, and ``SHA256SUMS``. One commit always gives the same
bytes: every file carries the time of the commit.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from datetime import UTC, datetime
from pathlib import Path

from acrportal.sbom import ROOT, bill_of_materials
from recognition.version import VERSION

_SUMS = "SHA256SUMS"
# Where make installs the tools of requirements/release.txt.
_TOOLS = ROOT / ".venv-release" / "bin" / "python"


def main() -> None:
    """Make all files in the folder, which may not exist or must be empty."""
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    if any(folder.iterdir()):
        sys.exit(f"{folder} is not empty. Remove it or name another folder.")
    if _git("status", "--porcelain"):
        sys.exit("Some changes are not committed. Commit them: a release is a commit.")
    with tempfile.TemporaryDirectory() as scratch:
        source = Path(scratch) / f"acrportal-{VERSION}"
        with tarfile.open(fileobj=io.BytesIO(_git("archive", "HEAD"))) as committed:
            committed.extractall(source, filter="data")
        epoch = int(_git("log", "-1", "--format=%ct"))
        _pack(source, folder / f"{source.name}.tar.gz", epoch)
        _build_engine(source / "recognition", folder, epoch)
    bill = folder / f"acrportal-{VERSION}.cdx.json"
    bill.write_text(bill_of_materials(datetime.fromtimestamp(epoch, tz=UTC)), encoding="utf-8")
    subprocess.run(
        [_TOOLS, "-m", "twine", "check", "--strict", *sorted(folder.glob("recognition-*"))],
        check=True,
    )
    sums = [
        f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n"
        for path in sorted(folder.iterdir())
    ]
    (folder / _SUMS).write_text("".join(sums), encoding="utf-8")


def _git(*arguments: str) -> bytes:
    return subprocess.run(["git", *arguments], cwd=ROOT, check=True, stdout=subprocess.PIPE).stdout


def _build_engine(package: Path, folder: Path, epoch: int) -> None:
    """Build wheel and source distribution; pack the latter again, with one time."""
    environment = os.environ | {"SOURCE_DATE_EPOCH": str(epoch)}
    # A path to "." would hide Python's own module types behind the engine's.
    environment.pop("PYTHONPATH", None)
    subprocess.run(
        [_TOOLS, "-m", "build", "--no-isolation", "--outdir", folder, package],
        env=environment,
        check=True,
        stdout=subprocess.DEVNULL,
    )
    [packed] = folder.glob("recognition-*.tar.gz")
    unpacked = package.parent.parent / "sdist"
    shutil.unpack_archive(packed, unpacked, filter="data")
    _pack(next(unpacked.iterdir()), packed, epoch)


def _pack(folder: Path, target: Path, epoch: int) -> None:
    """Pack a folder with sorted names, one time, and no owners."""

    def same(member: tarfile.TarInfo) -> tarfile.TarInfo:
        member.mtime = epoch
        member.uid = member.gid = 0
        member.uname = member.gname = ""
        member.mode = 0o755 if member.isdir() or member.mode & 0o100 else 0o644
        return member

    with (
        target.open("wb") as file,
        gzip.GzipFile(fileobj=file, mode="wb", filename="", mtime=epoch) as packed,
        tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as archive,
    ):
        # tarfile adds the names of a folder sorted.
        archive.add(folder, arcname=folder.name, filter=same)


if __name__ == "__main__":
    main()
