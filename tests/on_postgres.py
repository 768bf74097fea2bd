"""Runs the tests that use the database on PostgreSQL too, if a server answers.

``python -m tests.on_postgres [arguments of pytest]``; ``TEST_DATABASE_URL`` names the
server, with a superuser. pytest loads this module as a plugin then.

What runs again is what a database may answer differently: services and selectors; pages
that search, filter, sort, count, limit, lock or take numbers of any size; every page and
screen once, in every state (``tests/portal/test_every_text.py``). What a page says, whom it
opens for and which fields its form takes follows from rows that are there already, so it
is tested on SQLite alone, as is what is checked before anything is stored, and what the
rules of a licence or a policy say of a row that was read. In ``tests/portal``, only the
modules in ``_PAGES`` run again; elsewhere, all but those in ``_WITHOUT`` and the tests
with the mark ``any_database``, each with its reason.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from urllib.parse import quote

import psycopg
import pytest

from tests import databases

_WITHOUT = (
    # Runs servers of its own, each with its own database.
    "tests/jobs/test_draining.py",
    # The engine knows no database, browsers and clients ask a portal on SQLite. Each
    # process would import their tests only to leave them out.
    "tests/recognition",
    "tests/e2e",
    "tests/wire",
    # Who is let in, by what they show.
    "tests/accounts/test_sessions.py",
    "tests/accounts/test_sign_in.py",
    "tests/accounts/test_single_sign_on.py",
    # What is read before anything is stored, and what is written of rows that were read.
    "tests/common/test_logs.py",
    "tests/imports/test_mapping.py",
    "tests/reports/notices/test_document.py",
    "tests/reports/test_formats.py",
    "tests/scanning/drops/test_sidecars.py",
    "tests/scanning/test_bad_input.py",
    "tests/scanning/test_damaged_sound.py",
    "tests/scanning/test_sent_forms.py",
    "tests/test_translations.py",
    # Whom and what pages and the API refuse, before or without a question of their own.
    "tests/acrapi/test_documented_statuses.py",
    "tests/acrapi/test_identify.py",
    "tests/acrapi/test_refusals.py",
    "tests/scanning/test_callback_address.py",
    "tests/security/test_bodies.py",
    "tests/security/test_error_pages.py",
    "tests/security/test_extra_fields.py",
    "tests/security/test_methods.py",
    "tests/security/test_writable_fields.py",
)
# The pages that ask questions of their own, or write where others write.
_PAGES = frozenset(
    {
        "broadcasts/test_api.py",
        "review/test_lists.py",
        "review/test_review_locks.py",
        "review/test_review_queue.py",
        "review/test_saved_views.py",
        "rights/test_pages.py",
        "streams/test_limits.py",
        "streams/test_pages.py",
        "test_admin_history.py",
        "test_admin_match.py",
        "test_admin_match_actions.py",
        "test_choices.py",
        "test_dashboard.py",
        "test_every_text.py",
        "test_file_list.py",
        "test_job_pages.py",
        "test_match_api.py",
        "test_recording_actions.py",
        "test_report_api.py",
        "test_report_pages.py",
        "test_resumable_uploads.py",
        "test_retro_pages.py",
        "test_search.py",
        "test_some_buckets.py",
        "unknown/test_item.py",
        "unknown/test_limits.py",
        "unknown/test_list.py",
    }
)
_DEFAULT = "postgres://postgres@127.0.0.1:5432/postgres"
_USES_DATABASE = frozenset({"db", "transactional_db", "live_server"})


def main() -> int:
    """Return pytest's exit code; 0 if there is no server."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "acrportal.settings")
    fast = prepared()
    if fast is None:
        return 0
    return subprocess.run(
        [
            *(sys.executable, "-m", "pytest", "-q", "-p", "tests.on_postgres"),
            *("-m", "not slow and not soak and not e2e and not any_database"),
            *(f"--ignore={path}" for path in (*_WITHOUT, *_other_pages())),
            *sys.argv[1:],
        ],
        env=os.environ | {"DATABASE_URL": fast},
        check=False,
    ).returncode


def _other_pages() -> list[str]:
    """Return the modules of ``tests/portal`` that are not in ``_PAGES``.

    A name there or in ``_WITHOUT`` that leads nowhere is an error.
    """
    folder = Path(__file__).parent / "portal"
    found = {str(each.relative_to(folder)) for each in folder.rglob("test_*.py")}
    missing = sorted(_PAGES - found)
    missing += [path for path in _WITHOUT if not Path(path).exists()]
    if missing:
        raise SystemExit(f"No such modules of tests: {missing}")
    return [f"tests/portal/{name}" for name in sorted(found - _PAGES)]


def prepared() -> str | None:
    """Return the server's address once it has the migrated databases; None without one."""
    url = os.environ.get("TEST_DATABASE_URL", _DEFAULT)
    try:
        server = psycopg.connect(url, connect_timeout=3, autocommit=True)
    except psycopg.OperationalError as error:
        print(f"PostgreSQL tests skipped, no server: {str(error).splitlines()[0]}")  # noqa: T201
        return None
    # Nothing here outlives the run, so no commit has to wait for the disk.
    fast = f"{url}?options={quote('-c synchronous_commit=off')}"
    with server:
        databases.prepare(server, fast)
    return fast


def pytest_collection_modifyitems(
    config: pytest.Config, items: list[pytest.Item]
) -> None:
    """Leave out the tests that use no database; they ran on SQLite already."""
    left_out = [item for item in items if not _uses_database(item)]
    items[:] = [item for item in items if _uses_database(item)]
    config.hook.pytest_deselected(items=left_out)


def _uses_database(item: pytest.Item) -> bool:
    fixtures = getattr(item, "fixturenames", ())
    return bool(
        item.get_closest_marker("django_db") or _USES_DATABASE.intersection(fixtures)
    )


if __name__ == "__main__":
    sys.exit(main())
