"""Backups from before version 1.0: which migrations and models of today theirs are."""

from __future__ import annotations

from functools import cache
from typing import Final

from base.common.registry import Registry

LAST_COMMIT: Final = "3be6ed25"
"""The last commit before version 1.0, whose backups can be restored."""

FIRST: Final = "0001_version_1_0"
"""The first migration of every app."""

LAST: Final = {
    "accounts": "0002_zone_of_the_browser",
    "acrapi": "0001_release",
    "audit": "0001_release",
    "broadcasts": "0001_release",
    "catalogue": "0002_recording_iswc",
    "dedup": "0001_release",
    "enrichment": "0003_no_artist",
    "imports": "0007_claims_columns",
    "jobs": "0001_release",
    "platforms": "0006_merged_assets_and_works",
    "recurring": "0001_release",
    "reports": "0006_trial_streams",
    "review": "0003_edited_uses_of_licences",
    "rights": "0001_release",
    "scanning": "0003_edited_music",
    "streams": "0001_release",
}
"""The last migration of each app before version 1.0."""

MOVED: Final = {
    "acrapi.trackid": "dedup.trackid",
    "broadcasts.episode": "programmes.episode",
    "broadcasts.musicuse": "programmes.musicuse",
}
"""Models that have another app since, by their labels."""

took_over: Final[Registry[tuple[str, str]]] = Registry()
"""The labels, before and today, of models that packages above took over."""


@cache
def moved() -> dict[str, str]:
    """Return today's labels of all models that have another app since."""
    return MOVED | dict(took_over)


def is_earlier(nodes: set[tuple[str, str]]) -> bool:
    """Return whether migrations, by app and name, are from before version 1.0."""
    return ("accounts", FIRST) not in nodes


def migrations_of_today(nodes: set[tuple[str, str]]) -> set[tuple[str, str]]:
    """Return the migrations that make the tables for a backup with ``nodes``.

    Those of a commit before the last one stay, and are unknown today.
    """
    if not set(LAST.items()) <= nodes:
        return nodes
    unchanged = {(app, name) for app, name in nodes if app not in LAST}
    apps = {label.partition(".")[0] for label in moved().values()}
    return unchanged | {(app, FIRST) for app in apps.union(LAST)}
