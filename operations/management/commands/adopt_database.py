"""``manage.py adopt_database``: takes over a database from before version 1.0."""

from __future__ import annotations

from typing import Any, Final

from django.core.management.base import BaseCommand, CommandError
from django.db import connection, transaction
from django.db.migrations.recorder import MigrationRecorder

FIRST: Final = "0001_version_1"
LAST_BEFORE: Final = {
    "accounts": "0009_user_time_zone",
    "acrapi": "0003_stream_callbacks",
    "audit": "0006_plain_labels",
    "broadcasts": "0002_listeners_by_hour",
    "catalogue": "0022_partitions",
    "dedup": "0007_name_columns",
    "imports": "0007_broadcast_import",
    "jobs": "0006_streams_pool",
    "recurring": "0003_count_plays",
    "reports": "0019_change_and_run_schedules",
    "review": "0021_plain_labels",
    "rights": "0004_kept_off",
    "scanning": "0044_name_columns",
    "streams": "0003_events_of_notices",
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
