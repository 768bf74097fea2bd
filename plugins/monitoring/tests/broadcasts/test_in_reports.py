"""What people typed about files and broadcasts is in every kind of report."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import openpyxl
import pytest

from catalogue.models import Recording, RecordingStatus
from plugins.monitoring.broadcasts.models import Broadcast
from plugins.monitoring.tests.factories.streams import StationFactory
from reports.cells import ColumnType, ValueType
from reports.choices import Mode
from reports.file_rows import FetchFiles
from reports.layouts import kept_columns
from reports.selectors import match_rows
from reports.tables import Sheet, write_xlsx
from review.models import Match
from review.programmes.models import Episode, MusicUse
from scanning.ending import scan_settled
from scanning.models import Scan
from tests.factories.catalogue import RecordingFactory
from tests.factories.review import make_match
from tests.factories.scanning import ScanFactory

pytestmark = pytest.mark.django_db


def test_rows_end_in_what_people_typed() -> None:
    match = make_match()
    file = match.scanned_file
    file.programme, file.tags = "Evening", ["promo", "late", "territory:DE"]
    file.save()
    Episode.objects.create(scanned_file=file, series="Night Shift", number="14")
    station = StationFactory.create(name="Radio One")
    for day in (4, 3):
        Broadcast.objects.create(
            scanned_file=file,
            station=station,
            starts_at=datetime(2026, 11, day, 6, tzinfo=UTC),
            time_zone="UTC",
        )
    MusicUse.objects.create(
        scanned_file=file, recording=match.recording, use="Theme", origin="LibraryMusic"
    )

    cells, _parts = match_rows([match.pk], None)[match.pk]
    summary, _none = FetchFiles(matches=Match.objects.all())({file.pk: match.scan.uid})[file.pk]

    typed = {
        "programme": "Evening",
        "series": "Night Shift",
        "season": "",
        "episode": "14",
        "tags": ["promo", "late", "territory:DE"],
        "channels": ["Radio One"],
        "first_broadcast_at": "2026-11-03T06:00:00Z",
        "source_territories": ["DE"],
    }
    row = dict(zip(kept_columns(Mode.MATCH)[0], cells, strict=True))
    assert row | typed == row
    assert (row["use"], row["origin"]) == ("Theme", "LibraryMusic")
    of_file = dict(zip(kept_columns(Mode.FILE)[0], summary, strict=True))
    assert of_file | typed == of_file

    # It stays where the match goes on in the recording that this one was merged into.
    stays = RecordingFactory.create(bucket=match.recording.bucket)
    Recording.objects.filter(pk=match.recording_id).update(
        status=RecordingStatus.RETIRED, merged_into=stays
    )
    scan = ScanFactory.create(scanned_file=file)
    later = make_match(scan=scan, recording=stays)
    scan_settled.send(sender=Scan, scan=scan)
    cells, _parts = match_rows([later.pk], None)[later.pk]
    row = dict(zip(kept_columns(Mode.MATCH)[0], cells, strict=True))
    assert (row["use"], row["origin"]) == ("Theme", "LibraryMusic")


def test_a_workbook_has_real_days_moments_and_times(tmp_path: Path) -> None:
    fields = [
        ColumnType("moment", ValueType.TIME),
        ColumnType("day", ValueType.DATE),
        ColumnType("time", ValueType.OFFSET),
    ]
    rows = [
        ["2026-05-01T09:00:00Z", "2016-06-28", "25:00:01.250"],
        ["1812-01-01T00:00:00Z", "2016-06", "=1+1"],
    ]

    write_xlsx(tmp_path / "t.xlsx", [Sheet("s", fields, rows)], {})

    page = openpyxl.load_workbook(tmp_path / "t.xlsx")["s"]
    kinds = [[cell.data_type for cell in row] for row in page.iter_rows(min_row=2)]
    assert kinds == [["d", "d", "d"], ["s", "s", "s"]]
    assert page["A2"].value == datetime(2026, 5, 1, 9)  # noqa: DTZ001 - a sheet's time
    assert page["C2"].value.total_seconds() == 90_001.25
