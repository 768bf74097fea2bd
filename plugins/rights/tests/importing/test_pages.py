"""The pages of an import of rights: who may open them, the check and the outcome."""

from __future__ import annotations

from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from base.accounts.roles import Role
from base.jobs.choices import Pool
from base.jobs.runner import run_next
from catalogue.owners.models import Work
from plugins.rights.importing.outcome import outcome_context
from plugins.rights.models import RightsImport
from plugins.rights.tests.importing.making import NAME, cwr
from tests.fixtures import MakeClient

FORM = "/rights/import/"


def test_a_message_is_checked_shown_and_imported(signed_in: MakeClient) -> None:
    client = signed_in(Role.MANAGER)
    content = b"".join(cwr(2)).replace(b"SONG NUMBER 2", b" " * 13)
    file = SimpleUploadedFile(NAME, content)
    assert "Supported formats" in client.get(FORM).content.decode()

    empty = client.post(FORM, {"encoding": "utf-8"}).content.decode()
    assert "This field is required" in empty
    assert not RightsImport.objects.exists()

    answer = client.post(FORM, {"file": file, "encoding": "utf-8"})

    import_ = RightsImport.objects.get()
    page = reverse("portal:rights_import_detail", args=[import_.uid])
    assert answer.headers["Location"] == page
    run_next(Pool.WORK)
    checked = client.get(page).content.decode()
    assert "SONG NUMBER 1" in checked
    assert "NWR title" in checked
    assert "EXAMPLE MUSIC" in checked
    assert "Import the records without faults" in checked
    assert "IPI name number: <bdi>" in checked
    assert "Duration: <bdi>3:12</bdi>" in checked
    assert "ipi_name" not in checked
    assert not Work.objects.exists()

    client.post(reverse("portal:rights_import_start", args=[import_.uid]))
    run_next(Pool.WORK)

    assert Work.objects.get().title == "SONG NUMBER 1"
    assert "Imported" in client.get(page).content.decode()
    assert NAME in client.get(FORM).content.decode()


def test_what_changed_is_named_in_words() -> None:
    shares = {"share": "Ada: PR 25 %", "share_withdrawn": "Ada: PR 50 %"}
    changes = [
        {"kind": "work", "after": shares},
        {"kind": "release", "after": {"released": "2026-03-01"}},
    ]

    fields = outcome_context(RightsImport(summary={"changes": changes}))

    assert [change["values"] for change in fields["changes"]] == [
        [("Shares", "Ada: PR 25 %"), ("Shares that ended", "Ada: PR 50 %")],
        [("Released", "1 Mar 2026")],
    ]


def test_only_who_edits_the_catalogue_imports_rights(signed_in: MakeClient) -> None:
    reviewer = signed_in(Role.REVIEWER)

    assert reviewer.get(FORM).status_code == 403
    assert reviewer.post(FORM, {}).status_code == 403
    assert signed_in(Role.MANAGER).put(FORM).status_code == 405
