"""Each release can be upgraded to this code, and its migrations are as they were."""

from __future__ import annotations

import pytest
from django.conf import settings

from recognition.version import VERSION
from tests.jobs.chaos import postgres_database
from tests.processes import python
from tests.released import stored
from tests.released.stored import Release

_RELEASES = stored.releases()
_each_release = pytest.mark.parametrize("release", _RELEASES, ids=lambda release: release.version)


@_each_release
def test_released_migrations_stay_as_they_are(release: Release) -> None:
    today = stored.digests()
    installed = {f"plugins/{name}/" for name in settings.ACRPORTAL_PLUGINS}
    expected = {
        path: digest
        for path, digest in release.migrations.items()
        if not path.startswith("plugins/") or path.startswith(tuple(installed))
    }

    edited = sorted(path for path, digest in expected.items() if today.get(path) != digest)

    assert not edited, (
        f"{', '.join(edited)}: released with {release.version}. Restore it as it was, and "
        "write a new migration."
        if release.dated
        else f"{', '.join(edited)}: changed since python -m tests.released stored "
        f"{release.version}, which is not released yet. Run it again."
    )


def test_the_release_of_this_code_is_stored_once_it_is_dated() -> None:
    if stored.is_dated():
        assert [release.dated for release in _RELEASES if release.version == VERSION] == [True], (
            "Run python -m tests.released."
        )


def _upgrade(release: Release, *options: str) -> None:
    if missing := {*release.plugins} - {*settings.ACRPORTAL_PLUGINS}:
        pytest.skip(f"the release had plug-ins that are not installed: {sorted(missing)}")
    upgraded = python("-m", "tests.released.upgrade", release.version, *options)
    assert upgraded.returncode == 0, upgraded.stdout + upgraded.stderr


@_each_release
@pytest.mark.slow  # a process migrates the database and opens pages
def test_later_migrations_fit_the_database_of_a_release(release: Release) -> None:
    if stored.digests().keys() <= release.migrations.keys():
        pytest.skip("no migration was written since")
    _upgrade(release, "--in-place")


@_each_release
@pytest.mark.soak  # as the test above, and opens every page
def test_the_database_of_a_release_is_migrated(release: Release) -> None:
    _upgrade(release, "--in-place", "--every-page")


@_each_release
@pytest.mark.soak  # sets up an installation and opens every page
def test_the_backup_of_a_release_is_restored(release: Release) -> None:
    _upgrade(release, "--every-page")


@_each_release
@pytest.mark.soak  # sets up an installation on PostgreSQL and opens every page
def test_the_backup_of_a_release_is_restored_on_postgresql(release: Release) -> None:
    with postgres_database(is_empty=True) as url:
        _upgrade(release, "--every-page", "--database", url)
