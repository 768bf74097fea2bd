"""Reports of YouTube's Content Manager: how they are recognised and read.

The columns are those of the Reporting API's system-managed reports (claims a3, assets
a3, references a2) and their earlier versions, which lack some.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Final

from django.utils.translation import gettext as _

from imports.platforms.reading import Rows
from imports.tables import RawRow, TableRefused
from platforms.choices import ReportKind
from scanning.sources.link_keys import link_key

Values = dict[str, Any]  # Any: a column's value
_DAY: Final = re.compile(r"(\d{4})[-/](\d{2})[-/](\d{2})")
_ID: Final = re.compile(r"[\x21-\x7e]{1,64}")
_MOST: Final = 2**63 - 1


class BadCell(Exception):
    """A cell cannot be read; the import leaves its row out."""

    def __init__(self, column: str, value: str, message: str) -> None:
        self.column, self.value, self.message = column, value, message
        super().__init__(message)


def _identifier(text: str) -> str:
    if not _ID.fullmatch(text):
        raise ValueError(_("An id of up to 64 characters without blanks is needed."))
    return text


def _whole(text: str) -> int | None:
    if not text:
        return None
    # Exports through other programs write whole numbers with a point.
    plain = text.removesuffix(".0")
    if not (plain.isascii() and plain.isdigit() and int(plain[:20]) <= _MOST):
        raise ValueError(_("A whole number is needed."))
    return int(plain[:20])


def _count(text: str) -> int:
    return _whole(text) or 0


def _seconds(text: str) -> int | None:
    return min(_whole(text) or 0, 2**31 - 1) if text else None


def _day(text: str) -> date | None:
    if not text:
        return None
    found = _DAY.match(text)
    if not found:
        raise ValueError(_("A day such as 2026-11-03 or 2026/11/03 is needed."))
    return date(*map(int, found.groups()))


def _percent(text: str) -> str | None:
    if not text:
        return None
    if not re.fullmatch(r"\d{1,3}(\.\d{1,6})?%?", text):
        raise ValueError(_("A percentage is needed."))
    number = float(text.rstrip("%"))
    if number > 100:
        raise ValueError(_("A percentage of at most 100 is needed."))
    return f"{number:.2f}"


def _items(text: str) -> int:
    """Count the values of a list column, which bars separate."""
    return len([item for item in text.split("|") if item.strip()])


def _text(most: int) -> Callable[[str], str]:
    return lambda text: text[:most]


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a report: where its value goes, and how it is read."""

    name: str
    to: str
    read: Callable[[str], Any] = field(default=_text(100))  # Any: of the column


@dataclass(frozen=True, slots=True)
class Report:
    """A kind of report; ``required`` names the columns that it must have."""

    kind: ReportKind
    required: frozenset[str]
    columns: tuple[Column, ...]

    @property
    def key(self) -> str:
        """Return the column that identifies a row."""
        return self.columns[0].to


CLAIMS: Final = Report(
    ReportKind.CLAIMS,
    frozenset({"claim_id", "video_id", "asset_id", "claim_status"}),
    (
        Column("claim_id", "claim_id", _identifier),
        Column("video_id", "video_id", _identifier),
        Column("asset_id", "asset_id", _identifier),
        Column("claim_status", "status", _text(40)),
        Column("claim_status_detail", "status_detail"),
        Column("claim_origin", "origin"),
        Column("claim_type", "claim_type", _text(40)),
        Column("content_type", "content_type", _text(60)),
        Column("reference_id", "reference_id", _text(64)),
        Column("channel_id", "channel_id", _text(64)),
        Column("channel_display_name", "channel", _text(300)),
        Column("video_title", "title", _text(500)),
        Column("views", "views", _count),
        Column("matching_duration", "matching_duration", _text(30)),
        Column("longest_match", "longest_match", _text(30)),
        Column("video_duration_sec", "video_seconds", _seconds),
        Column("claim_created_date", "claimed_on", _day),
        Column("video_upload_date", "uploaded_on", _day),
        Column("claim_policy_monetize", "claim_monetises", _text(2000)),
        Column("claim_policy_track", "claim_tracks", _text(2000)),
        Column("claim_policy_block", "claim_blocks", _text(2000)),
        Column("asset_policy_monetize", "asset_monetises", _text(2000)),
        Column("asset_policy_track", "asset_tracks", _text(2000)),
        Column("asset_policy_block", "asset_blocks", _text(2000)),
        Column("asset_title", "asset_title", _text(500)),
        Column("custom_id", "asset_custom_id", _text(200)),
        Column("isrc", "asset_isrc", _text(40)),
    ),
)
ASSETS: Final = Report(
    ReportKind.ASSETS,
    frozenset({"asset_id", "asset_type"}),
    (
        Column("asset_id", "asset_id", _identifier),
        Column("asset_type", "asset_type", _text(60)),
        Column("custom_id", "custom_id", _text(200)),
        Column("your_isrc", "your_isrc", _text(40)),
        Column("display_isrc", "display_isrc", _text(40)),
        Column("other_isrc", "other_isrc", _text(200)),
        Column("match_policy", "match_policy", _text(200)),
        Column("ownership", "ownership", _text(1000)),
        Column("conflicting_owner", "conflicting_owner", _text(500)),
        Column("conflicting_country_code", "conflicting_countries", _text(1000)),
        Column("active_reference_id", "active_references", _items),
    ),
)
REFERENCES: Final = Report(
    ReportKind.REFERENCES,
    frozenset({"reference_id", "asset_id", "status"}),
    (
        Column("reference_id", "reference_id", _identifier),
        Column("asset_id", "asset_id", _identifier),
        Column("status", "status", _text(60)),
        Column("status_detail", "status_detail"),
        Column("length_sec", "length_seconds", _seconds),
        Column("excluded_perc", "excluded_pct", _percent),
        Column("exclusions", "exclusions", _text(1000)),
        Column("asset_title", "asset_title", _text(500)),
        Column("asset_custom_id", "asset_custom_id", _text(200)),
    ),
)
# That of claims first: it has the columns of assets too.
REPORTS: Final = (CLAIMS, REFERENCES, ASSETS)
_KNOWN: Final = {
    # Read by nobody here; ``uploader`` names a person and is not stored.
    *("uploader", "reference_video_id", "claim_policy_id", "asset_policy_id"),
    *("engaged_views", "video_matching_length", "asset_labels", "tms", "director"),
    *("studio", "season", "episode_number", "episode_title", "release_date"),
    *("hfa_song_code", "grid", "artist", "album", "record_label", "upc", "iswc"),
    *("writers", "is_shorts_eligible", "constituent_asset_id", "active_claims"),
    *("inactive_reference_id", "approx_daily_views", "metadata_origination"),
    *("is_merged", "date_created", "reference_type", "source_of_fingerprint"),
    *("asset_metadata_type", "asset_owners", "provider"),
}


