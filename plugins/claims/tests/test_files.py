"""Files for the platform: read back by another reader, split, and the same every time."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier
from typing import Any

import pyarrow
import pytest
from django.db import IntegrityError, transaction
from django.urls import reverse
from pyarrow import csv as arrow

from base.accounts.models import User
from base.accounts.roles import Role
from base.audit.models import Event
from base.common.territories import TERRITORIES
from catalogue.models import Recording
from catalogue.owners.choices import Right, ShareKind
from catalogue.owners.models import Party, RightsRecording, Share
from plugins.claims import files
from plugins.claims.choices import FileKind
from plugins.claims.errors import ClaimsRefused
from plugins.claims.files import FORMATS
from plugins.claims.models import ClaimFile, Discrepancy
from plugins.claims.tests.making import ASSET, CLAIM, report, run_import
from plugins.claims.tests.test_lists import claim, compare, heard, recording
from statements.models import Statement
from statements.selectors import acts_on
from tests.factories.accounts import make_user
from tests.factories.rules import make_licence
from tests.fixtures import MakeClient
from tests.threads import shared_database, using_database

pytestmark = pytest.mark.django_db


def revisions(kind: str) -> dict[str, int]:
    rows = Discrepancy.objects.filter(kind=kind, state="open")
    return dict(rows.values_list("uid", "revision"))


def read(claim_file: ClaimFile) -> list[dict[str, str]]:
    """Read a file with another program's reader than the one whose writer made it."""
    as_text = arrow.ConvertOptions(
        column_types=dict.fromkeys(FORMATS[FileKind(claim_file.kind)].columns, pyarrow.string()),
        strings_can_be_null=False,
    )
    table = arrow.read_csv(claim_file.file.open("rb"), convert_options=as_text)
    rows: list[dict[str, str]] = table.to_pylist()
    return rows


def make(kind: FileKind, of: str) -> ClaimFile:
    made, _files = files.make_files(
        revisions=revisions(of), kind=kind, user=make_user(Role.REVIEWER)
    )
    (claim_file,) = made
    return claim_file


def test_each_kind_of_file_says_what_its_entries_say() -> None:
    heard(1, "rejected")
    heard(2, "confirmed")
    licence = make_licence(scope="all", use_kind="external_id", use_values=["x3"])
    heard(3, "cleared", external_id="x3")
    recording(4, album='<Live>, "loud"', upc="0123")
    run_import(report([claim(1, reference_id="R1"), claim(3), claim(4)], CLAIM_))
    run_import(report([{"asset_id": "A4", "conflicting_owner": "Other"}], ASSET))
    compare()

    (release,) = read(make(FileKind.RELEASES, "not_heard"))
    assert (release["claim_id"], release["reason"]) == ("c1", "noise")
    assert "/m/" in release["match_url"]
    with pytest.raises(ClaimsRefused, match="another file"):
        make(FileKind.REFERENCES, "not_heard")
    (manual,) = read(make(FileKind.MANUAL_CLAIMS, "not_claimed"))
    assert (manual["start"], manual["end"]) == ("0:01:10", "0:01:30")
    assert (
        make(FileKind.ALLOW_LIST, "against_licence").file.read().decode() == (CLAIM["channel_id"])
    )
    assert licence.pk
    delivered = {row["isrc"]: row for row in read(make(FileKind.SOUND_RECORDINGS, "no_reference"))}
    assert delivered["GBAYE0000004"]["album"] == 'Live, "loud"'
    assert delivered["GBAYE0000004"]["upc"] == "0123"
    with pytest.raises(ClaimsRefused, match="lack what the file needs"):
        make(FileKind.ASSETS, "by_others")


def test_lists_for_people_are_guarded_and_youtubes_files_are_not() -> None:
    heard(1, "confirmed")
    Recording.objects.update(title="=HYPERLINK(A1)")
    run_import(report([claim(2)]))
    compare()

    (entry,) = read(make(FileKind.MANUAL_CLAIMS, "not_claimed"))
    delivered = files.write_rows(FileKind.SOUND_RECORDINGS, [{"song_title": "=HYPERLINK(A1)"}])

    assert entry["recording"].startswith("'=HYPERLINK(A1)")
    assert b",=HYPERLINK(A1)," in delivered


