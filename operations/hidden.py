"""Rows of plug-ins that the database holds and that this portal does not have."""

from __future__ import annotations

from django.apps import apps
from django.db import connection
from django.db.migrations.recorder import MigrationRecorder
from django.utils.translation import gettext as _


class HiddenRows(Exception):
    """What concerns all rows was not done, because some cannot be seen."""


def hidden_rows() -> str:
    """Return how to see rows that this portal cannot see; "" if it sees all."""
    migrated = {app for app, _name in MigrationRecorder(connection).applied_migrations()}
    hidden = migrated.difference(apps.app_configs)
    if not hidden:
        return ""
    return _(
        "This database has tables of plug-ins that are not installed: %(apps)s. Add "
        "them to ACRPORTAL_PLUGINS and run the command again."
    ) % {"apps": ", ".join(sorted(hidden))}


def refuse_hidden_rows() -> None:
    """Raise ``HiddenRows`` before something that must see every row."""
    if why := hidden_rows():
        raise HiddenRows(why)
