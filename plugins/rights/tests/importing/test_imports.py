"""Imports of rights into the records: the check, the import, and both again."""

from __future__ import annotations

from collections.abc import Callable
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import CommandError, call_command

from base.accounts.models import AccessLimit
from base.accounts.roles import Role
from base.jobs.models import Job
from catalogue.owners.models import Party, Release, RightsRecording, Share, Work
from imports import services
from imports.errors import TableRefused
from plugins.rights.importing.faults import MessageRefused
from plugins.rights.importing.importer import RightsImporter, RightsSummary, isrc_of
from plugins.rights.importing.kind import RIGHTS
from plugins.rights.importing.reading import open_message
from plugins.rights.models import RightsImport
from plugins.rights.tests.importing.making import NAME, cwr, ipi
from plugins.rights.tests.importing.test_ern import ERN_43, ERN_382
from tests.factories.accounts import make_user
from tests.factories.catalogue import RecordingFactory

pytestmark = pytest.mark.django_db

HEADER = (
    "custom_id,title,artists,isrc,work_id,work_title,party,party_ipi,role,right,kind,"
    "share_pct,territories,valid_from,valid_until\n"
)
SHARES = HEADER + (
    "r1,Blue Lantern,The Ferrymen,QZAA02600001,EX0001,,Anna Muster,00000815140,CA,"
    "performing,ownership,50,WW,2026-01-01,\n"
    "r1,Blue Lantern,The Ferrymen,QZAA02600001,EX0001,,Example Music,00000471148,E,"
    "performing,,50,2136|-US,,\n"
    "r1,Blue Lantern,The Ferrymen,QZAA02600001,,,Harbour Lights,,Label,master,,,CH,,\n"
)


@pytest.fixture
def take(tmp_path: Path) -> Callable[..., RightsSummary]:
    """Return a function that imports a file, or only checks it."""

    def run(content: str | bytes, **options: Any) -> RightsSummary:  # Any: of the task
        path = tmp_path / "file"
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        task = RightsImporter(
            **{
                "source": "import wi_1",
                "sender": "",
                "user": None,
                "dry": False,
                "heartbeat": lambda: None,
                **options,
            }
        )
        with open_message(path, name=NAME) as reads:
            return task.run(reads)

    return run


def rows() -> list[int]:
    """Return how many records of each kind there are."""
    models = (Work, Party, RightsRecording, Release, Share)
    return [model._default_manager.count() for model in models]


@pytest.mark.parametrize(
    "content",
    [b"".join(cwr(60)), ERN_43, ERN_382, SHARES],
    ids=["CWR", "ERN 4.3", "ERN 3.8.2", "table"],
)
def test_the_import_does_what_the_check_said_and_once(
    take: Callable[..., RightsSummary], content: str | bytes
) -> None:
    checked = take(content, dry=True)
    assert rows() == [0] * 5

    done = take(content)
    made = rows()
    again = take(content)

    assert not checked.faults
    assert checked == done
    assert done.created["work"] == made[0]
    assert done.created["party"] == made[1]
    assert done.created["rights_recording"] == made[2]
    assert (again.created, again.changed) == ({}, {})
    assert again.unchanged == done.created
    assert rows() == made


def test_a_stopped_import_is_repeated(take: Callable[..., RightsSummary]) -> None:
    content = b"".join(cwr(60))
    beats = iter(range(100))

    def stop() -> None:
        if next(beats) == 1:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        take(content, heartbeat=stop)
    assert rows()[0] == 50

    take(content)

    assert rows()[0] == 60
    assert Share.objects.filter(withdrawn_at__isnull=False).count() == 0


def test_a_wrong_check_digit_keeps_works_out_and_names_the_line(
    take: Callable[..., RightsSummary],
) -> None:
    content = b"".join(cwr(1))
    for before, after, field in (
        (b"00000471148  ", b"00000471149  ", "ipi_name"),
        (b"T0000000010", b"T0000000012", "iswc"),
    ):
        assert before in content

        summary = take(content.replace(before, after), dry=True)

        fault = next(fault for fault in summary.faults if fault["column"] == field)
        assert fault["line"] in (3, 4)
        assert fault["rule"]
        assert summary.created.get("work", 0) == 0
        assert summary.refused == 1


def test_a_table_finds_the_isrc_of_our_recording(
    take: Callable[..., RightsSummary], tmp_path: Path
) -> None:

    RecordingFactory.create(custom_id="r1", isrc="QZAA02600001", isrc_normalised="QZAA02600001")
    path = tmp_path / "table.csv"
    path.write_text("custom_id,title,party,right,share_pct\nr1,T,Harbour Lights,master,100\n")
    task = RightsImporter("x", "Harbour Lights", None, False, lambda: None)

    with open_message(path, name="table.csv", isrc_of=isrc_of) as reads:
        task.run(reads)

    assert RightsRecording.objects.get().isrc == "QZAA02600001"
    assert Share.objects.get().claimant == "Harbour Lights"


