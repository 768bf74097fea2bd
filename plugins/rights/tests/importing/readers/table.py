"""Reads rights from CSV, one line per share, and checks every rule."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from datetime import date
from decimal import Decimal, InvalidOperation

from plugins.rights.tests.importing.readers.claims import (
    SeenMessage,
    SeenRecording,
    SeenRelease,
    SeenShare,
    SeenWork,
)
from tests.readers import ISO_COUNTRIES, ReaderFault, decoded, is_tis, is_valid

_COLUMNS = """
custom_id title artists isrc upc iswc version_title album label release_date writers
publishers duration_ms owner_share_pct territories tags notes work_id work_title party
party_ipi party_isni role right kind share_pct valid_from valid_until release_upc grid
label_code controlled_by controlled_by_ipi agreement
"""
COLUMNS = frozenset(_COLUMNS.split())
RIGHTS = {"performing": "PR", "mechanical": "MR", "synchronisation": "SR", "master": "NR"}
KINDS = {"": "OWN", "ownership": "OWN", "collection": "COL"}
_CHECKED = {
    "isrc": "ISRC",
    "iswc": "ISWC",
    "party_ipi": "IPI",
    "party_isni": "ISNI",
    "upc": "UPC",
    "release_upc": "UPC",
    "grid": "GRid",
    "label_code": "label code",
}
_FORMULA = "=+-@\t\r\n\0＝＋－＠"


def parse(data: bytes, name: str) -> SeenMessage:
    """Return the shares of a table, or raise the first fault."""
    text = decoded(data.removeprefix(b"\xef\xbb\xbf"), "utf-8")
    reader = csv.DictReader(io.StringIO(text, newline=""), strict=True)
    header = list(reader.fieldnames or ())
    if "party" not in header or len(set(header)) != len(header):
        raise ReaderFault(1, "header", name, "is no header of a table of rights")
    for column in header:
        if column not in COLUMNS:
            raise ReaderFault(1, "header", column, "is no column")
    message = SeenMessage()
    works: dict[str, SeenWork] = {}
    recordings: dict[str, SeenRecording] = {}
    releases: dict[str, SeenRelease] = {}
    for line, row in enumerate(reader, start=2):
        if None in row or None in row.values():
            raise ReaderFault(line, "cells", str(len(row)), "are not as in the header")
        cells = {column: _plain(value.strip()) for column, value in row.items()}
        _take(line, cells, works, recordings, releases)
    message.works = list(works.values())
    message.recordings = list(recordings.values())
    message.releases = list(releases.values())
    return message


def _take(
    line: int,
    row: Mapping[str, str],
    works: dict[str, SeenWork],
    recordings: dict[str, SeenRecording],
    releases: dict[str, SeenRelease],
) -> None:
    for column, kind in _CHECKED.items():
        if row.get(column) and not is_valid(kind, row[column]):
            raise ReaderFault(line, column, row[column], f"is no valid {kind}")
    recording = _recording(row, recordings)
    work = _work(row, works)
    if work is not None and recording is not None and recording not in work.recordings:
        work.recordings.append(recording)
    upc = row.get("release_upc", "") or row.get("upc", "")
    if (upc or row.get("grid")) and recording is not None:
        key = upc or row["grid"]
        release = releases.setdefault(
            key, SeenRelease(row.get("album", ""), upc, row.get("grid", ""))
        )
        if recording.isrc not in release.tracks:
            release.tracks = (*release.tracks, recording.isrc)
    share = _share(line, row)
    if share is None:
        return
    owner = work if share.right != "NR" else recording
    if owner is None:
        raise ReaderFault(line, "right", row["right"], "has no work or recording")
    owner.shares.append(share)


def _recording(
    row: Mapping[str, str], recordings: dict[str, SeenRecording]
) -> SeenRecording | None:
    key = row.get("isrc") or row.get("custom_id")
    if not key:
        return None
    length = row.get("duration_ms", "")
    return recordings.setdefault(
        key,
        SeenRecording(
            isrc=row.get("isrc", ""),
            title=row.get("title", ""),
            version_title=row.get("version_title", ""),
            artists=tuple(filter(None, row.get("artists", "").split("|"))),
            duration_ms=int(length) if length else None,
            label=row.get("label", ""),
        ),
    )


def _work(row: Mapping[str, str], works: dict[str, SeenWork]) -> SeenWork | None:
    key = row.get("work_id") or row.get("iswc")
    if not key:
        return None
    title = row.get("work_title") or row.get("title", "")
    return works.setdefault(key, SeenWork(row.get("work_id", ""), title, row.get("iswc", "")))


def _share(line: int, row: Mapping[str, str]) -> SeenShare | None:
    if not row.get("party"):
        for column in ("party_ipi", "share_pct", "role", "right"):
            if row.get(column):
                raise ReaderFault(line, "party", "", "is mandatory")
        return None
    right = RIGHTS.get(row.get("right", ""))
    if right is None:
        raise ReaderFault(line, "right", row.get("right", ""), "is not known")
    kind = KINDS.get(row.get("kind", ""))
    if kind is None:
        raise ReaderFault(line, "kind", row["kind"], "is not known")
    included, excluded = _territories(line, row.get("territories", ""))
    return SeenShare(
        party=row["party"],
        role=row.get("role", ""),
        right=right,
        kind=kind,
        percent=_percent(line, row.get("share_pct", "")),
        included=included,
        excluded=excluded,
        ipi=row.get("party_ipi", ""),
        valid_from=_day(line, "valid_from", row),
        valid_until=_day(line, "valid_until", row),
    )


def _territories(line: int, value: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return what is included and excluded; the world names nothing."""
    included: list[str] = []
    excluded: list[str] = []
    for item in filter(None, value.split("|")):
        code = item.removeprefix("-")
        if code not in ISO_COUNTRIES and code not in ("WW", "Worldwide") and not is_tis(code):
            raise ReaderFault(line, "territories", item, "is no territory")
        (excluded if item.startswith("-") else included).append(code)
    world = {"WW", "Worldwide", "2136"}
    return tuple(x for x in included if x not in world), tuple(excluded)


def _percent(line: int, value: str) -> Decimal | None:
    if not value:
        return None
    try:
        size = Decimal(value)
    except InvalidOperation as error:
        raise ReaderFault(line, "share_pct", value, "is no number") from error
    if not 0 <= size <= 100:
        raise ReaderFault(line, "share_pct", value, "is not 0 to 100")
    return size


def _day(line: int, column: str, row: Mapping[str, str]) -> date | None:
    value = row.get(column, "")
    try:
        return date.fromisoformat(value) if value else None
    except ValueError as error:
        raise ReaderFault(line, column, value, "is no date") from error


def _plain(value: str) -> str:
    """Return a cell without the quote that guards it from being a formula."""
    suffix = value.lstrip("'")
    return value[1:] if value.startswith("'") and suffix and suffix[0] in _FORMULA else value
