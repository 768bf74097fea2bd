"""The mapping of a table's columns: guessed, chosen, repeated, and used as checked."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import CommandError, call_command
from django.db import transaction
from django.test import Client
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from base.accounts.models import User
from base.accounts.roles import Role
from base.audit.models import Event
from base.jobs.choices import Pool
from base.jobs.runner import run_next
from catalogue.models import Bucket, Recording
from imports import services
from imports.mapping import (
    DATA,
    LEFT_OUT,
    MappedColumn,
    MappingRefused,
    faults_of,
    from_json,
    guess,
    lacking,
    named_columns,
)
from imports.models import CatalogueImport, ImportStatus, MappingOrigin
from imports.recordings.kind import RECORDINGS
from imports.recordings.rows import COLUMNS
from imports.recordings.targets import RECORDING_TARGETS
from imports.tables import open_table
from tests import audio
from tests.factories.accounts import make_user
from tests.factories.catalogue import BucketFactory, RecordingFactory
from tests.fixtures import MakeClient

pytestmark = pytest.mark.django_db

LINK = "https://files.example/{}.mp3"


@pytest.fixture
def bucket() -> Bucket:
    return BucketFactory.create()


@pytest.fixture
def client(signed_in: MakeClient) -> Client:
    return signed_in(Role.MANAGER)


def table(*rows: str) -> SimpleUploadedFile:
    return SimpleUploadedFile("table.csv", "\n".join(rows).encode())


def keep(
    bucket: Bucket, *rows: str, user: User | None = None, keep_unknown: bool = False
) -> CatalogueImport:
    import_ = services.keep_upload(
        RECORDINGS,
        bucket=bucket,
        table=table(*rows),
        archive=None,
        encoding="utf-8",
        keep_unknown=keep_unknown,
        user=user or make_user(Role.MANAGER),
    )
    return worked(import_)


def worked(import_: CatalogueImport) -> CatalogueImport:
    """Do the waiting job, and return the import as it is then."""
    run_next(Pool.WORK)
    import_.refresh_from_db()
    return import_


def columns_of(import_: CatalogueImport) -> tuple[MappedColumn, ...]:
    return from_json(import_.columns, RECORDING_TARGETS)


def targets(import_: CatalogueImport) -> list[str]:
    return [column.target for column in columns_of(import_)]


def fields(import_: CatalogueImport, **changes: str) -> dict[str, Any]:
    """Return the fields of the mapping form as the page shows them, with changes."""
    fields_now: dict[str, Any] = {"version": import_.mapping_version}
    for position, column in enumerate(columns_of(import_)):
        fields_now[f"column-{position}"] = column.target
        fields_now[f"empty-{position}"] = "clear" if column.clears else "keep"
    return fields_now | {name.replace("_", "-"): value for name, value in changes.items()}


def save(client: Client, import_: CatalogueImport, **changes: str) -> tuple[int, str]:
    """Send the mapping form; return the status and the page that follows."""
    address = f"/catalogue/import/{import_.uid}/columns/"
    answer = client.post(address, fields(import_, **changes), follow=True)
    import_.refresh_from_db()
    return answer.status_code, answer.content.decode()


def imported(client: Client, import_: CatalogueImport) -> CatalogueImport:
    client.post(f"/catalogue/import/{import_.uid}/start/")
    return worked(import_)


# Guesses


# Names that stand for a column, and those that stand for none.
COMMON_NAMES = {
    **{column: column for column in COLUMNS},
    **{column.replace("_", " ").title(): column for column in COLUMNS},
    **dict.fromkeys(("Titel", "Título", "TITRE"), "title"),
    **dict.fromkeys(("Künstler", "KUENSTLER", "Interpret", "Artiste", "Artist(s)"), "artists"),
    **dict.fromkeys(("Veröffentlicht", "Release Date", "release-date", "Año"), "release_date"),
    "[Label]": "label",
    "Dauer (ms)": "duration_ms",
    "EAN/UPC": "upc",
    "Catalog no.": "custom_id",
    "Maison d\u2019édition": "publishers",
    "Territoires": "territories",
    "file": "audio",
    "Mood": LEFT_OUT,
    "Duration": LEFT_OUT,
}


def guessed(*header: str, keep_unknown: bool = False) -> list[str]:
    columns = named_columns(header, RECORDING_TARGETS)
    return [column.target for column in guess(columns, keep_unknown=keep_unknown)]


def test_common_names_are_recognised() -> None:
    assert {name: guessed(name)[0] for name in COMMON_NAMES} == COMMON_NAMES


def test_our_own_names_go_before_common_ones_and_each_is_used_once() -> None:
    assert guessed("Track", "id", "custom_id", "Title", "title", "Song") == [
        *(LEFT_OUT, LEFT_OUT, "custom_id", "title", LEFT_OUT, LEFT_OUT)
    ]


def test_what_is_unknown_is_kept_once_where_it_may_be() -> None:
    header = ["Mood", "mood", "Mood", "", "tags", "tags", "x"]

    assert guessed(*header, keep_unknown=True) == [
        *(DATA, DATA, LEFT_OUT, LEFT_OUT, "tags", LEFT_OUT, DATA)
    ]


def test_hostile_headers_become_short_texts_of_one_line(bucket: Bucket, client: Client) -> None:
    long = "x" * 10_000
    header = f'"Titel","Interpret","Track ID","<b>\x00\n\x1b{long}",,"{long}",Titel'
    row = '1,2,3,"<i>\x07",nameless,,again'

    import_ = keep(bucket, header, row)
    page = client.get(f"/catalogue/import/{import_.uid}/").content.decode()

    names = [column.name for column in columns_of(import_)]
    assert targets(import_)[:3] == ["title", "artists", "custom_id"]
    assert names[3].startswith("<b> xxx")
    assert [len(name) for name in names] == [5, 9, 8, 200, 0, 200, 5]
    assert "&lt;b&gt;" in page
    assert "&lt;i&gt;" in page
    assert "Column 5, without a name" in page
    assert long not in page


def test_a_table_with_too_many_columns_is_refused(bucket: Bucket) -> None:
    import_ = keep(bucket, ",".join(f"c{number}" for number in range(201)), "1")

    assert import_.status == ImportStatus.REFUSED
    assert "at most 200 columns" in import_.message


def test_the_first_three_different_values_are_shown(bucket: Bucket, client: Client) -> None:
    rows = [f"L{number},T,A,{number // 2}" for number in range(9)]

    import_ = keep(bucket, "custom_id,title,artists,Mood", *rows)
    page = client.get(f"/catalogue/import/{import_.uid}/").content.decode()

    assert [column["examples"] for column in import_.columns] == [
        *(["L0", "L1", "L2"], ["T"], ["A"], ["0", "1", "2"])
    ]
    assert '<bdi translate="no">L2</bdi>' in page
    assert "3 of 4 used" in page


# Choosing


def test_a_table_without_a_required_column_waits_for_a_person(
    bucket: Bucket, client: Client
) -> None:
    import_ = keep(bucket, "Nr,Titel,Wer,Datei", f"L1,T,A,{LINK.format(1)}")
    page = client.get(f"/catalogue/import/{import_.uid}/").content.decode()
    unstarted = client.post(f"/catalogue/import/{import_.uid}/start/", follow=True)

    assert (import_.status, import_.message) == (
        ImportStatus.UNMAPPED,
        "Choose the column for: custom_id, artists.",
    )
    assert "Choose the column for: Custom ID, Artists." in page
    assert "Import the rows without faults" not in page
    assert "not waiting" in unstarted.content.decode()

    assert save(client, import_, column_0="custom_id", column_2="artists")[0] == 200
    assert worked(import_).status == ImportStatus.CHECKED
    imported(client, import_)

    recording = Recording.objects.get()
    assert import_.status == ImportStatus.DONE
    assert (recording.custom_id, recording.artists) == ("L1", ["A"])
    assert import_.columns_from == MappingOrigin.CHOSEN


def test_a_changed_mapping_is_checked_again_and_recorded(bucket: Bucket, client: Client) -> None:
    RecordingFactory.create(bucket=bucket, custom_id="L1", title="T", artists=["A"])
    import_ = keep(bucket, "custom_id,title,artists,Remark,Mood", "L1,T,A,loud,blue")
    first = import_.summary

    save(client, import_, column_3="tags", column_4=DATA)
    between = (import_.status, import_.summary)
    worked(import_)
    changes = import_.summary["changes"]
    imported(client, import_)

    assert (first["updated"], between) == (1, (ImportStatus.CHECKING, {}))
    assert changes[0]["after"] == {"user_defined": "Mood: blue, tags: loud"}
    assert import_.summary["changes"] == changes
    recording = Recording.objects.get()
    assert recording.user_defined == {"tags": ["loud"], "Mood": "blue"}
    assert recording.notes == ""
    event = Event.objects.get(action="bucket.import_columns_changed")
    assert event.before == {"columns": ["Remark → notes", "Mood → leave"]}
    assert event.after["columns"] == ["Remark → tags", "Mood → data"]


def test_an_impossible_mapping_is_refused_with_the_names_whoever_asks(
    bucket: Bucket, client: Client, signed_in: MakeClient
) -> None:
    header = "custom_id,title,artists,Extra,Extra,,tags"
    import_ = keep(bucket, header, "L1,T,A,x,y,z,t")
    refused: list[tuple[dict[str, str], str]] = [
        ({"column_3": "title"}, "“title” (2), “Extra” (4)"),
        ({"column_1": LEFT_OUT}, "Choose the column for: Title."),
        ({"column_3": DATA, "column_4": DATA}, "“Extra” (4), “Extra” (5)"),
        ({"column_5": DATA}, "Select a valid choice"),
        ({"column_6": DATA}, "Select a valid choice"),
        ({"column_3": "nothing"}, "Select a valid choice"),
        ({"empty_3": "perhaps"}, "Select a valid choice"),
    ]

    for changes, says in refused:
        code, page = save(client, import_, **changes)

        assert code == 422, changes
        assert says in page, changes
        assert "Nothing was saved yet." in page
        assert (import_.status, import_.mapping_version) == (ImportStatus.CHECKED, 0)
    assert save(signed_in(Role.REVIEWER), import_, column_3="notes")[0] == 403
    assert import_.mapping_version == 0
    columns = columns_of(import_)
    twice = (*columns[:3], columns[3].becoming("title"), *columns[4:])
    with pytest.raises(MappingRefused, match="Extra"):
        services.change_columns(
            import_=import_, columns=twice, version=0, user=make_user(Role.MANAGER)
        )


def test_of_two_people_the_second_is_refused(bucket: Bucket, client: Client) -> None:
    RecordingFactory.create(bucket=bucket, custom_id="L1")
    import_ = keep(bucket, "custom_id,title,artists,Mood", "L1,T,A,blue")
    stale = fields(import_, column_3="notes")
    save(client, import_, column_3="tags")
    worked(import_)

    address = f"/catalogue/import/{import_.uid}"
    mapped = client.post(f"{address}/columns/", stale, follow=True)
    begun = client.post(f"{address}/start/", {"version": 0}, follow=True)
    import_.refresh_from_db()
    after = (import_.status, import_.mapping_version, targets(import_)[3])
    client.post(f"{address}/start/", {"version": import_.mapping_version})
    late = client.post(f"{address}/columns/", fields(import_), follow=True)

    assert "somebody else changed the columns" in mapped.content.decode()
    assert "not waiting" in begun.content.decode()
    assert after == (ImportStatus.CHECKED, 1, "tags")
    assert "started the import in the meantime" in late.content.decode()
    import_.refresh_from_db()
    assert (import_.status, import_.mapping_version) == (ImportStatus.IMPORTING, 1)
    assert Event.objects.filter(action="bucket.import_columns_changed").count() == 1


def test_a_version_that_came_meanwhile_changes_nothing(bucket: Bucket) -> None:
    import_ = keep(bucket, "custom_id,title,artists,Mood", "L1,T,A,blue")
    columns, user = columns_of(import_), make_user(Role.MANAGER)

    assert services.change_columns(import_=import_, columns=columns, version=0, user=user)
    assert not services.change_columns(import_=import_, columns=columns, version=0, user=user)
    worked(import_)
    assert not services.change_columns(import_=import_, columns=columns, version=0, user=user)
    assert services.change_columns(import_=import_, columns=columns, version=1, user=user)


# Empty cells


def test_empty_cells_clear_where_that_was_chosen(bucket: Bucket, client: Client) -> None:
    values = {"label": "Example", "album": "Old", "notes": "Old"}
    data = {"tags": ["a"], "Mood": "blue", "Key": "Am"}
    RecordingFactory.create(
        bucket=bucket, custom_id="L1", title="T", artists=["A"], user_defined=data, **values
    )
    header = "custom_id,title,artists,label,album,tags,Mood,Key,notes"
    import_ = keep(bucket, header, "L1,T,A,,,,,", keep_unknown=True)
    plain = import_.summary["unchanged"]

    # The last cell of the row is missing, as in workbooks.
    save(
        client,
        import_,
        **dict.fromkeys(("empty_1", "empty_3", "empty_5", "empty_6", "empty_8"), "clear"),
    )
    worked(import_)
    checked = import_.summary
    page = client.get(f"/catalogue/import/{import_.uid}/").content.decode()
    imported(client, import_)

    recording = Recording.objects.get()
    assert plain == 1
    assert (checked["updated"], checked["faults"]) == (1, [])
    assert import_.summary == checked
    assert (recording.title, recording.label, recording.album) == ("T", "", "Old")
    assert recording.notes == ""
    assert recording.user_defined == {"Key": "Am"}
    # The title is never cleared, whatever was sent.
    assert not columns_of(import_)[1].clears
    assert page.count('value="clear" selected') == 4


# The last import of a bucket


def test_the_last_import_with_the_same_header_decides(bucket: Bucket, client: Client) -> None:
    header, row = "custom_id,title,artists,audio,Mood", "L{0},T,A,{1},blue"
    rows = [row.format(number, LINK.format(number)) for number in range(9)]
    first = keep(bucket, header, rows[0])
    save(client, first, column_4="notes", empty_4="clear")
    worked(first)
    imported(client, first)

    unfinished = keep(bucket, header, rows[1])
    save(client, unfinished, column_4="tags")
    worked(unfinished)
    same = keep(bucket, header, rows[2])
    page = client.get(f"/catalogue/import/{same.uid}/").content.decode()
    other_header = keep(bucket, f"{header},Key", rows[3])
    elsewhere = keep(BucketFactory.create(), header, rows[4])

    assert (targets(same)[4], same.columns[4]["clears"]) == ("notes", True)
    assert same.columns_from == MappingOrigin.REPEATED
    assert "As in the last import with these columns" in page
    assert targets(other_header)[4] == LEFT_OUT
    assert (targets(elsewhere)[4], elsewhere.columns_from) == (LEFT_OUT, MappingOrigin.GUESSED)


def test_rows_to_correct_are_mapped_like_the_table_they_come_from(
    bucket: Bucket, client: Client
) -> None:
    header = "custom_id,title,artists,audio,Mood"
    first = keep(bucket, header, f"L1,T,A,{LINK.format(1)},blue", "L2,,A,,loud")
    save(client, first, column_4="notes")
    worked(first)
    imported(client, first)
    rows = client.get(f"/catalogue/import/{first.uid}/rows.csv")
    content = b"".join(rows.streaming_content)  # type: ignore[attr-defined]  # a file's

    again = keep(bucket, content.decode("utf-8-sig"), keep_unknown=True)

    assert [column.name for column in columns_of(again)][-1] == "error"
    assert targets(again) == [*("custom_id", "title", "artists", "audio", "notes", LEFT_OUT)]


def test_an_import_that_was_checked_earlier_imports_what_that_check_said(
    bucket: Bucket, client: Client
) -> None:
    row = f"L1,T,A,{LINK.format(1)},Example,Loud"
    import_ = keep(bucket, "ID,title,artists,file,Plattenlabel,Note", row)
    # Checks did not store their mapping, and knew fewer names.
    CatalogueImport.objects.update(columns=[], header_key="")

    imported(client, import_)

    recording = Recording.objects.get()
    assert import_.status == ImportStatus.DONE
    assert (recording.custom_id, recording.label, recording.notes) == ("L1", "", "")


# All faults at once


def faults(import_: CatalogueImport) -> list[tuple[str, str]]:
    return [(fault["column"], fault["rule"]) for fault in import_.summary["faults"]]


def test_a_row_names_all_its_faults_once(bucket: Bucket) -> None:
    header = "custom_id,title,artists,audio,upc,iswc,release_date,duration_ms,exclude"
    bad = "L1,,A,ftp://h.example/a.mp3,1,x,June,long,backwards|00:00:02.000-00:00:01.000"
    rows = ["L2,,A,,,,,,", "L3,,A,missing.wav,,,,,", "L4,T,A,missing.wav,,,,,"]

    summary = keep(bucket, header, bad, *rows).summary
    faults = summary["faults"]

    assert {
        line: sorted(fault["column"] for fault in faults if fault["line"] == line)
        for line in (2, 3, 4, 5)
    } == {
        2: ["audio", "exclude", "exclude", "title"],
        3: ["audio", "title"],
        4: ["audio", "title"],
        5: ["audio"],
    }
    assert sorted(warning["column"] for warning in summary["warnings"]) == [
        *("duration_ms", "iswc", "release_date", "upc")
    ]


def test_audio_and_exclusions_of_a_known_recording_are_faults_too(bucket: Bucket) -> None:
    RecordingFactory.create(bucket=bucket, custom_id="L1", status="processing", duration_ms=5_000)
    intervals = "00:00:04.000-00:00:06.000|00:00:07.000-00:00:08.000"
    row = f"L1,T,A,{LINK.format(1)},{intervals}"

    import_ = keep(bucket, "custom_id,title,artists,audio,exclude", row, f"{row[:-1]}x")

    rules = faults(import_)
    assert [column for column, _ in rules[:3]] == ["audio", "exclude", "exclude"]
    assert "being fingerprinted" in rules[0][1]
    assert "The recording is 0:05.000 long." in rules[1][1]
    assert "already has this id" in " ".join(rule for _, rule in rules[3:])


def test_a_repeated_id_needs_audio_only_where_it_is_new(bucket: Bucket, client: Client) -> None:
    """The row needs another id, and then it is a new recording.

    That of a known recording may mean another one that has its audio.
    """
    RecordingFactory.create(bucket=bucket, custom_id="K1")
    new = [f"L1,T,A,{LINK.format(1)}", "L1,U,B,"]
    header = "custom_id,title,artists,audio"

    import_ = keep(bucket, header, *new, "K1,T,A,", "K1,U,B,")
    checked = import_.summary["faults"]
    imported(client, import_)

    assert import_.summary["faults"] == checked
    rules = faults(import_)
    assert [(warning["line"], warning["column"]) for warning in checked] == [
        *((3, "custom_id"), (3, "audio"), (5, "custom_id"))
    ]
    assert "already has this id" in rules[0][1]
    assert "needs audio" in rules[1][1]


# Samples


def test_the_samples_can_be_imported_as_they_are(
    bucket: Bucket, client: Client, tmp_path: Path
) -> None:
    page = client.get("/catalogue/import/").content.decode()
    (tmp_path / "night-drive.wav").write_bytes(audio.wav_bytes(audio.tune(3, 8)))
    path, user = tmp_path / "sample", make_user(Role.MANAGER)

    for form in ("csv", "xlsx"):
        answer = client.get(f"/catalogue/import/sample.{form}")
        path.write_bytes(answer.content)
        call_command(
            "import_recordings",
            str(path),
            bucket=bucket.name,
            audio_dir=tmp_path,
            username=user.username,
            dry_run=True,
            stdout=(out := io.StringIO()),
        )

        assert f"/catalogue/import/sample.{form}" in page
        assert "attachment" in answer["Content-Disposition"]
        assert open_table(path).header == COLUMNS
        assert "2 rows: 2 new" in out.getvalue()
        assert "warning" not in out.getvalue()


# The command


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "table.csv"
    path.write_text(f"Nr,Titel,Wer=?,Datei,Label,Mood\nL1,T,A,{LINK.format(1)},,\n")
    return path


def command(bucket: Bucket, file: Path, *options: str) -> str:
    out = io.StringIO()
    call_command("import_recordings", str(file), "--bucket", bucket.name, *options, stdout=out)
    return out.getvalue()


def test_the_command_maps_columns_by_name(bucket: Bucket, file: Path) -> None:
    RecordingFactory.create(
        bucket=bucket, custom_id="L1", label="Example", album="Old", user_defined={"Mood": "blue"}
    )
    with pytest.raises(CommandError, match="lacks the column custom_id, artists"):
        command(bucket, file)

    options = ["--map", "nr=custom_id", "--map", "Wer=?=artists", "--map", "Mood=data"]
    command(bucket, file, *options, "--map", "Datei=leave")
    stored = Recording.objects.get()
    clears = ["--clear-empty", "label", "--clear-empty", "Mood"]
    command(bucket, file, *options, *clears, "--map", "Datei=leave")

    assert (stored.title, stored.label) == ("T", "Example")
    recording = Recording.objects.get()
    assert (recording.label, recording.album) == ("", "Old")
    assert recording.user_defined == {}


def test_the_command_says_which_name_is_unknown(bucket: Bucket, file: Path) -> None:
    for options, says in (
        (["--map", "Nummer=custom_id"], "no column “Nummer”.*Nr, Titel"),
        (["--map", "Nr=id"], "no column “id”.*custom_id, title"),
        (["--map", "Nr"], "Write --map"),
        (["--map", "=title"], "Write --map"),
        (["--map", "Nr=title", "--map", "Wer=?=title"], "all become title"),
        (["--clear-empty", "title"], "no column “title”.*label"),
        (["--clear-empty", "album"], "no column “album”"),
    ):
        with pytest.raises(CommandError, match=says):
            command(bucket, file, *options)


# A dry run is the run


CELLS = {
    "custom_id": ["L1", "L2", "B", "", "[clear]"],
    "Titel": ["Night", "Day", "", "#REF!"],
    "Wer": ["A. Example", "A|B", "", "[clear]"],
    "Datei": [LINK.format(1), LINK.format(2), "", "a.wav", "ftp://x"],
    "Note": ["", "loud", "[clear]", "ZZX012600001", "2016"],
    "Mood": ["", "blue", "50", "GB|DE", "00:00:01.000-00:00:02.000"],
    "": ["", "nameless"],
}


def _places_and_counts(import_: CatalogueImport) -> dict[str, Any]:
    """Return a summary without the texts that name recordings added meanwhile."""
    places = {
        name: [(summary["line"], summary["column"]) for summary in import_.summary[name]]
        for name in ("faults", "warnings")
    }
    return {**import_.summary, **places}


@given(data=st.data())
@settings(
    max_examples=5 if settings().derandomize else 100,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_any_mapping_imports_what_its_check_said(data: st.DataObject) -> None:
    row = st.tuples(*(st.sampled_from(values) for values in CELLS.values()))
    rows = data.draw(st.lists(row, min_size=1, max_size=5))
    content = io.StringIO()
    csv.writer(content).writerows([list(CELLS), *rows])
    with transaction.atomic():
        bucket, user = BucketFactory.create(), make_user(Role.MANAGER)
        RecordingFactory.create(
            bucket=bucket,
            custom_id="B",
            status="ready",
            notes="Old",
            user_defined={"Mood": "x", "Note": "y", "tags": ["z"]},
        )
        import_ = keep(bucket, content.getvalue(), user=user)
        columns = tuple(
            column.becoming(
                data.draw(st.sampled_from(RECORDING_TARGETS.all)), clears=data.draw(st.booleans())
            )
            for column in columns_of(import_)
        )
        if faults_of(columns):
            with pytest.raises(MappingRefused):
                services.change_columns(import_=import_, columns=columns, version=0, user=user)
            # Only the impossible columns are left out.
            wrong = {fault.position for fault in faults_of(columns)}
            columns = tuple(
                column.becoming(LEFT_OUT) if position in wrong else column
                for position, column in enumerate(columns)
            )
        assert services.change_columns(import_=import_, columns=columns, version=0, user=user)
        worked(import_)
        if lacking(columns):
            assert import_.status == ImportStatus.UNMAPPED
            # Complete it, so that the import has work.
            names = ("custom_id", "title", "artists")
            columns = tuple(
                column.becoming(names[position])
                if position < 3
                else column.becoming(
                    LEFT_OUT if column.target in names else column.target, clears=column.clears
                )
                for position, column in enumerate(columns)
            )
            assert services.change_columns(import_=import_, columns=columns, version=1, user=user)
            worked(import_)
        assert (import_.status, import_.message) == (ImportStatus.CHECKED, "")
        checked, version = _places_and_counts(import_), import_.mapping_version

        assert services.start(import_=import_, user=user, mapping_version=version)
        worked(import_)

        assert import_.status == ImportStatus.DONE
        assert _places_and_counts(import_) == checked
        assert columns_of(import_) == tuple(columns)
        transaction.set_rollback(True)
