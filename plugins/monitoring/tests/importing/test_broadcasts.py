"""Schedules and tables of audiences: checked first, all faults at once, no doubling."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from django.core.files.base import ContentFile
from django.urls import reverse

from base.accounts.models import AccessLimit, User
from base.accounts.roles import Role
from base.audit.models import Event
from imports.errors import ImportRefused
from plugins.monitoring.broadcasts.importing import importer
from plugins.monitoring.broadcasts.importing.kind import BROADCASTS
from plugins.monitoring.broadcasts.models import Audience, Broadcast, BroadcastImport
from plugins.monitoring.tests.factories.streams import StationFactory
from review.programmes.models import Episode
from tests.factories.accounts import make_user
from tests.factories.scanning import ScannedFileFactory
from tests.fixtures import MakeClient, Worker, upload
from tests.visible_text import faults_in

pytestmark = pytest.mark.django_db

HEAD = "file_name,station,starts_at,length,showing,series,season,episode,episode_title\n"
LINE = "fog.wav,Harbour FM,2026-11-03 07:00,0:30:00,first,Pier Stories,2,5,Fog\n"


def run(text: str, user: User | None = None, *, dry: bool = False) -> dict[str, object]:
    """Import a table as a reviewer; return the summary."""
    import_ = BroadcastImport(made_by=user or make_user(Role.REVIEWER), file_name="t.csv")
    import_.file.save("broadcasts-test.csv", ContentFile(text.encode()), save=False)
    columns = importer.run(import_, lambda: None, dry=dry)
    summary: dict[str, object] = columns["summary"]
    return summary


def verdicts(summary: dict[str, object]) -> list[object]:
    return [summary[name] for name in ("added", "updated", "unchanged", "refused")]


def rules(summary: dict[str, object]) -> dict[str, str]:
    """Return what is needed by column."""
    faults = summary["faults"]
    assert isinstance(faults, list)
    return {fault["column"]: fault["rule"] for fault in faults}


@pytest.fixture(autouse=True)
def harbour() -> None:
    StationFactory.create(
        name="Harbour FM", call_sign="HFM", custom_id="h1", time_zone="Europe/Zurich"
    )
    ScannedFileFactory.create(name="fog.wav", external_id="ext-1")


def test_a_check_writes_nothing_and_says_what_the_import_does() -> None:
    checked = run(HEAD + LINE + LINE, dry=True)
    assert verdicts(checked) == [1, 0, 1, 0]
    assert not Broadcast.objects.exists()
    assert not Episode.objects.exists()
    assert not Event.objects.filter(action__startswith="file.").exists()
    done = run(HEAD + LINE + LINE)
    assert verdicts(done) == verdicts(checked)
    row = Broadcast.objects.get()
    assert row.starts_at == datetime(2026, 11, 3, 6, tzinfo=UTC)
    assert (row.length_ms, row.showing) == (1_800_000, "first_run")
    episode = Episode.objects.get()
    assert (episode.series, episode.number, episode.title) == ("Pier Stories", "5", "Fog")


def test_a_repeated_import_changes_nothing_and_empty_cells_keep_what_is_known() -> None:
    user = make_user(Role.REVIEWER)
    run(HEAD + LINE, user)
    events = Event.objects.count()
    assert verdicts(run(HEAD + LINE, user)) == [0, 0, 1, 0]
    again = run(HEAD + "fog.wav,HFM,2026-11-03T07:00+01:00,,,,,,\n", user)
    assert verdicts(again) == [0, 0, 1, 0]
    assert Event.objects.count() == events
    assert verdicts(run(HEAD + "fog.wav,h1,2026-11-03 07:00,,repeat,,,,\n")) == [0, 1, 0, 0]
    assert Broadcast.objects.get().length_ms == 1_800_000


def test_a_row_without_a_station_tells_of_the_episode_alone() -> None:
    assert verdicts(run("custom_id,series\next-1,Pier Stories\n")) == [0, 1, 0, 0]
    assert not Broadcast.objects.exists()


def test_all_faults_of_a_row_are_named_at_once() -> None:
    summary = run(HEAD + "gone.wav,Nowhere FM,soon,half an hour,again,,,,\n" + LINE)
    assert verdicts(summary) == [1, 0, 0, 1]
    assert set(rules(summary)) == {"file_name", "station", "length", "showing"}
    summary = run(HEAD + "fog.wav,Harbour FM,2026-03-29 02:30,9:99,,,,,\n")
    assert "summer time began" in rules(summary)["starts_at"]
    assert "hours, minutes and seconds" in rules(summary)["length"]
    summary = run(HEAD + "fog.wav,Harbour FM,2026-10-25 02:30,,,,,,\n")
    assert "+02:00" in rules(summary)["starts_at"]
    summary = run(HEAD + f"fog.wav,,,,,{'x' * 301},,,\nfog.wav,,,,,,,,\n")
    assert summary["refused"] == 2


def test_a_name_of_several_files_is_refused() -> None:
    other_file = ScannedFileFactory.create(name="fog.wav")
    assert "id of the file" in rules(run(HEAD + LINE))["file_name"]
    assert verdicts(run(f"file,series\n{other_file.uid},Pier\nno-id,Pier\n")) == [0, 1, 0, 1]
    assert Episode.objects.get().scanned_file == other_file


def test_audiences_of_hours() -> None:
    table = (
        "station,hour,listeners,performances\n"
        "Harbour FM,2026-11-03 07:00,320,\n"
        "Harbour FM,2026-11-03 08:00,0,\n"
    )
    assert verdicts(run(table, dry=True)) == [2, 0, 0, 0]
    assert verdicts(run(table)) == [2, 0, 0, 0]
    assert verdicts(run(table)) == [0, 0, 2, 0]
    assert list(Audience.objects.order_by("hour").values_list("listeners", flat=True)) == [320, 0]
    changed = table.replace("320", "330")
    assert verdicts(run(changed)) == [0, 1, 1, 0]
    wrong = (
        "station,hour,month,listeners,performances\n"
        "Harbour FM,2026-11-03 07:30,,1,\n"
        "Harbour FM,2026-11-03 07:00,2026-11,1,\n"
        "Harbour FM,2026-11-03 07:00,,1,5\n"
    )
    assert verdicts(run(wrong)) == [0, 0, 0, 3]
    assert set(rules(run(wrong))) == {"hour", "month", "performances"}


def test_audiences_of_months_and_of_broadcasts() -> None:
    run(HEAD + LINE)
    table = (
        "station,month,starts_at,listeners,performances,tuning_hours\n"
        "Harbour FM,2026-11,,0,412,1480.5\n"
        "Harbour FM,,2026-11-03 07:00,320,,\n"
    )
    assert verdicts(run(table, dry=True)) == [2, 0, 0, 0]
    assert verdicts(run(table)) == [2, 0, 0, 0]
    assert verdicts(run(table)) == [0, 0, 2, 0]
    month = Audience.objects.get(month=date(2026, 11, 1))
    assert (month.listeners, month.tuning_hours) == (0, Decimal("1480.50"))
    assert Audience.objects.get(broadcast__isnull=False).listeners == 320
    wrong = (
        "station,month,starts_at,listeners,tuning_hours\n"
        "Harbour FM,2026-13,,-1,NaN\n"
        "Harbour FM,2026-11,2026-11-03 07:00,,\n"
        "Harbour FM,,2026-11-04 07:00,1,\n"
    )
    summary = run(wrong)
    assert summary["refused"] == 3
    assert summary["fault_count"] == 6


def test_people_import_into_files_that_they_may_see() -> None:
    user = make_user(Role.REVIEWER)
    group = user.groups.get()
    AccessLimit.objects.create(group=group, containers=[], buckets=None)
    assert rules(run(HEAD + LINE, user))["file_name"] == "No file that you can see has this value."


def test_a_table_of_something_else_is_refused() -> None:
    with pytest.raises(ImportRefused, match="neither a schedule nor"):
        run("title,artist\na,b\n")
    with pytest.raises(ImportRefused, match="station is missing"):
        run("month,listeners\n2026-11,1\n")


@pytest.mark.django_db(transaction=True)
def test_the_page_checks_a_table_first(signed_in: MakeClient, run_worker: Worker) -> None:
    client = signed_in(Role.REVIEWER)
    plan, songs = (
        client.post(
            reverse("portal:broadcast_import"), {"file": upload(name, content), "encoding": "utf-8"}
        ).headers["Location"]
        for name, content in (
            ("=plan.csv", (HEAD + LINE + "x,y,z,,,,,,\n").encode()),
            ("songs.csv", b"title,artist\na,b\n"),
        )
    )
    import_ = BroadcastImport.objects.order_by("pk")[0]
    assert plan == reverse("portal:broadcast_import_detail", args=[import_.uid])
    run_worker()
    page, refused = (client.get(plan).content.decode() for plan in (plan, songs))
    assert "This station does not exist" in page
    # A refusal marks the columns that it names.
    assert "<code>file_name</code>, station, <code>starts_at</code>;" in refused
    # Names of columns are the table's own.
    assert not faults_in(page)
    assert not faults_in(refused)
    assert not Broadcast.objects.exists()
    client.post(reverse("portal:broadcast_import_start", args=[import_.uid]))
    run_worker()
    assert Broadcast.objects.count() == 1
    # Somebody else's import is listed to whoever has no limits.
    assert client.get(reverse("portal:broadcast_import")).status_code == 200


def test_the_page_offers_samples_that_can_be_imported(signed_in: MakeClient) -> None:
    StationFactory.create(name="Example FM")
    ScannedFileFactory.create(name="pier-stories-5.wav")
    client = signed_in(Role.REVIEWER)

    page = client.get("/broadcasts/import/").content.decode()

    for sample_file in BROADCASTS.samples:
        address = reverse(f"portal:import_sample_{sample_file.name}_csv")
        assert f'href="{address}"' in page
        sample = client.get(address).content
        assert sample == sample_file.sample.as_csv()
        assert verdicts(run(sample.decode()))[3] == 0
    assert Broadcast.objects.count() == 2
    assert Audience.objects.count() == 3


def test_tables_of_other_programs_are_read_too() -> None:
    schedule = (
        "Harbour FM, November\n\n"
        "File name;Station;Starts at;Length;Presenter\n"
        "fog.wav;Harbour FM;03.11.2026 07:00;0:30:00;Mia\n"
        "fog.wav;Harbour FM;11/14/2026 7:30 PM;0:30:00;Mia\n"
    )
    audience = (
        "Station\tMonth\tListeners\tTuning hours\n"
        "Harbour FM\t11/2026\t1.480\t120500,5\nTotal\t\t1480\t120500,5\n"
    )

    done = run(schedule)
    heard = run(audience)

    assert verdicts(done) == [2, 0, 0, 0]
    starts = Broadcast.objects.order_by("starts_at").values_list("starts_at", flat=True)
    assert [*starts] == [
        datetime(2026, 11, 3, 6, tzinfo=UTC),
        datetime(2026, 11, 14, 18, 30, tzinfo=UTC),
    ]
    assert done["unknown_columns"] == ["Presenter"]
    assert verdicts(heard) == [1, 0, 0, 0]
    row = Audience.objects.get()
    assert (row.month, row.listeners) == (date(2026, 11, 1), 1480)