def recognise(rows: Rows) -> Report:
    """Return the kind of a report by its header; raise ``TableRefused``."""
    names = set(rows.header)
    for report in REPORTS:
        if report.required <= names:
            return report
    raise TableRefused(
        _(
            "This is no report of claims, assets or reference files. A report of claims "
            "needs the columns %(needed)s; this file has: %(header)s"
        )
        % {
            "needed": ", ".join(sorted(CLAIMS.required)),
            "header": ", ".join(rows.header)[:300],
        }
    )


def unknown_columns(report: Report, header: tuple[str, ...]) -> list[str]:
    """Return the columns that no known version of the report has."""
    read = {column.name for column in report.columns}
    return [name[:80] for name in header if name and name not in read | _KNOWN][:50]


class RowReader:
    """Reads the rows of one report, by the positions of its columns."""

    def __init__(self, report: Report, header: tuple[str, ...]) -> None:
        self._report, self._width = report, len(header)
        places = {name: at for at, name in reversed(list(enumerate(header)))}
        self._places = [(column, places.get(column.name)) for column in report.columns]

    def key_of(self, row: RawRow) -> str:
        """Return what identifies a row, even if the rest cannot be read."""
        at = self._places[0][1]
        cell = row.cells[at] if at is not None and at < len(row.cells) else ""
        return cell.replace("\0", "").strip()

    def read(self, row: RawRow) -> Values:
        """Return the values of a row, with its hash; raise ``BadCell``."""
        if len(row.cells) > self._width:
            raise BadCell(
                "",
                "",
                _("The row has %(cells)s cells, the header %(columns)s.")
                % {"cells": len(row.cells), "columns": self._width},
            )
        cells, values = row.cells, {}
        for column, at in self._places:
            cell = cells[at].strip() if at is not None and at < len(cells) else ""
            try:
                # PostgreSQL stores no NUL.
                values[column.to] = column.read(cell.replace("\0", ""))
            except ValueError as error:
                raise BadCell(column.name, cell[:200], str(error)) from error
        text = "\x1f".join(map(str, values.values()))
        values["row_hash"] = hashlib.blake2b(text.encode(), digest_size=16).hexdigest()
        if self._report.kind == ReportKind.CLAIMS:
            values["link_key"] = link_key(video_address(values["video_id"]))
        return values


def video_address(video_id: str) -> str:
    """Return the short address of a video."""
    return f"https://youtu.be/{video_id}"


def day_in_name(name: str) -> date | None:
    """Return the day in a report's file name, such as ``…_20261103.csv.gz``."""
    for text in re.findall(r"(?<!\d)(20\d{2})[-_]?(\d{2})[-_]?(\d{2})(?!\d)", name):
        try:
            return date(*map(int, text))
        except ValueError:
            continue
    return None


Terms = Mapping[str, str]


def terms_of(values: Values) -> dict[str, str]:
    """Take the policy's cells out of a claim's values: its own, else the asset's."""
    own = [values.pop(f"claim_{name}") for name in ("monetises", "tracks", "blocks")]
    of_asset = [
        values.pop(f"asset_{name}") for name in ("monetises", "tracks", "blocks")
    ]
    chosen = own if any(own) else of_asset
    return dict(zip(("monetises", "tracks", "blocks"), chosen, strict=True))
