"""The report of unknown items, in each format."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import openpyxl
import pyarrow.parquet as pq
import pytest

from plugins.monitoring.tests.factories.unknown import make_item
from plugins.monitoring.unknown import report as unknown_items
from plugins.monitoring.unknown.models import ItemState, UnknownItem
from reports.choices import Format
from tests.factories.scanning import ContainerFactory

pytestmark = pytest.mark.django_db


def test_each_format_has_the_same_rows_heaviest_item_first(tmp_path: Path) -> None:
    container = ContainerFactory.create(name="=Radio")
    few = make_item(plays=2, container=container)
    many = make_item(plays=3, container=container)
    ignored = make_item()
    UnknownItem.objects.filter(pk=ignored.pk).update(state=ItemState.IGNORED)
    items = UnknownItem.objects.filter(state=ItemState.UNIDENTIFIED)
    xlsx, parquet = tmp_path / "unknown.xlsx", tmp_path / "unknown.parquet"

    report = unknown_items.REPORT
    sent = report.pieces(unknown_items.rows(items), Format.CSV)
    text = b"".join(sent).decode("utf-8-sig")
    sent = report.pieces(unknown_items.rows(items), Format.JSON_LINES)
    lines = b"".join(sent).decode().splitlines()
    report.write(xlsx, rows=unknown_items.rows(items), form=Format.XLSX)
    report.write(parquet, rows=unknown_items.rows(items), form=Format.PARQUET)

    rows = list(csv.DictReader(io.StringIO(text)))
    expected = [many.uid] * 3 + [few.uid] * 2
    assert [row["item_id"] for row in rows] == expected
    assert [json.loads(line)["item_id"] for line in lines] == expected
    sheet = openpyxl.load_workbook(xlsx)["unknown items"]
    assert [row[1] for row in sheet.iter_rows(min_row=2, values_only=True)] == expected
    table = pq.read_table(parquet).to_pylist()
    assert [row["item_id"] for row in table] == expected
    first = rows[0]
    assert (first["start_ms"], first["end_ms"], first["start"]) == (
        "60000",
        "90000",
        "00:01:00.000",
    )
    assert (first["speed_pct"], first["score"]) == ("100.00", "100.00")
    assert first["container"] == "'=Radio"
    assert table[0]["container"] == "=Radio"


def test_occurrences_in_deleted_files_are_left_out() -> None:
    item = make_item(plays=2)
    assert item.best_file is not None
    file = item.best_file.scanned_file
    file.deleted_at = file.created_at
    file.save()

    assert len(list(unknown_items.rows(UnknownItem.objects.all()))) == 1
