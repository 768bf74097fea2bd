"""Report runs: the options, the rows read, and the file written."""

from __future__ import annotations

from pathlib import PurePosixPath

from django.db import models
from django.urls import reverse
from django.utils.text import slugify
from django.utils.translation import gettext_lazy as _

from base.accounts.columns import person_field
from base.accounts.reach import Path, ReachManager
from base.common.reading import read_date
from base.common.uid import uid_field
from base.jobs.selectors import progress_of
from reports.choices import FILE_NAMES, TITLES, FilesWithout, Format, Mode, RunState, Separator

_MOST_CHARS = 80


def name_of_download(name: str, otherwise: str) -> str:
    """Return a file name made of a report's name, with the ending of ``otherwise``."""
    stem = slugify(name)[:_MOST_CHARS].strip("-")
    return f"{stem}{PurePosixPath(otherwise).suffix}" if stem else otherwise


class ReportOptions(models.Model):
    """The options of a report; runs, templates and schedules share them.

    ``filters`` holds names and values of a query string. An empty ``columns`` means
    all.
    """

    mode = models.CharField(max_length=8, choices=Mode.choices, default=Mode.MATCH)
    filters = models.JSONField(default=dict, blank=True)
    files_without = models.CharField(
        _("files without matches"),
        max_length=8,
        choices=FilesWithout.choices,
        default=FilesWithout.ALL,
    )
    format = models.CharField(max_length=8, choices=Format.choices, default=Format.CSV)
    separator = models.CharField(max_length=10, choices=Separator.choices, default=Separator.COMMA)
    byte_order_mark = models.BooleanField(default=True)
    columns = models.JSONField(default=list, blank=True)

    class Meta:
        abstract = True


class ReportRun(ReportOptions):
    """One report on one state of the database, stored with its rows and file.

    ``as_of_event`` is the last event that the rows include; events of reports do not
    count. ``counts`` holds rows by kind and by review state, with ``within`` if the
    viewer sees only some buckets. ``versions`` holds the engines and policies in the
    rows. ``limits`` holds what the requester could see when the rows were read. Runs
    that write the same rows in another format share ``rows``. Text files are
    stored compressed; hash and size are those of the uncompressed file.
    """

    uid = uid_field("p")
    name = models.CharField(max_length=200, blank=True, default="")
    state = models.CharField(max_length=10, choices=RunState.choices, default=RunState.QUEUED)
    as_of_event = models.BigIntegerField(null=True)
    as_of_at = models.DateTimeField(null=True)
    row_count = models.PositiveIntegerField(default=0)
    counts = models.JSONField(default=dict)
    limits = models.JSONField(default=dict, editable=False)
    versions = models.JSONField(default=dict)
    rows = models.FileField(max_length=200, blank=True, default="")
    rows_sha256 = models.CharField(max_length=64, blank=True, default="")
    file = models.FileField(max_length=200, blank=True, default="")
    sha256 = models.CharField(max_length=64, blank=True, default="")
    size_bytes = models.BigIntegerField(default=0)
    message = models.CharField(max_length=500, blank=True, default="")
    run_by = person_field()
    run_by_name = models.CharField(max_length=150)
    created_at = models.DateTimeField(auto_now_add=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    reach = Path(owner="run_by")
    objects = ReachManager["ReportRun"]()

    class Meta:
        ordering = ["-id"]
        indexes = [models.Index(fields=["-created_at", "-id"], name="report_run_newest")]

    def __str__(self) -> str:
        return self.title

    @property
    def title(self) -> str:
        """Return the name that somebody gave, or the kind of report and its time."""
        if self.name:
            return self.name
        return f"{TITLES[Mode(self.mode)]}, {read_date(self.created_at, 'moment')}"

    @property
    def case(self) -> str:
        """Return the run's case in the audit trail."""
        return f"report:{self.uid}"

    @property
    def progress(self) -> int:
        """Return how far the run is, in percent."""
        if self.state == RunState.RUNNING:
            return progress_of("report", self.pk)
        return 100 if self.state == RunState.READY else 0

    @property
    def stored_count(self) -> int:
        """Return the number of stored rows, one per match or file."""
        of_kinds: dict[str, int] = self.counts.get("match_found", {})
        return sum(of_kinds.values())

    def rows_in(self, mode: Mode) -> int:
        """Return how many rows a file in a mode has that is made of the stored rows."""
        if mode != Mode.SEGMENT:
            return self.stored_count
        of_segments: int = self.counts["segments"]
        return of_segments

    @property
    def is_by_hand(self) -> bool:
        """Tell whether the matches were selected by hand; only the rows name them."""
        return "selected" in self.filters

    @property
    def file_name(self) -> str:
        """Return the name of the file as manifests and messages name it."""
        return f"{FILE_NAMES[Mode(self.mode)]}.{self.format}"

    @property
    def download_name(self) -> str:
        """Return the name of the downloaded file, from the run's name if it has one."""
        return name_of_download(self.name, self.file_name)

    @property
    def url(self) -> str:
        """Return the URL of the run's page."""
        return reverse("portal:report_run", args=[self.uid])
