"""``python -m tests.released``: stores an installation of this release for upgrade tests.

It builds the season's world, takes some steps in it, fills the tables that are empty still,
and stores the database, a backup and the digests of all migrations beside this module.
"""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from recognition.version import VERSION
from tests.released import stored

_STEPS, _SEED = 40, 3
_AUDIO = ("files/", "recordings/", "proxies/")
"""The folders of the storage with audio."""


def main() -> None:
    """Store this release, unless it was released already."""
    version, is_dated = VERSION, stored.is_dated()
    for release in stored.releases():
        if release.version == version and release.dated:
            sys.exit(
                f"{version} is stored as it was released. Remove {release.folder} only if "
                "nobody has got it."
            )
    scratch = Path(tempfile.mkdtemp(prefix="released-"))
    try:
        release = _store(scratch, version=version, is_dated=is_dated)
    finally:
        shutil.rmtree(scratch)
    sizes = [path.stat().st_size for path in release.folder.iterdir()]
    print(
        f"{release.folder}: {sum(sizes)} bytes, {sum(release.rows.values())} rows in "
        f"{len(release.rows)} tables, {len(release.migrations)} migrations"
    )


def _store(scratch: Path, *, version: str, is_dated: bool) -> stored.Release:
    from tests.season.installation import Installation, prepare

    folder = scratch / "installation"
    prepare(folder, f"sqlite:///{folder}/portal.sqlite3")
    # These imports load models, so Django must be set up first.
    from django.conf import settings
    from django.db import connection

    from operations.doctor import examine
    from tests.released import rows
    from tests.season import checks, operators, outside, world
    from tests.season.machine import Season
    from tests.season.play import seasons
    from tests.season.workers import Spare
    from tests.write_locks import watched

    content = scratch / "content"
    content.mkdir()
    spare = Spare()
    try:
        with outside.web_server(), watched() as holds:
            installation = Installation(folder, world.build)
            season = Season(installation, spare, lambda _line: None, holds)
            for step in next(seasons(_STEPS, _SEED)):
                season.take(step)
            season.machines.be(1)
            checks.nothing_waits_for_ever(season.time, season.machines)
            rows.fill_tables()
            if empty := [model._meta.label for model in rows.empty_tables()]:
                sys.exit(f"These tables have no rows, see tests/released/rows.py: {empty}")
            operators.run(("doctor", "--fix"), lambda _line: None)
            manifest, at = _back_up(content / "backup"), datetime.now(tz=UTC).isoformat()
            findings = [f"{finding.check}: {finding.problem}" for finding in examine()]
            with connection.cursor() as cursor:
                cursor.execute("VACUUM INTO %s", [str(content / "portal.sqlite3")])
            season.close()
    finally:
        spare.end()
    release = stored.Release(
        version=version,
        dated=is_dated,
        at=at,
        plugins=sorted(settings.ACRPORTAL_PLUGINS),
        findings=findings,
        lost=manifest["media"]["gone"],
        rows={table["model"]: table["rows"] for table in manifest["tables"]},
        migrations=stored.digests(),
    )
    stored.write(release, content)
    return release


def _back_up(folder: Path) -> dict[str, Any]:  # Any: JSON
    """Make a backup without audio and keys; return its manifest."""
    from django.core.files.storage import default_storage

    from operations.backup import SECRET_KEY_NAME, make_backup
    from operations.backup_places import MANIFEST, FolderPlace, backups_in
    from operations.stored_files import file_columns

    for model, column in file_columns():
        for name in model._base_manager.values_list(column, flat=True):
            if name and name.startswith(_AUDIO):
                default_storage.delete(name)
    make_backup(FolderPlace(folder), lambda _line: None)
    [made] = backups_in(folder)
    # The season's settings say the secret key, and nothing checks with the other.
    shutil.rmtree(made / "keys")
    path = made / MANIFEST
    manifest: dict[str, Any] = json.loads(path.read_bytes())
    manifest["keys"] = {SECRET_KEY_NAME: manifest["keys"][SECRET_KEY_NAME]}
    path.write_text(json.dumps(manifest, indent=1), encoding="utf-8")
    return manifest


if __name__ == "__main__":
    main()
