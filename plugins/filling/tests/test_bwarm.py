"""Read a BWARM feed, and suggest what it says.

Written from bwarm.ddex.net, 5.3 and 6.2 to 6.14, and from the columns that readers of The
MLC's feed name, not from the reader.
"""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from plugins.filling.choices import HoldReason
from plugins.filling.models import EnrichmentSource, Suggestion
from plugins.filling.open_data.bwarm import dump_jobs
from plugins.filling.open_data.errors import SourceRefused
from plugins.filling.tests.dumps import barcode, iswc
from plugins.filling.tests.test_filling import run
from tests.factories.catalogue import RecordingFactory

ISNI = "0000000081266409"
FEED = "BWARM_PADPIDA2020062405C_20260901103000123"
HEADINGS = {
    "musicalworks": "MusicalWorkRecordId ISWC MusicalWorkTitle OpusNumber",
    "resources": "ResourceRecordId ResourceType ISRC Title LanguageAndScriptCode SubTitle "
    "DisplayArtistName DisplayArtistISNI PLine Duration ReleaseRecordId",
    "releases": "ReleaseRecordId ICPN ReleaseTitle LanguageAndScriptCode ReleaseSubTitle "
    "DisplayArtistName DisplayArtistISNI LabelName DistributorName ReleaseDate",
    "workresourcelinks": "LinkRecordId MusicalWorkRecordId ResourceRecordId",
    "parties": "PartyRecordId ISNI",
}
Tables = dict[str, list[list[str]]]


def resource(number: int, **cells: str) -> list[str]:
    fields = {
        "ResourceRecordId": f"U{number}",
        "ResourceType": "SoundRecording",
        "ISRC": f"QZXX1000000{number}",
        "Title": f"Tune {number}",
        "DisplayArtistName": "Nora Lindqvist",
        "Duration": "PT3M20.5S",
        "ReleaseRecordId": "E1",
    }
    fields |= cells
    return [fields.get(name, "") for name in HEADINGS["resources"].split()]


def some() -> Tables:
    """Return two recordings, each of one work, and a medley of both works."""
    works = [[f"W{n}", iswc(n), f"Tune {n}", ""] for n in range(1, 4)]
    release = ["E1", barcode(5), "Album", "", "", "Nora Lindqvist", "", "Label|Other"]
    return {
        "musicalworks": works,
        "resources": [
            resource(1, DisplayArtistISNI=ISNI),
            resource(2, SubTitle="Live", ReleaseRecordId=""),
            resource(3),
            resource(4, ResourceType="MusicVideo"),
        ],
        "releases": [[*release, "A Distributor", "2004-05-06|2001-02-03"]],
        "workresourcelinks": [
            ["L1", "W1", "U1"],
            ["L2", "W2", "U2"],
            *(["L3", "W1", "U3"], ["L4", "W3", "U3"]),
        ],
        "parties": [["P1", ISNI]],
    }


def write(path: Path, tables: Tables, *, headings: dict[str, str] = HEADINGS) -> Path:
    """Write a feed with its manifest, a file for each table in a folder of the feed."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as feed:
        for name, rows in tables.items():
            records = ["#" + headings[name].replace(" ", "\t")]
            records += ["\t".join(row) for row in rows]
            feed.writestr(f"{FEED}/{name}.tsv", "\r\n".join([*records, ""]))
        head = ["2.0", "6", "The_MLC", "PADPIDA2020062405C", "-", "-", "2026-09-01T10:30:00Z"]
        name = FEED.replace("BWARM_", "BWARM_Manifest_")
        feed.writestr(f"{FEED}/{name}.tsv", "\t".join(head) + "\r\n")
    return path


@pytest.mark.django_db
def test_feed_tells_the_work_of_a_recording(tmp_path: Path, settings: Any) -> None:
    settings.ACRPORTAL_DATA_DIR = tmp_path
    values: dict[str, Any] = {
        "artists": ["Nora Lindqvist"],
        "album": "Album",
        "duration_ms": 201_000,
    }
    recording = RecordingFactory.create(title="Tune 1", **values)
    live = RecordingFactory.create(
        title="Whatever it is called", isrc="QZXX10000002", isrc_normalised="QZXX10000002", **values
    )
    studio = RecordingFactory.create(title="Tune 2", **values)
    medley = RecordingFactory.create(title="Tune 3", **values)
    path = write(tmp_path / f"{FEED}.zip", some())

    message = run("read", str(path), "--kind", "bwarm", "--accept-licence")
    run("match")

    assert "3 recordings of 2026-09-01" in message
    assert EnrichmentSource.objects.get().schema == "2.0"
    rows = Suggestion.objects.filter(recording=recording)
    assert dict(rows.values_list("field", "value")) == {
        "isrc": "QZXX10000001",
        "iswc": iswc(1).replace(".", "").replace("-", ""),
        "label": "Label",
        "upc": barcode(5),
        "release_date": "2001-02-03",
        "artist_ids": f"1 ISNI {ISNI}",
    }
    # Neither another title nor another version.
    assert not Suggestion.objects.filter(recording__in=[live, studio]).exists()
    held = Suggestion.objects.get(recording=medley, field="iswc")
    assert held.hold == HoldReason.SEVERAL_CODES


def _without(name: str) -> Callable[[Path], None]:
    def make(path: Path) -> None:
        write(path, {key: rows for key, rows in some().items() if key != name})

    return make


def _first_version(path: Path) -> None:
    old = HEADINGS["resources"].replace("ResourceRecordId", "FeedProvidersRecordingId")
    write(path, some(), headings=HEADINGS | {"resources": old})


def _no_headings(path: Path) -> None:
    write(path, some())
    with zipfile.ZipFile(path, "a") as feed:
        feed.writestr("resources.tsv", "\t".join(resource(1)) + "\n")


def _ragged(path: Path) -> None:
    tables = some()
    tables["musicalworks"][1].append("more")
    write(path, tables)


def _outside(path: Path) -> None:
    write(path, some())
    with zipfile.ZipFile(path, "a") as feed:
        feed.writestr("../resources.tsv", "")


def _bomb(path: Path) -> None:
    tables = some()
    tables["musicalworks"] += [["W9", "", "0" * 4 * 1024**2, ""]] * 5
    write(path, tables)


def _truncated(path: Path) -> None:
    write(path, some())
    path.write_bytes(path.read_bytes()[:-200])


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize(
    ("make", "code", "says"),
    [
        (_without("workresourcelinks"), "dump_incomplete", "no workresourcelinks.tsv"),
        (_first_version, "dump_columns", "no column ResourceRecordId"),
        (_no_headings, "dump_columns", "names of its columns"),
        (_ragged, "dump_columns", "5 columns, not 4"),
        (_outside, "dump_unreadable", r"\.\./resources"),
        (_bomb, "dump_too_large", "far more"),
        (_truncated, "dump_incomplete", "damaged"),
    ],
)
def test_file_that_is_no_feed_is_refused_by_name(
    tmp_path: Path, make: Callable[[Path], None], code: str, says: str
) -> None:
    path = tmp_path / "feed.zip"
    make(path)

    with path.open("rb") as file, pytest.raises(SourceRefused, match=says) as refused:
        dump_jobs.read_feed(file, done=(), send=lambda _message: None)

    assert refused.value.code == code
