"""What scans and clips ask of the machines that hold the partitions of the catalogue.

Rows exist only while somebody waits for the answers.
"""

from __future__ import annotations

from django.db import models

from base.common.uid import uid_field
from scanning.models.scan import Scan


class PartitionSearch(models.Model):
    """A search for one sound between two questions to all partitions.

    ``query`` is the fingerprint searched, empty if it is that of the scanned file;
    ``state`` and ``question`` are bytes of ``recognition.partitioned``. ``asked`` counts
    the questions, and ``catalogue_state`` is the least that every partition followed.
    """

    uid = uid_field("q")
    scan = models.ForeignKey(
        Scan, on_delete=models.CASCADE, null=True, blank=True, related_name="partition_searches"
    )
    partitions = models.PositiveSmallIntegerField()
    query = models.BinaryField(default=b"")
    state = models.BinaryField()
    question = models.BinaryField(default=b"")
    asked = models.PositiveIntegerField(default=0)
    catalogue_state = models.BigIntegerField()
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name_plural = "partition searches"

    def __str__(self) -> str:
        return f"{self.uid} of {self.scan_id or 'a clip'}"


class PartitionQuestion(models.Model):
    """The last question of a search to one partition, and its answer once it is there.

    ``cause`` says why there will be none.
    """

    search = models.ForeignKey(PartitionSearch, on_delete=models.CASCADE, related_name="questions")
    partition = models.PositiveSmallIntegerField()
    asked = models.PositiveIntegerField()
    answer = models.BinaryField(null=True)
    cause = models.CharField(max_length=500, blank=True, default="")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["search", "partition"], name="partition_question_one_per_partition"
            )
        ]

    def __str__(self) -> str:
        return f"partition {self.partition} for {self.search_id}"

    @property
    def about(self) -> str:
        """What is searched, as lists of jobs show it."""
        scan = self.search.scan
        return scan.scanned_file.name if scan is not None else self.search.uid
