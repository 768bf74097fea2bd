"""Files and work lists that people take to a platform."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from base.accounts.columns import person_field
from base.accounts.reach import Path, ReachManager
from base.common.uid import uid_field
from plugins.claims.choices import FileKind, FileState, RowAnswer
from plugins.claims.models.discrepancy import Discrepancy


class ClaimFile(models.Model):
    """A file or work list that a person takes to a platform.

    Sending frees nothing: its entries wait for the report that confirms them. A
    withdrawn file frees them at once, and the platform's refusal of a row its entry.
    """

    uid = uid_field("pf")
    kind = models.CharField(max_length=20, choices=FileKind.choices)
    state = models.CharField(max_length=12, choices=FileState.choices, default=FileState.DRAFT)
    file = models.FileField(max_length=200)
    row_count = models.PositiveIntegerField()
    sha256 = models.CharField(max_length=64)
    made_by = person_field()
    created_at = models.DateTimeField(auto_now_add=True)
    sent_at = models.DateTimeField(null=True, blank=True)

    # Its rows can be about several containers and buckets.
    reach = Path(owner="made_by")
    objects = ReachManager["ClaimFile"]()

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.created_at:%Y-%m-%d}"

    @property
    def case(self) -> str:
        """Return the case of its own in the audit trail."""
        return f"claim_file:{self.uid}"


class FileRows(models.Manager["ClaimFileRow"]):
    """Rows of files; seen with their file."""

    def living(self) -> models.QuerySet[ClaimFileRow]:
        """Return rows that keep their entry out of other files."""
        return self.filter(holds_entry=True)


class ClaimFileRow(models.Model):
    """An entry in a file, and the number of its row; several can share one.

    ``answer`` and ``answer_text`` are the platform's. ``holds_entry`` keeps the entry
    out of other files: a refused row and a withdrawn file free it.
    """

    file = models.ForeignKey(ClaimFile, on_delete=models.CASCADE, related_name="rows")
    discrepancy = models.ForeignKey(Discrepancy, on_delete=models.PROTECT, related_name="file_rows")
    number = models.PositiveIntegerField()
    answer = models.CharField(
        max_length=12, choices=RowAnswer.choices, blank=True, default=RowAnswer.NONE
    )
    answer_text = models.CharField(max_length=500, blank=True, default="")
    holds_entry = models.BooleanField(default=True, editable=False)

    objects = FileRows()

    class Meta:
        ordering = ["number", "id"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["file", "discrepancy"], name="claim_file_row_once"),
            models.UniqueConstraint(
                fields=["discrepancy"],
                condition=models.Q(holds_entry=True),
                name="claim_file_entry_once",
            ),
        ]

    def __str__(self) -> str:
        return f"row {self.number} of {self.file_id}"
