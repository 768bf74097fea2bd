"""``python -m tests.released.upgrade``: brings a stored release to this code, and checks it.

Either its SQLite file is migrated in place, or its backup is restored into an empty
database, which may be PostgreSQL's. Then the doctor must find what it found in the release
and nothing else, the season's invariants must hold, and pages must open.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from tests.released import stored

_SOME_PAGES = 25
_OF_MACHINES = {"machines", "work"}
"""Findings about workers, of which none has run since."""


def main() -> None:
    """Exit with 0 if the upgraded installation is whole."""
    arguments = _arguments()
    [release] = [
        candidate for candidate in stored.releases() if candidate.version == arguments.version
    ]
    with tempfile.TemporaryDirectory(prefix="upgrade-") as scratch:
        folder, content = Path(scratch) / "installation", Path(scratch) / "content"
        os.environ["ACRPORTAL_PLUGINS"] = ",".join(release.plugins)
        from tests.season.installation import prepare

        prepare(folder, arguments.database or f"sqlite:///{folder}/portal.sqlite3")
        stored.unpack(release, content)
        # This import loads models, so Django must be set up first.
        import time_machine

        from tests.clocks import follow_this_machine

        follow_this_machine()
        with time_machine.travel(release.at):
            _upgrade(release, folder, content, in_place=arguments.in_place)
            _check(release, every_page=arguments.every_page)


def _upgrade(release: stored.Release, folder: Path, content: Path, *, in_place: bool) -> None:
    from django.conf import settings
    from django.core.files.storage import default_storage
    from django.core.management import call_command

    from operations.backup import MEDIA_LIST, SECRET_KEY_NAME, read_media_list
    from operations.backup_places import FolderPlace
    from operations.restoring import find_backup, restore

    backup = find_backup(content / "backup")
    (backup / "keys").mkdir()
    (backup / "keys" / SECRET_KEY_NAME).write_text(settings.SECRET_KEY, encoding="utf-8")
    if in_place:
        shutil.copytree(backup / "index", folder / "index")
        for media in read_media_list(backup / MEDIA_LIST):
            with FolderPlace(backup.parent).open(media.sha256) as file:
                default_storage.save(media.name, file)
        shutil.move(content / "portal.sqlite3", folder)
        call_command("migrate", verbosity=0)
        return
    restored = restore(backup, lambda _line: None)
    assert restored.rows == release.rows
    assert len(restored.not_restored) == len(release.lost), restored.not_restored
    call_command("installation", "--real", verbosity=0)


def _check(release: stored.Release, *, every_page: bool) -> None:
    from operations.doctor import examine
    from tests.season import checks, invariants

    findings = Counter(
        f"{finding.check}: {finding.problem}"
        for finding in examine()
        if finding.check not in _OF_MACHINES
    )
    new = findings - Counter(release.findings)
    assert not new, f"The doctor finds what was not there in {release.version}: {new}"
    invariants.Records.begin()
    checks.every_file_adds_up()
    checks.chains_hold()
    opened = Counter(_statuses(release, every_page=every_page))
    # Some refuse, because their form is not for the state of the row.
    assert max(opened) < 500, opened
    assert opened[200] > opened.total() // 2, opened


def _statuses(release: stored.Release, *, every_page: bool) -> Iterator[int]:
    """Open pages as an admin; rows that only fill tables may show codes."""
    from django.test import Client

    from base.accounts.models import User
    from tests.season.routes import pages

    client = Client()
    client.force_login(User.objects.get(username="adam"))
    rng, routes = random.Random(release.version), list(pages())
    for route in routes if every_page else rng.sample(routes, _SOME_PAGES):
        path = route.path(rng)
        if path is None:
            continue
        response = client.get(path)
        response.close()
        yield response.status_code


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.released.upgrade")
    parser.add_argument("version")
    parser.add_argument("--in-place", action="store_true", help="migrate the SQLite file")
    parser.add_argument("--database", default="", help="an empty database (default: SQLite)")
    parser.add_argument("--every-page", action="store_true")
    return parser.parse_args()


if __name__ == "__main__":
    main()
