"""The choices of a report: rows, formats, and the states of a run."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _


class Mode(models.TextChoices):
    """The subject of a row."""

    MATCH = "match", _("Match")
    SEGMENT = "segment", _("Segment")
    FILE = "file", _("File")


class Format(models.TextChoices):
    """The format of the file."""

    CSV = "csv", "CSV"
    XLSX = "xlsx", "XLSX"
    JSON = "json", "JSON"
    JSON_LINES = "jsonl", _("JSON Lines")
    PARQUET = "parquet", _("Parquet")


class Separator(models.TextChoices):
    """The separator of a CSV file."""

    COMMA = "comma", _("Comma")
    SEMICOLON = "semicolon", _("Semicolon")
    TAB = "tab", _("Tab")


class FilesWithout(models.TextChoices):
    """The files without a match that get their own row."""

    ALL = "all", _("All, including unfinished and failed scans")
    FINISHED = "finished", _("Only those with a finished scan")
    NONE = "none", _("No files")


class RunState(models.TextChoices):
    """The state of a run."""

    QUEUED = "queued", _("Waiting")
    RUNNING = "running", _("Running")
    READY = "ready", _("Ready")
    FAILED = "failed", _("Failed")
    CANCELLED = "cancelled", _("Cancelled")


UNFINISHED = (RunState.QUEUED, RunState.RUNNING)
# Written row by row while they are read, so that a download starts at once.
STREAMED = (Format.CSV, Format.JSON_LINES)

# Names of downloaded files, without extension.
TITLES = {
    Mode.MATCH: _("Match report"),
    Mode.SEGMENT: _("Segment report"),
    Mode.FILE: _("File report"),
}
FILE_NAMES = {Mode.MATCH: "match-report", Mode.SEGMENT: "match-segments", Mode.FILE: "file-summary"}
