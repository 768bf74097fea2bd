"""The undo of whole imports: everything goes back, and what cannot is named before."""

from __future__ import annotations

import json
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import CommandError, call_command
from django.urls import reverse
from django.utils.module_loading import import_string

from accounts.models import User
from accounts.roles import Role
from audit.models import Event
from catalogue.changes import update_recording
from catalogue.models import Exclusion, Recording, RecordingStatus
from catalogue.owners.choices import ConflictState
from catalogue.owners.models import (
    Conflict,
    Party,
    RightsRecording,
    Share,
    Statement,
    Work,
)
from imports import services
from imports.kinds import all_kinds
from imports.models import Import, ImportStatus, ImportStep, StepState
from imports.recordings.kind import RECORDINGS
from imports.results.kind import RESULTS
from imports.rights.kind import RIGHTS
from imports.undoing import walk
from jobs.choices import Pool
from jobs.models import Job
from jobs.runner import run_next
from programmes.models import Episode
from review.models import Match
from scanning.models import ScannedFile
from tests.borders import with_monitoring
from tests.factories.catalogue import BucketFactory, RecordingFactory
from tests.factories.review import make_match
from tests.factories.rights import claim, share, work
from tests.factories.scanning import ContainerFactory, ScannedFileFactory
from tests.fixtures import MakeClient

if settings.ACRPORTAL_MONITORING:
    from plugins.monitoring.broadcasts.importing.kind import BROADCASTS
    from plugins.monitoring.broadcasts.models import Audience, Broadcast
    from plugins.monitoring.tests.factories.streams import StationFactory

pytestmark = pytest.mark.django_db

HEAD = "work_id,work_title,iswc,party,right,share_pct\n"
SHARES = f"{HEAD}W1,Blue Lantern,T-900.000.001-1,Anna Muster,performing,50\n"
SCHEDULE = (
    "file_name,station,starts_at,length,series,episode_title\n"
    "fog.wav,Harbour FM,2026-11-03 07:00,0:30:00,Pier Stories,Fog\n"
)


def work_off() -> None:
    while run_next(Pool.WORK) is not None:
        pass


def imported(one: Import, user: User) -> Import:
    work_off()
    assert services.start(one=one, user=user)
    work_off()
    one.refresh_from_db()
    assert one.status == ImportStatus.DONE
    return one


def table(text: str, user: User, bucket: Any) -> Import:  # Any: a bucket
    one = services.keep_upload(
        RECORDINGS,
        bucket=bucket,
        table=SimpleUploadedFile("t.csv", text.encode()),
        archive=None,
        encoding="utf-8",
        keep_unknown=False,
        user=user,
    )
    return imported(one, user)


def rights(text: str, user: User, sender: str = "Example") -> Import:
    one = services.keep_upload(
        RIGHTS,
        file=SimpleUploadedFile("w.csv", text.encode()),
        sender=sender,
        encoding="utf-8",
        user=user,
    )
    return imported(one, user)


def undone(one: Import, user: User) -> tuple[dict[str, Any], dict[str, Any]]:
    """Check the undo and carry it out; return what both say. Any: JSON."""
    assert services.check_undo(one=one, user=user)
    work_off()
    one.refresh_from_db()
    assert one.status == ImportStatus.UNDO_CHECKED
    before = one.summary["undo"]
    assert services.undo(one=one, user=user)
    work_off()
    one.refresh_from_db()
    assert one.status == ImportStatus.UNDONE
    return before, one.summary["undo"]


def counts(found: dict[str, Any]) -> tuple[int, int]:  # Any: JSON
    return found["undone"], found["kept"]


def test_every_undoer_is_there() -> None:
    for kind in all_kinds():
        for path in kind.undoers.values():
            assert callable(import_string(path))


def test_recordings_get_their_values_back_and_new_ones_are_retired(
    manager: User,
) -> None:
    bucket = BucketFactory.create()
    known, changed = (
        RecordingFactory.create(bucket=bucket, custom_id=name, title="Old", label="A")
        for name in ("K1", "K2")
    )
    one = table(
        "custom_id,title,artists,label,audio,exclude\n"
        "K1,New,X,B,,00:00:00.000-00:00:01.000\n"
        "K2,New,X,B,,\n"
        "N1,Added,X,B,https://files.example/a.wav,\n"
        "N2,Decided,X,B,https://files.example/b.wav,\n",
        manager,
        bucket,
    )
    added = Recording.objects.get(custom_id="N2")
    match = make_match(
        recording=added, state="confirmed", match={"decided_by": manager}
    )
    changed.refresh_from_db()
    update_recording(recording=changed, columns={"title": "Mine"}, user=manager)

    before, after = undone(one, manager)

    assert counts(before) == counts(after)
    assert before["stays"] == after["stays"]
    (stays,) = after["stays"]
    assert "title" in stays["why"]
    known.refresh_from_db()
    assert (known.title, known.label) == ("Old", "A")
    changed.refresh_from_db()
    assert (changed.title, changed.label) == ("Mine", "A")
    assert Exclusion.objects.get(recording=known).removed_at is not None
    gone = Recording.objects.filter(custom_id__in=["N1", "N2"])
    assert set(gone.values_list("status", flat=True)) == {RecordingStatus.RETIRED}
    assert "1 match" in after["notes"][0]["why"]
    match.refresh_from_db()
    assert match.state == "confirmed"
    told = Event.objects.filter(action="bucket.import_undone").get()
    assert (told.actor, told.after["kept"]) == (manager, 1)


