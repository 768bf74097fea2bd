"""``manage.py adopt_database``: takes over a database from before version 1.0."""

from __future__ import annotations

from typing import Any, Final

from django.core.management.base import BaseCommand, CommandError
from django.db import connection, transaction
from django.db.migrations.recorder import MigrationRecorder

FIRST: Final = "0001_release"
LAST_BEFORE: Final = {
    "accounts": "0002_known_place",
    "acrapi": "0002_signature_cache",
    "audit": "0001_version_1",
    "broadcasts": "0002_what_was_broadcast",
    "catalogue": "0004_own_isrc",
    "dedup": "0001_version_1",
    "imports": "0002_undo",
    "jobs": "0002_installation",
    "recurring": "0001_version_1",
    "reports": "0005_broadcast_of_a_play",
    "review": "0002_counted_time",
    "rights": "0001_version_1",
    "scanning": "0006_segment_track",
    "streams": "0003_title_charset",
}
"""The last migration of each package before version 1.0; its tables are those of
``FIRST``.
"""


class Command(BaseCommand):
    """Notes that the first migrations of version 1.0 are applied already."""

    help = (
        "Take over a database that the last commit before version 1.0 has migrated. "
        "Run migrate afterwards."
    )
    # Ours are unapplied by their new names, which Django would report.
    requires_migrations_checks = False

    def handle(self, **_options: Any) -> None:  # Any: Django's own signature
        """Replace the notes of former migrations, or refuse and change nothing."""
        recorder = MigrationRecorder(connection)
        applied = set(recorder.applied_migrations())
        if ("scanning", FIRST) in applied:
            self.stdout.write("The database has version 1.0 already.")
            return
        missing = sorted(set(LAST_BEFORE.items()) - applied)
        if missing:
            names = ", ".join(f"{app}.{name}" for app, name in missing)
            raise CommandError(
                f"The database lacks the migrations {names}. Check out the last "
                "commit before version 1.0, run migrate there, and come back."
            )
        with transaction.atomic():
            recorder.migration_qs.filter(app__in=LAST_BEFORE).delete()
            for app in LAST_BEFORE:
                recorder.record_applied(app, FIRST)
        self.stdout.write("The database is taken over. Run migrate now.")
