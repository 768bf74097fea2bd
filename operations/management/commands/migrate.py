"""Django's ``migrate``, which sets up an empty database in seconds."""

from __future__ import annotations

from typing import Any

from django.core.management.base import no_translations
from django.core.management.commands import migrate
from django.db import connections

from operations import first_tables

# What asks for anything but all migrations, carried out.
_OTHERS = (
    *("app_label", "fake", "fake_initial"),
    *("plan", "check_unapplied", "prune"),
)


class Command(migrate.Command):
    """Make all tables of an empty database at once; migrate any other step by step."""

    @no_translations
    def handle(self, *args: Any, **options: Any) -> None:  # Any: as in Django
        """Set up what is empty; Django then does the rest, such as its signals."""
        connection = connections[options["database"]]
        if not any(options[name] for name in _OTHERS):
            connection.prepare_database()
            if first_tables.is_empty(connection):
                if options["verbosity"]:
                    self.stdout.write("Making all tables of the empty database.")
                first_tables.make_tables(connection)
        super().handle(*args, **options)