def test_rights_give_way_to_what_they_replaced(manager: User) -> None:
    claim(
        sender="Example", works=[work(submitter_id="W1", shares=(share("W1", "40"),))]
    )
    old = Share.objects.get()
    one = Work.objects.get()
    names = set(Party.objects.values_list("name", flat=True))
    sound = RightsRecording.objects.create(isrc="QZAA02600001", title="")
    text = (
        "work_id,work_title,party,right,share_pct,isrc,title\n"
        "W1,Blue Lantern,Otto Neu,performing,50,QZAA02600001,Lantern\n"
        "W2,Second,Otto Neu,performing,60,,\n"
    )
    kept = rights(text, manager)
    sound.refresh_from_db()
    assert Share.objects.get(pk=old.pk).withdrawn_at is not None
    assert sound.title == "Lantern"
    assert Work.objects.count() == 2

    before, after = undone(kept, manager)

    assert counts(before) == counts(after)
    assert not after["stays"]
    assert Work.objects.get() == one
    assert set(Party.objects.values_list("name", flat=True)) == names
    assert Share.objects.get() == old
    old.refresh_from_db()
    sound.refresh_from_db()
    assert old.withdrawn_at is None
    assert sound.title == ""
    assert not one.recordings.exists()
    assert not Statement.objects.filter(source__contains=kept.uid).exists()
    assert not Conflict.objects.filter(state=ConflictState.OPEN).exists()
    assert Event.objects.filter(action="rights.import_undone").exists()

    again = rights(text, manager)
    assert again.summary["created"]["work"] == 1


def test_a_record_of_rights_that_others_use_stays_without_its_recording(
    manager: User,
) -> None:
    head = "work_id,work_title,iswc,party,right,share_pct,isrc\n"
    row = "W1,Blue Lantern,T-900.000.001-1,Anna Muster,performing,50,QZES71982312\n"
    one = rights(head + row, manager)
    rights(SHARES, manager, sender="Another")

    before, after = undone(one, manager)

    # A recording that leaves a work that stays goes in the check, too.
    assert before["stays"] == after["stays"]
    assert {row["why"] for row in after["stays"]} == {
        "It changed since.",
        "It has shares that stay.",
    }
    (left,) = Share.objects.all()
    assert left.claimant == "Another"
    assert not RightsRecording.objects.exists()


@with_monitoring
def test_broadcasts_episodes_and_audiences_go_back(manager: User) -> None:
    station = StationFactory.create(name="Harbour FM", time_zone="Europe/Zurich")
    file = ScannedFileFactory.create(name="fog.wav")
    Episode.objects.create(scanned_file=file, series="Before", season="1")
    one = imported(
        services.keep_upload(
            BROADCASTS,
            file=SimpleUploadedFile("s.csv", SCHEDULE.encode()),
            encoding="utf-8",
            user=manager,
        ),
        manager,
    )
    figures = imported(
        services.keep_upload(
            BROADCASTS,
            file=SimpleUploadedFile(
                "a.csv",
                b"station,month,hour,starts_at,listeners\n"
                b"Harbour FM,2026-11,,,100\n"
                b"Harbour FM,,2026-11-03 07:00,,50\n"
                b"Harbour FM,,,2026-11-03 07:00,70\n",
            ),
            encoding="utf-8",
            user=manager,
        ),
        manager,
    )
    assert Audience.objects.count() == 3
    # The audience is not of this import, so that the broadcast stays at first.
    assert services.check_undo(one=one, user=manager)
    work_off()
    one.refresh_from_db()
    assert "audience" in one.summary["undo"]["stays"][0]["why"]

    _before, after = undone(figures, manager)
    assert counts(after) == (3, 0)
    assert not Audience.objects.exists()
    Episode.objects.filter(scanned_file=file).update(title="Mine")

    before, after = undone(one, manager)

    assert before["stays"] == after["stays"]
    assert [row["why"] for row in after["stays"]] == ["Changed again since: title."]
    assert not Broadcast.objects.filter(station=station).exists()
    episode = Episode.objects.get(scanned_file=file)
    assert (episode.series, episode.season, episode.title) == ("Before", "1", "Mine")