def test_ownership_and_reference_files_are_read_back() -> None:
    heard(1, "rejected")
    Share.objects.create(
        recording=RightsRecording.objects.create(recording=recording(2), title="-"),
        party=Party.objects.create(name="Our label", is_ours=True),
        right=Right.MASTER,
        kind=ShareKind.OWNERSHIP,
        percent=100,
        included=["FR", "DE"],
    )
    run_import(report([claim(1, reference_id="R1"), claim(2)], CLAIM_))
    run_import(report([{"asset_id": "A2", "conflicting_owner": "Other"}], ASSET))
    compare()

    (reference,) = read(make(FileKind.REFERENCES, "not_heard"))
    assert list(reference.values()) == ["R1", "deactivate", ""]
    (update,) = read(make(FileKind.ASSETS, "by_others"))
    fields = {name: value for name, value in update.items() if value}
    assert fields == {"asset_id": "A2", "asset_type": "SOUND_RECORDING", "ownership": "DE|FR"}


def test_files_are_split_freed_and_equal_again(
    signed_in: MakeClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(1, 4):
        heard(number, "rejected")
    run_import(report([claim(number) for number in range(1, 4)]))
    compare()
    monkeypatch.setattr(files, "MOST_ROWS", 2)
    manager = signed_in(Role.MANAGER)
    many = {
        "discrepancy": [f"{uid}:{number}" for uid, number in revisions("not_heard").items()],
        "verb": "releases",
    }

    manager.post(reverse("portal:claims_many"), many)
    first = list(ClaimFile.objects.order_by("pk"))
    assert [claim_file.row_count for claim_file in first] == [2, 1]
    for claim_file in first:
        manager.post(reverse("portal:claim_file_act", args=[claim_file.uid]), {"verb": "withdraw"})
    manager.post(reverse("portal:claims_many"), many)
    again = list(ClaimFile.objects.order_by("pk"))[2:]
    assert [claim_file.sha256 for claim_file in again] == [
        claim_file.sha256 for claim_file in first
    ]

    sent = reverse("portal:claim_file_act", args=[again[0].uid])
    manager.post(sent, {"verb": "sent"})
    again[0].refresh_from_db()
    assert (again[0].state, bool(again[0].sent_at)) == ("sent", True)
    assert Event.objects.filter(action="claims.file_sent").count() == 1
    run_import(report([claim(2)]))
    compare()
    page = manager.get(reverse("portal:claim_files")).content.decode()
    assert "1 / 2" in page
    download = manager.get(reverse("portal:claim_file", args=[again[0].uid]))
    assert b"".join(download).startswith(b"claim_id,video_id")
    statement = Statement.objects.get(subject=again[0].uid)
    acts = [event.action for event in acts_on(statement)]
    assert acts == ["claim_file.exported", "claims.file_sent", "claims.file_made"]
    assert "File for a platform downloaded" in manager.get(statement.page_url).content.decode()
    assert signed_in(Role.REVIEWER).post(sent, {"verb": "unsent"}).status_code == 403


def test_ownership_is_written_as_the_platform_does() -> None:
    assert files.ownership_of(TERRITORIES) == "WW"
    assert files.ownership_of(frozenset({"US", "CA"})) == "CA|US"
    assert files.ownership_of(frozenset()) == "0%WW"
    assert files.ownership_of(None) == ""


CLAIM_ = {**CLAIM, "reference_id": ""}


@pytest.mark.django_db(transaction=True)
@pytest.mark.each_database
def test_two_people_at_once_put_an_entry_into_one_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard(1, "rejected")
    run_import(report([claim(1, reference_id="R1")], CLAIM_))
    compare()
    fields, people = revisions("not_heard"), [make_user(Role.REVIEWER) for _ in range(2)]
    database, together = shared_database(tmp_path), Barrier(2)
    write = files._write

    def write_together(*args: Any, **options: Any) -> Any:  # Any: as written
        made = write(*args, **options)
        # Both have looked at the list and written their file by now.
        together.wait(timeout=30)
        return made

    monkeypatch.setattr(files, "_write", write_together)

    def make_one(user: User) -> str:
        with using_database(database):
            try:
                files.make_files(revisions=fields, kind=FileKind.RELEASES, user=user)
            except ClaimsRefused as refused:
                return refused.code
            return "made"

    with ThreadPoolExecutor(2) as pool:
        outcomes = sorted(pool.map(make_one, people))

    assert outcomes == ["made", "stale"]


def test_the_database_holds_an_entry_in_one_file_only() -> None:
    heard(1, "rejected")
    run_import(report([claim(1)]))
    compare()
    row = make(FileKind.RELEASES, "not_heard").rows.get()
    other_claim_file = ClaimFile.objects.create(kind=FileKind.RELEASES, row_count=1)

    with pytest.raises(IntegrityError), transaction.atomic():
        other_claim_file.rows.create(discrepancy=row.discrepancy, number=1)
    files.withdraw(file=row.file, user=make_user(Role.MANAGER))

    assert other_claim_file.rows.create(discrepancy=row.discrepancy, number=1).holds_entry
