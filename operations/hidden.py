"""Rows of monitoring in the database of a portal that was started without it."""

from __future__ import annotations

from typing import Final

from django.conf import settings
from django.db import connection
from django.utils.translation import gettext_lazy as _

HOW_TO_SEE: Final = _(
    "This database has streams, broadcasts, unknown sound or declarations, which this "
    "portal cannot see. Run the command with ACRPORTAL_MONITORING=on."
)


class HiddenRows(Exception):
    """What concerns all rows was not done, because some cannot be seen."""


def has_hidden_rows() -> bool:
    """Return whether the database has tables of monitoring that this portal cannot see."""
    return (
        not settings.ACRPORTAL_MONITORING
        and "streams_stream" in connection.introspection.table_names()
    )


def refuse_hidden_rows() -> None:
    """Raise ``HiddenRows`` before something that must see every row."""
    if has_hidden_rows():
        raise HiddenRows(str(HOW_TO_SEE))
