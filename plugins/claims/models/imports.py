"""Imports of platforms' reports, and of their answers to files."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from base.accounts.reach import Path, ReachManager
from base.common.uid import uid_field
from imports.models import Import, MappedImport
from plugins.claims.choices import ReportKind
from plugins.claims.models.account import PlatformAccount
from plugins.claims.models.files import ClaimFile


class ClaimsImport(MappedImport):
    """A platform's report of one kind, or the portal's own table of claims.

    ``summary`` holds the fields of ``importing.importer.ClaimsSummary``; ``kind`` is
    empty until the check has recognised the report. Only the columns of the table are
    mapped.
    """

    place_field = ""
    mapped_for = "account"
    concerns_everything = True

    uid = uid_field("ci")
    account = models.ForeignKey(PlatformAccount, on_delete=models.PROTECT, related_name="imports")
    kind = models.CharField(max_length=16, choices=ReportKind.choices, blank=True, default="")
    report_day = models.DateField(_("day of the report"))

    # Claims concern the whole catalogue.
    reach = Path(owner="made_by")
    objects = ReachManager["ClaimsImport"]()

    class Meta(MappedImport.Meta):
        db_table = "imports_claimsimport"

    @property
    def case(self) -> str:
        """Return the account's case."""
        return self.account.case


class AnswersImport(Import):
    """What a platform answers to a file.

    ``summary`` holds the fields of ``importing.answers.importer.AnswersSummary``.
    ``first_row`` is the number of the first entry, if a person said it. ``prior`` holds
    what the changed rows said before.
    """

    place_field = ""
    concerns_everything = True

    uid = uid_field("fa")
    claim_file = models.ForeignKey(ClaimFile, on_delete=models.PROTECT, related_name="answers")
    first_row = models.PositiveSmallIntegerField(null=True, blank=True)
    prior = models.JSONField(default=dict, blank=True, editable=False)

    # As reports, answers concern a whole account.
    reach = Path(owner="made_by")
    objects = ReachManager["AnswersImport"]()

    class Meta(Import.Meta):
        db_table = "imports_answersimport"

    @property
    def case(self) -> str:
        """Return the file's case."""
        return self.claim_file.case
