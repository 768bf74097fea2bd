"""Status files: rows are marked, refused ones free their entries, and undo puts back."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from base.accounts.roles import Role
from base.audit.standing import standing_on
from base.jobs.choices import Pool
from base.jobs.runner import run_next
from plugins.claims.choices import FileKind
from plugins.claims.files import mark_sent
from plugins.claims.models import AnswersImport, ClaimFile
from plugins.claims.statement import CLAIM_FILE
from plugins.claims.tests.making import report, run_import
from plugins.claims.tests.test_files import make
from plugins.claims.tests.test_lists import claim, compare, heard
from tests.factories.accounts import make_user
from tests.fixtures import MakeClient

pytestmark = pytest.mark.django_db
STATUS = "Row number,Status,Asset ID\n{}"


@pytest.fixture
def sent() -> ClaimFile:
    """Return a file of three rows that was sent."""
    for number in range(1, 4):
        heard(number, "rejected")
    run_import(report([claim(number) for number in range(1, 4)]))
    compare()
    claim_file = make(FileKind.RELEASES, "not_heard")
    assert mark_sent(file=claim_file, user=make_user(Role.MANAGER))
    claim_file.refresh_from_db()
    return claim_file


def work() -> None:
    while run_next(Pool.WORK):
        pass


def upload(client: Any, claim_file: ClaimFile, text: str, first: str = "") -> AnswersImport:
    # Any: a test client
    file = SimpleUploadedFile("status.csv", text.encode())
    fields = {"file": file, "claim_file": claim_file.uid, "first_row": first}
    client.post(reverse("portal:claim_answers_import"), fields)
    work()
    return AnswersImport.objects.latest("pk")


def answered(claim_file: ClaimFile) -> list[str]:
    return list(claim_file.rows.order_by("number").values_list("answer", flat=True))


def test_a_status_file_marks_rows_and_frees_refused_ones(
    signed_in: MakeClient, sent: ClaimFile
) -> None:
    manager = signed_in(Role.MANAGER)
    text = STATUS.format("1,Successful,A1\n2,Errors,A2\n3,Successful,A3\n9,Errors,-\n")
    import_ = upload(manager, sent, text)
    assert (import_.status, import_.summary["errors"], import_.summary["refused"]) == (
        *("checked", 1, 1),
    )
    assert answered(sent) == ["", "", ""]

    start = reverse("portal:claim_answers_import_start", args=[import_.uid])
    manager.post(start)
    work()
    assert answered(sent) == ["successful", "errors", "successful"]
    sent.refresh_from_db()
    assert sent.state == "answered"
    rows = reverse("portal:claim_file_rows", args=[sent.uid])
    page = manager.get(f"{rows}?answer=errors").content.decode()
    assert page.count("data-row=") == 1
    listing = manager.get(reverse("portal:claim_files")).content.decode()
    assert reverse("portal:claim_answers_import") in listing

    details = "Row,Code,Severity,Message\n3,17,PERMANENT_ERROR,Too old\n4,2,WARNING,Odd\n"
    later = upload(manager, sent, details)
    manager.post(reverse("portal:claim_answers_import_start", args=[later.uid]))
    work()
    assert answered(sent) == ["successful", "errors", "warning"]
    refused = sent.rows.get(number=2)
    assert refused.answer_text == "17: Too old"

    undo = reverse("portal:claim_answers_import_undo", args=[import_.uid])
    for verb in ("check", "undo"):
        manager.post(undo, {"verb": verb})
        work()
    assert answered(sent) == ["successful", "errors", "warning"]
    again = make(FileKind.RELEASES, "not_heard")
    assert again.row_count == 1
    undo = reverse("portal:claim_answers_import_undo", args=[later.uid])
    for verb in ("check", "undo"):
        manager.post(undo, {"verb": verb})
        work()
    assert answered(sent) == ["successful", "errors", "warning"]
    again.delete()


def test_unclear_row_numbers_wait_and_undone_answers_leave_the_file_as_it_was(
    signed_in: MakeClient, sent: ClaimFile
) -> None:
    manager = signed_in(Role.MANAGER)
    text = STATUS.format("2,Errors,-\n")
    unclear = upload(manager, sent, text)
    assert "Row numbers" in unclear.message
    assert upload(manager, sent, text, "2").summary["errors"] == 1
    other_import_ = upload(manager, sent, "a,b\n1,2\n")
    assert (other_import_.status, "status file" in other_import_.message) == ("refused", True)

    import_ = upload(manager, sent, STATUS.format("2,Successful,-\n4,Errors,-\n"))
    manager.post(reverse("portal:claim_answers_import_start", args=[import_.uid]))
    work()
    assert answered(sent) == ["successful", "", "errors"]
    for verb in ("check", "undo"):
        undo = reverse("portal:claim_answers_import_undo", args=[import_.uid])
        manager.post(undo, {"verb": verb})
        work()
    sent.refresh_from_db()
    assert (answered(sent), sent.state) == (["", "", ""], "sent")


def test_an_answered_file_still_stands_on_the_recordings_in_its_rows(
    signed_in: MakeClient, sent: ClaimFile
) -> None:
    manager = signed_in(Role.MANAGER)
    row = sent.rows.select_related("discrepancy__match__recording").get(number=1)
    assert row.discrepancy.match is not None
    case = f"recording:{row.discrepancy.match.recording.uid}"
    before = standing_on([case])
    import_ = upload(manager, sent, STATUS.format("1,Successful,A1\n"))

    manager.post(reverse("portal:claim_answers_import_start", args=[import_.uid]))
    work()

    sent.refresh_from_db()
    assert sent.state == "answered"
    assert CLAIM_FILE in {statement.kind for statement in before[case]}
    assert standing_on([case]) == before
