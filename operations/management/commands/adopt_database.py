"""``manage.py adopt_database``: takes over a database from before version 1.0."""

from __future__ import annotations

from typing import Any, Final

from django.core.management.base import BaseCommand, CommandError
from django.db import connection, transaction
from django.db.migrations.recorder import MigrationRecorder

FIRST: Final = "0001_version_1_0"
LAST_BEFORE: Final = {
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
"""The last migration of each package before version 1.0; its tables are those of
``FIRST``.
"""
MOVED: Final = ("programmes", "declarations")
"""Packages that took tables of others over on the way to version 1.0."""


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
        moved = [app for app in MOVED if (app, FIRST) not in applied]
        if ("scanning", FIRST) in applied and not moved:
            self.stdout.write("The database has version 1.0 already.")
            return
        if ("scanning", FIRST) in applied:
            # A checkout of the day on which version 1.0 began.
            for app in moved:
                recorder.record_applied(app, FIRST)
            self.stdout.write("The database is taken over.")
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
            for app in (*LAST_BEFORE, *MOVED):
                recorder.record_applied(app, FIRST)
        self.stdout.write("The database is taken over. Run migrate now.")
