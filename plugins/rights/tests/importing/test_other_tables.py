"""Messages and tables of rights as other programs write and pack them."""

from __future__ import annotations

import gzip
import io
import zipfile
from decimal import Decimal
from pathlib import Path

import pytest

from catalogue.owners.models import Release, RightsRecording, Share, Work
from imports.errors import TableRefused
from plugins.rights.importing.importer import RightsImporter, RightsSummary, import_file
from plugins.rights.tests.importing.making import cwr
from plugins.rights.tests.importing.test_ern import ERN_43

pytestmark = pytest.mark.django_db


def take(tmp_path: Path, content: bytes, name: str = "file") -> RightsSummary:
    path = tmp_path / name
    path.write_bytes(content)
    task = RightsImporter(source="import wi_1", sender="", user=None, dry=False)
    return import_file(task, path, name=name)


def zipped(name: str, content: bytes) -> bytes:
    memory = io.BytesIO()
    with zipfile.ZipFile(memory, "w") as archive:
        archive.writestr(f"delivery/{name}", content)
        archive.writestr("__MACOSX/._x", b"-")
    return memory.getvalue()


@pytest.mark.parametrize(
    ("content", "form"),
    [
        (zipped("CW260001EXA_000.V21", b"".join(cwr(3))), "CWR"),
        (gzip.compress(b"".join(cwr(3))), "CWR"),
        (zipped("release.xml", ERN_43.encode()), "ERN"),
    ],
    ids=["CWR in ZIP", "CWR in gzip", "ERN in ZIP"],
)
def test_a_packed_message_is_read(tmp_path: Path, content: bytes, form: str) -> None:
    summary = take(tmp_path, content, "delivery.zip")

    assert form in summary.format
    assert sum(summary.created.values()) > 0


def test_an_archive_of_several_messages_says_so(tmp_path: Path) -> None:
    memory = io.BytesIO()
    with zipfile.ZipFile(memory, "w") as archive:
        for name in ("a.V21", "b.V21"):
            archive.writestr(name, b"".join(cwr(1)))

    with pytest.raises(TableRefused, match=r"a\.V21, b\.V21"):
        take(tmp_path, memory.getvalue(), "two.zip")


def test_a_table_of_shares_is_read_as_others_write_it(tmp_path: Path) -> None:
    text = (
        "Shares of Example Music, as of 1.11.2026\n\n"
        "Work ID;Work Title;ISRC;Title;Artists;Party;Role;Right;Share pct;Territories;"
        "Valid from;Release date;Album;UPC;Mood\n"
        "W1;Größe;;;;Anna Muster;CA;performing;0,5;World ex US, CA;1.1.2026;;;;x\n"
        "W1;Größe;;;;Bo Beispiel;CA;performing;0,5;DE, AT, CH;;;;;\n"
        ";;QZAA02600001;Größe;A; B;Label;Label;master;1;Germany;;2016;Alb;;\n"
        "Summe;;;;;;;;2;;;;;;\n"
    ).replace("A; B", '"A; B"')

    summary = take(tmp_path, text.encode("utf-16"))

    by_party = {share.party.name: share for share in Share.objects.all()}
    first, second = by_party["Anna Muster"], by_party["Bo Beispiel"]
    master = by_party["Label"]
    assert (summary.refused, summary.fault_count) == (0, 0)
    percents = [first.percent, second.percent, master.percent]
    assert percents == [Decimal(50), Decimal(50), Decimal(100)]
    assert (first.included, first.excluded) == (["2136"], ["CA", "US"])
    assert (second.included, master.included) == (["AT", "CH", "DE"], ["DE"])
    assert f"{first.valid_from}" == "2026-01-01"
    assert Work.objects.get().title == "Größe"
    assert RightsRecording.objects.get().artists == ["A", "B"]
    assert summary.reading["header_line"] == 3
    assert summary.reading["not_read"] == ["Mood"]
    assert summary.reading["rules"] == {"shares": "fraction", "names": "marks", "days": "day_first"}
    assert [row["line"] for row in summary.reading["skipped"]] == [7]
    assert not Release.objects.exists()
