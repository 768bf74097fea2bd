"""Rows of a desk for the tests of access."""

from __future__ import annotations

from imports.models import ImportStatus
from plugins.rights.models import RightsImport
from tests.security.world import Desk


def rights_import(desk: Desk) -> RightsImport:
    return desk.row(
        RightsImport, file_name="works.V21", status=ImportStatus.REFUSED, made_by=desk.user
    )
