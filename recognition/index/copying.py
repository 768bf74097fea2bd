"""Copy an index while other processes read and write it."""

from __future__ import annotations

import shutil
from pathlib import Path

from recognition.errors import IndexCorrupt
from recognition.index import manifest as manifests
from recognition.index.store import ATTEMPTS, STORE


def copy_index(root: Path, target: Path) -> list[Path]:
    """Copy one commit of every bucket; return the copied files, relative to ``target``.

    Raises ``IndexCorrupt`` if the index lacks files that its manifest names.
    """
    target.mkdir(parents=True)
    if not (root / STORE).exists():
        return []
    shutil.copyfile(root / STORE, target / STORE)
    files = [Path(STORE)]
    for bucket in sorted(root.glob("bucket-*")):
        (target / bucket.name).mkdir()
        files += [Path(bucket.name, name) for name in _copy(bucket, target / bucket.name)]
    return files


def _copy(bucket: Path, target: Path) -> list[str]:
    """Copy segments, then the manifest that names them.

    Segments never change, but a merge may remove one during the copy; then the next
    commit is copied instead.
    """
    for _ in range(ATTEMPTS):
        manifest = manifests.read_manifest(bucket)
        names = [entry.file for entry in manifest.entries]
        try:
            for name in names:
                if not (target / name).exists():
                    shutil.copyfile(bucket / name, target / name)
        except FileNotFoundError:
            continue
        manifests.write_manifest(target, manifest)
        return [*names, manifests.NAME]
    raise IndexCorrupt(f"The index in {bucket} lacks files that its manifest names.")
