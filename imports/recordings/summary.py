"""What an import of recordings did, or would do."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from imports.errors import RowFault
from imports.recordings.deciding import RowChange, format_value

# Entries of each kind, which are shown on one page.
_SHOWN = 200


class Verdict(StrEnum):
    """The outcome for a row."""

    ADDED = "added"
    UPDATED = "updated"
    UNCHANGED = "unchanged"
    REFUSED = "refused"


@dataclass
class ImportSummary:
    """What an import did or would do; the lists hold the first entries of each kind."""

    rows: int = 0
    added: int = 0
    updated: int = 0
    unchanged: int = 0
    refused: int = 0
    separator: str = ""
    reading: dict[str, Any] = field(default_factory=dict)  # Any: JSON
    """How the table was read, as ``imports.table_notes`` has it."""
    unknown_columns: list[str] = field(default_factory=list)
    faults: list[dict[str, Any]] = field(default_factory=list)  # Any: JSON
    warnings: list[dict[str, Any]] = field(default_factory=list)
    changes: list[dict[str, Any]] = field(default_factory=list)
    exclusions: int = 0
    matches_touched: int = 0
    matches_suppressed: int = 0
    waiting: int = 0
    """New recordings that wait for their audio."""
    stated: dict[str, dict[str, Any]] = field(default_factory=dict)  # Any: JSON
    """Statements by kind that stand on recordings that change."""

    def count(self, verdict: Verdict) -> None:
        """Count a row."""
        self.rows += 1
        setattr(self, verdict, getattr(self, verdict) + 1)

    def note_faults(self, line: int, faults: list[RowFault], warnings: list[RowFault]) -> None:
        """Keep a row's faults."""
        _note(self.faults, line, faults)
        _note(self.warnings, line, warnings)

    def note_change(self, line: int, custom_id: str, change: RowChange) -> None:
        """Keep a row's changes."""
        if change.touched is not None:
            self.exclusions += len(change.exclusions)
            self.matches_touched += change.touched.touched
            self.matches_suppressed += change.touched.suppressed
        if change.is_empty or len(self.changes) >= _SHOWN:
            return
        after = {name: format_value(value) for name, value in change.columns.items()}
        if change.exclusions:
            after["exclude"] = " | ".join(
                "-".join(map(_clock, interval)) for interval in change.exclusions
            )
        if change.audio is not None:
            file = change.audio.file
            after["audio"] = change.audio.url or (file and file.name) or ""
        derived = ("isrc_normalised", "isrc_status")
        before, after = (
            {name: value for name, value in values.items() if name not in derived}
            for values in (change.before, after)
        )
        self.changes.append(
            {"line": line, "custom_id": custom_id, "before": before, "after": after}
        )


def _note(into: list[dict[str, Any]], line: int, faults: list[RowFault]) -> None:  # Any: JSON
    into += [
        {"line": line, "column": fault.column, "value": fault.value[:200], "rule": fault.rule}
        for fault in faults[: max(0, _SHOWN - len(into))]
    ]


def _clock(total_ms: int) -> str:
    seconds, thousandths = divmod(total_ms, 1000)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02}:{minutes:02}:{seconds:02}.{thousandths:03}"