def test_all_faults_of_a_row_are_named(take: Callable[..., RightsSummary]) -> None:
    row = "r1,T,A,QZAA02600001,EX1,,,00000815140,CA,perform,owned,101,XX,2026-13-01,\n"

    summary = take(HEADER + row)

    assert {(fault["line"], fault["column"]) for fault in summary.faults} == {
        (2, name) for name in ("party", "right", "kind", "share_pct", "territories", "valid_from")
    }
    assert summary.refused == 1
    assert rows() == [0] * 5


def test_lines_of_one_work_stand_together(take: Callable[..., RightsSummary]) -> None:
    lines = [f",T,,,W{number},,P{number},,E,performing,,10,,,\n" for number in range(60)]

    summary = take(HEADER + "".join([*lines, lines[0]]))

    (fault,) = summary.faults
    assert (fault["line"], fault["column"]) == (62, "work_id")
    assert "line 2" in fault["rule"]


def test_hostile_texts_are_kept_as_they_are(take: Callable[..., RightsSummary]) -> None:
    title = "=1+1|^🎵" + "A" * 10_000

    take(HEADER + f',"{title}",,,W1,,"Tab\tName",,E,performing,,10,,,\n')

    assert Work.objects.get().title == title[:500]
    assert Party.objects.get().name == "Tab\tName"


def test_what_is_no_message_is_refused(take: Callable[..., RightsSummary]) -> None:
    errors: list[tuple[bytes, type[Exception]]] = [
        (b"", MessageRefused),
        (b"custom_id,title\n1,2\n", MessageRefused),
        (b"\xff\xfea", TableRefused),
        (b"<!DOCTYPE a><a/>", MessageRefused),
        (ERN_43[:-9].encode(), MessageRefused),
    ]
    for content, error in errors:
        with pytest.raises(error):
            take(content)


def test_after_an_import_conflicts_are_looked_for(run_worker: Callable[[], None]) -> None:
    user, file = make_user(Role.MANAGER), b"".join(cwr(2))

    def keep() -> RightsImport:
        return services.keep_upload(
            RIGHTS, file=SimpleUploadedFile(NAME, file), sender="", encoding="utf-8", user=user
        )

    import_ = keep()
    run_worker()
    assert services.start(import_=import_, user=user)
    run_worker()

    import_.refresh_from_db()
    assert import_.status == "done"
    assert import_.summary["format"] == "CWR"
    assert Work.objects.count() == 2
    assert Job.objects.filter(kind="review_rights").exists()
    # People with access limits import no rights.
    group = user.groups.create(name="Some")
    AccessLimit.objects.create(group=group, containers=[1], buckets=[1])
    with pytest.raises(PermissionDenied):
        keep()


def test_a_party_of_two_names_counts_once_in_the_check_too(
    take: Callable[..., RightsSummary],
) -> None:
    """Batches of a check do not know what those before would have made."""
    line = "r{n},Song {n},A,,EX{n:04d},Song {n},{party},{ipi},CA,performing,,50,WW,,\n"
    ways = [("Anna Muster", ""), ("Anna Muster", "00000815140"), ("A. Muster", "815140")]
    named = [ways[n // 50] for n in range(150)]
    content = HEADER + "".join(
        line.format(n=n, party=party, ipi=ipi) for n, (party, ipi) in enumerate(named)
    )

    checked = take(content, sender="Example", dry=True)
    imported = take(content, sender="Example")

    assert Party.objects.count() == 1
    assert checked.created == imported.created
    assert checked.created["party"] == 1


def test_namesakes_with_other_codes_count_each(take: Callable[..., RightsSummary]) -> None:
    line = "r{n},Song {n},A,,EX{n:04d},Song {n},Anna Muster,{ipi},CA,performing,,5,WW,,\n"
    content = HEADER + "".join(
        line.format(n=n, ipi=ipi(n % 3 + 1) if n % 4 else "") for n in range(150)
    )

    checked = take(content, sender="Example", dry=True)
    imported = take(content, sender="Example")

    assert checked.created == imported.created
    assert imported.created["party"] == Party.objects.count()


def test_the_command_checks_imports_and_names_faults(tmp_path: Path) -> None:
    path = tmp_path / NAME
    path.write_bytes(b"".join(cwr(2)))
    output = StringIO()

    call_command("import_rights", str(path), dry_run=True, stdout=output)
    assert "work: 2 new" in output.getvalue()
    assert not Work.objects.exists()
    call_command("import_rights", str(path), stdout=output)
    assert Work.objects.count() == 2
    call_command("import_rights", str(path), stdout=(again := StringIO()))
    assert "work: 0 new, 0 changed, 2 unchanged" in again.getvalue()

    path.write_bytes(b"".join(cwr(2)).replace(b"SONG NUMBER 2", b" " * 13))
    faults = StringIO()
    with pytest.raises(SystemExit):
        call_command("import_rights", str(path), stdout=output, stderr=faults)
    assert "NWR title" in faults.getvalue()
    path.write_bytes(b"nothing")
    with pytest.raises(CommandError, match="column"):
        call_command("import_rights", str(path))
    with pytest.raises(CommandError, match="no user"):
        call_command("import_rights", str(path), username="nobody")


def test_the_sample_is_a_table_without_faults(take: Callable[..., RightsSummary]) -> None:
    summary = take(RIGHTS.samples[0].sample.as_csv(), sender="us")

    assert summary.faults == []
    assert Share.objects.count() == 2
