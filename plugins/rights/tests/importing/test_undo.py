"""Imports of rights are undone: what they replaced comes back."""

from __future__ import annotations

from io import StringIO
from pathlib import Path

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import CommandError, call_command
from django.urls import reverse

from base.accounts.models import User
from base.accounts.roles import Role
from base.audit.models import Event
from base.jobs.models import Job
from catalogue.owners.choices import ConflictState
from catalogue.owners.models import Conflict, Party, RightsRecording, Share, Statement, Work
from imports import services
from imports.models import Import, ImportStatus, ImportStep, StepState
from imports.undoing import steps
from plugins.rights.importing.kind import RIGHTS
from plugins.rights.tests.factories import claim, share, work
from tests.fixtures import MakeClient
from tests.imports.test_undo import counts, imported, undone, work_off

pytestmark = pytest.mark.django_db


HEAD = "work_id,work_title,iswc,party,right,share_pct\n"


SHARES = f"{HEAD}W1,Blue Lantern,T-900.000.001-1,Anna Muster,performing,50\n"


def rights(text: str, user: User, sender: str = "Example") -> Import:
    import_ = services.keep_upload(
        RIGHTS,
        file=SimpleUploadedFile("w.csv", text.encode()),
        sender=sender,
        encoding="utf-8",
        user=user,
    )
    return imported(import_, user)


def test_rights_give_way_to_what_they_replaced(manager: User) -> None:
    claim(sender="Example", works=[work(submitter_id="W1", shares=(share("W1", "40"),))])
    old = Share.objects.get()
    item = Work.objects.get()
    names = set(Party.objects.values_list("name", flat=True))
    sound = RightsRecording.objects.create(isrc="QZAA02600001", title="")
    text = (
        "work_id,work_title,party,right,share_pct,isrc,title\n"
        "W1,Blue Lantern,Otto Neu,performing,50,QZAA02600001,Lantern\n"
        "W2,Second,Otto Neu,performing,60,,\n"
    )
    import_ = rights(text, manager)
    sound.refresh_from_db()
    assert Share.objects.get(pk=old.pk).withdrawn_at is not None
    assert sound.title == "Lantern"
    assert Work.objects.count() == 2

    before, after = undone(import_, manager)

    assert counts(before) == counts(after)
    assert not after["stays"]
    assert Work.objects.get() == item
    assert set(Party.objects.values_list("name", flat=True)) == names
    assert Share.objects.get() == old
    old.refresh_from_db()
    sound.refresh_from_db()
    assert old.withdrawn_at is None
    assert sound.title == ""
    assert not item.recordings.exists()
    assert not Statement.objects.filter(source__contains=import_.uid).exists()
    assert not Conflict.objects.filter(state=ConflictState.OPEN).exists()
    assert Event.objects.filter(action="rights.import_undone").exists()

    again = rights(text, manager)
    assert again.summary["created"]["work"] == 1


def test_a_record_of_rights_that_others_use_stays_without_its_recording(manager: User) -> None:
    head = "work_id,work_title,iswc,party,right,share_pct,isrc\n"
    row = "W1,Blue Lantern,T-900.000.001-1,Anna Muster,performing,50,QZES71982312\n"
    import_ = rights(head + row, manager)
    rights(SHARES, manager, sender="Another")

    before, after = undone(import_, manager)

    # A recording that leaves a work that stays goes in the check, too.
    assert before["stays"] == after["stays"]
    assert {row["why"] for row in after["stays"]} == {
        "It changed since.",
        "It has shares that stay.",
    }
    (share,) = Share.objects.all()
    assert share.claimant == "Another"
    assert not RightsRecording.objects.exists()


def test_an_undo_that_was_killed_goes_on_and_a_repeated_one_does_nothing(
    manager: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = SHARES + "".join(
        f"{name},{name} title,,Otto Neu,performing,60\n" for name in ("W2", "W3")
    )
    import_ = rights(text, manager)
    step_count = ImportStep.objects.filter(import_uid=import_.uid).count()
    mark = steps._mark
    marked: list[ImportStep] = []

    def killed(step: ImportStep, why: str) -> None:
        if len(marked) == 2:
            raise SystemExit
        marked.append(step)
        mark(step, why)

    monkeypatch.setattr(steps, "_mark", killed)
    with pytest.raises(SystemExit):
        steps.undo_import(import_.uid, user=manager, dry=False)
    monkeypatch.undo()
    open_steps = ImportStep.objects.filter(import_uid=import_.uid, state=StepState.DONE)
    assert open_steps.count() == step_count - 2

    summary = steps.undo_import(import_.uid, user=manager, dry=False)

    assert (summary.steps, summary.kept) == (step_count - 2, 0)
    assert not Work.objects.exists()
    assert not Party.objects.exists()
    assert steps.undo_import(import_.uid, user=manager, dry=False).steps == 0
    assert not services.check_undo(import_=import_, user=manager)


def test_the_page_checks_first_asks_and_names_what_stays(
    signed_in: MakeClient, manager: User
) -> None:
    import_ = rights(SHARES, manager)
    rights(SHARES, manager, sender="Another")
    client = signed_in(Role.MANAGER)
    page = reverse("portal:rights_import_detail", args=[import_.uid])
    undo = reverse("portal:rights_import_undo", args=[import_.uid])
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
    import_.refresh_from_db()
    assert import_.status == ImportStatus.DONE

    # A cancelled undo can go on.
    client.post(undo, {"verb": "check"})
    work_off()
    client.post(undo, {"verb": "undo"})
    assert services.cancel(import_=import_, user=manager)
    import_.refresh_from_db()
    assert import_.status == ImportStatus.UNDO_CHECKED
    client.post(undo, {"verb": "undo"})
    work_off()
    text = client.get(page).content.decode()
    assert "What was undone" in text
    assert "Undo this import…" not in text
    assert not Share.objects.filter(claimant="Example").exists()
    import_.refresh_from_db()
    assert import_.status == ImportStatus.UNDONE
    assert not Job.objects.filter(kind=RIGHTS.undo.name, state="running").exists()


def test_imports_of_the_command_line_are_undone_there(manager: User, tmp_path: Path) -> None:
    path = tmp_path / "w.csv"
    path.write_text(SHARES)
    output = StringIO()
    call_command("import_rights", str(path), "--sender", "Example", stdout=output)
    uid = output.getvalue().split("undo_import ")[1].split()[0]
    assert Work.objects.exists()

    call_command("undo_import", uid, username=manager.username, dry_run=True)
    assert Work.objects.exists()
    done = StringIO()
    call_command("undo_import", uid, username=manager.username, stdout=done)

    assert "0 kept" in done.getvalue()
    assert not Work.objects.exists()
    with pytest.raises(CommandError, match="No import"):
        call_command("undo_import", "wi_nothing", username=manager.username)
