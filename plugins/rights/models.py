"""Imports of rights; their records are those of ``catalogue.owners``."""

from __future__ import annotations

from django.db import models

from base.accounts.reach import Path, ReachManager
from base.common.uid import uid_field
from imports.models import Import


class RightsImport(Import):
    """A message or table of works, parties, shares and releases.

    ``summary`` holds the fields of ``importing.importer.RightsSummary``.
    ``sender`` is who claims what a table says; messages name their own.
    """

    place_field = ""
    concerns_everything = True

    uid = uid_field("wi")
    encoding = models.CharField(max_length=20, blank=True, default="")
    sender = models.CharField(max_length=200, blank=True, default="")

    # Rights concern the whole catalogue.
    reach = Path(owner="made_by")
    objects = ReachManager["RightsImport"]()

    class Meta(Import.Meta):
        db_table = "imports_rightsimport"

    @property
    def case(self) -> str:
        """Return the case of its own; works and parties have others."""
        return f"rights_import:{self.uid}"
