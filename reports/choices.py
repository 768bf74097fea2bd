"""What a report can be: its rows, its formats, and where a run of it stands."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _


class Mode(models.TextChoices):
    """What one row is about."""

    MATCH = "match", _("Match")
    SEGMENT = "segment", _("Segment")
    FILE = "file", _("File")


class Format(models.TextChoices):
    """How the rows are written."""

    CSV = "csv", "CSV"
    XLSX = "xlsx", "XLSX"
    JSON = "json", "JSON"
    JSON_LINES = "jsonl", "JSON Lines"
    PARQUET = "parquet", "Parquet"


class Separator(models.TextChoices):
    """What stands between two cells of a CSV file."""

    COMMA = "comma", _("Comma")
    SEMICOLON = "semicolon", _("Semicolon")
    TAB = "tab", _("Tab")


class FilesWithout(models.TextChoices):
    """Which files without a match have a row of their own."""

    ALL = "all", _("All, unfinished and failed ones too")
    FINISHED = "finished", _("Those whose scan finished")
    NONE = "none", _("None")


class RunState(models.TextChoices):
    """Where a run is."""

    QUEUED = "queued", _("Waiting")
    RUNNING = "running", _("Running")
    READY = "ready", _("Ready")
    FAILED = "failed", _("Stopped")
    CANCELLED = "cancelled", _("Cancelled")


UNFINISHED = (RunState.QUEUED, RunState.RUNNING)
# Written row by row as they are read, so that a download begins at once.
STREAMED = (Format.CSV, Format.JSON_LINES)

# What a downloaded file is called, before the dot.
FILE_NAMES = {
    Mode.MATCH: "match-report",
    Mode.SEGMENT: "match-segments",
    Mode.FILE: "file-summary",
}