def test_files_of_results_are_deleted_but_decided_ones_and_scans_stay(
    manager: User,
) -> None:
    container = ContainerFactory.create()

    def results(*files: dict[str, Any]) -> Import:  # Any: JSON
        one = services.keep_upload(
            RESULTS,
            container=container,
            file=SimpleUploadedFile("d.json", json.dumps({"data": files}).encode()),
            user=manager,
        )
        return imported(one, manager)

    found: dict[str, Any] = {"music": [], "cover_songs": []}
    base: dict[str, Any] = {"state": -1, "results": None}
    results({"id": "1", "name": "here.mp3", **base})
    one = results(
        {"id": "1", "name": "here.mp3", "state": 1, "results": found},
        {"id": "2", "name": "new.mp3", **base},
        {"id": "3", "name": "decided.mp3", **base},
    )
    decided = ScannedFile.objects.get(remote_id="3")
    make_match(
        scan=decided.scans.get(), state="confirmed", match={"decided_by": manager}
    )

    before, after = undone(one, manager)

    assert before["stays"] == after["stays"]
    whys = {row["name"]: row["why"] for row in after["stays"]}
    assert any("scans are never removed" in why for why in whys.values())
    assert "People decided 1" in whys["decided.mp3"]
    present = ScannedFile.objects.present().values_list("remote_id", flat=True)
    assert set(present) == {"1", "3"}
    assert Match.objects.count() == 1


def test_an_undo_that_was_killed_goes_on_and_a_repeated_one_does_nothing(
    manager: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = SHARES + "".join(
        f"{name},{name} title,,Otto Neu,performing,60\n" for name in ("W2", "W3")
    )
    one = rights(text, manager)
    steps = ImportStep.objects.filter(import_uid=one.uid).count()
    mark = walk._mark
    marked: list[ImportStep] = []

    def killed(step: ImportStep, why: str) -> None:
        if len(marked) == 2:
            raise SystemExit
        marked.append(step)
        mark(step, why)

    monkeypatch.setattr(walk, "_mark", killed)
    with pytest.raises(SystemExit):
        walk.undo_import(one.uid, user=manager, dry=False)
    monkeypatch.undo()
    open_steps = ImportStep.objects.filter(import_uid=one.uid, state=StepState.DONE)
    assert open_steps.count() == steps - 2

    summary = walk.undo_import(one.uid, user=manager, dry=False)

    assert (summary.steps, summary.kept) == (steps - 2, 0)
    assert not Work.objects.exists()
    assert not Party.objects.exists()
    assert walk.undo_import(one.uid, user=manager, dry=False).steps == 0
    assert not services.check_undo(one=one, user=manager)


def test_the_page_checks_first_asks_and_names_what_stays(
    signed_in: MakeClient, manager: User
) -> None:
    one = rights(SHARES, manager)
    rights(SHARES, manager, sender="Another")
    client = signed_in(Role.MANAGER)
    page = reverse("portal:rights_import_detail", args=[one.uid])
    undo = reverse("portal:rights_import_undo", args=[one.uid])
    assert "Undo this import…" in client.get(page).content.decode()
    for role in (Role.VIEWER, Role.REVIEWER):
        assert signed_in(role).post(undo, {"verb": "check"}).status_code == 403
    # Nothing is undone before its check.
    client.post(undo, {"verb": "undo"})
    assert Share.objects.filter(claimant="Example").exists()

    client.post(undo, {"verb": "check"})
    work_off()
    checked = client.get(page).content.decode()
    assert "It changed since." in checked
    client.post(undo, {"verb": "keep"})
    one.refresh_from_db()
    assert one.status == ImportStatus.DONE

    # A cancelled undo can go on.
    client.post(undo, {"verb": "check"})
    work_off()
    client.post(undo, {"verb": "undo"})
    assert services.cancel(one=one, user=manager)
    one.refresh_from_db()
    assert one.status == ImportStatus.UNDO_CHECKED
    client.post(undo, {"verb": "undo"})
    work_off()
    shown = client.get(page).content.decode()
    assert "What was undone" in shown
    assert "Undo this import…" not in shown
    assert not Share.objects.filter(claimant="Example").exists()
    one.refresh_from_db()
    assert one.status == ImportStatus.UNDONE
    assert not Job.objects.filter(kind=RIGHTS.undo.name, state="running").exists()


def test_imports_of_the_command_line_are_undone_there(
    manager: User, tmp_path: Path
) -> None:
    path = tmp_path / "w.csv"
    path.write_text(SHARES)
    said = StringIO()
    call_command("import_rights", str(path), "--sender", "Example", stdout=said)
    uid = said.getvalue().split("undo_import ")[1].split()[0]
    assert Work.objects.exists()

    call_command("undo_import", uid, username=manager.username, dry_run=True)
    assert Work.objects.exists()
    done = StringIO()
    call_command("undo_import", uid, username=manager.username, stdout=done)

    assert "0 kept" in done.getvalue()
    assert not Work.objects.exists()
    with pytest.raises(CommandError, match="No import"):
        call_command("undo_import", "wi_nothing", username=manager.username)
