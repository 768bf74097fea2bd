"""Licences go out as a sheet and come back from it, unchanged, changed and undone."""

from __future__ import annotations

import csv
import io
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from base.accounts.models import User
from base.accounts.tokens import create_token
from base.jobs.choices import Pool
from base.jobs.runner import run_next
from review.choices import EditedUses, LicenceScope, MatchState, OnExpiry, UseKind
from review.models import Licence, Match
from review.services import licences
from tests.factories.catalogue import BucketFactory, RecordingFactory
from tests.factories.review import make_match
from tests.factories.rules import make_licence

pytestmark = pytest.mark.django_db

API = "/api/portal/v1/imports/licences/"
Json = dict[str, Any]  # Any: JSON


@pytest.fixture
def program(manager: User) -> Client:
    secret = create_token(owner=manager, name="t", scopes=["decide", "read"]).secret
    return Client(headers={"authorization": f"Bearer {secret}"})


def work_off() -> None:
    while run_next(Pool.WORK) is not None:
        pass


def sheet(client: Client, form: str = "csv") -> bytes:
    return client.get(reverse(f"portal:licence_sheet_{form}")).content


def lines_of(content: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"))))


def as_table(lines: list[dict[str, str]]) -> bytes:
    text = io.StringIO()
    writer = csv.DictWriter(text, list(lines[0]))
    writer.writeheader()
    writer.writerows(lines)
    return text.getvalue().encode()


def step(program: Client, uid: str, name: str, **body: str) -> Json:
    if name:
        answer = program.post(f"{API}{uid}/{name}/", body, content_type="application/json")
        assert answer.status_code == 202, answer.content
        work_off()
    import_: Json = program.get(f"{API}{uid}/").json()
    return import_


def checked(program: Client, content: bytes, name: str = "sheet.csv") -> Json:
    answer = program.post(API, {"file": SimpleUploadedFile(name, content)})
    assert answer.status_code == 202, answer.content
    work_off()
    return step(program, answer.json()["uid"], "")


def counts(import_: Json) -> tuple[int, ...]:
    names = ("rows", "added", "updated", "unchanged", "refused")
    return tuple(import_["summary"][name] for name in names)


def make_some(manager: User) -> list[Licence]:
    recordings = [RecordingFactory.create(), RecordingFactory.create()]
    return [
        make_licence(
            user=manager,
            recordings=recordings,
            holder=" =HYPERLINK(1) | Ltd",
            territories=["GB", "IE"],
            valid_from=date(2026, 1, 1),
            valid_until=date(2027, 12, 31),
            max_seconds=30,
            edited_uses=EditedUses.WITHIN,
            max_speed_pct=Decimal("5"),
            on_expiry=OnExpiry.KEEP,
            note="First line\r\n  second | line\\",
        ),
        make_licence(user=manager, buckets=[BucketFactory.create()], in_force=False),
        make_licence(
            user=manager,
            scope=LicenceScope.LABEL,
            labels=["Näive|Records", "-1"],
            use_kind=UseKind.PROGRAMME,
            use_values=["Pier Stories", "'quoted'"],
        ),
    ]


@pytest.mark.parametrize("form", ["csv", "xlsx"])
def test_a_sheet_that_nobody_changed_changes_nothing(
    form: str, manager: User, program: Client
) -> None:
    made = make_some(manager)
    licences.withdraw(licence=made[1], user=manager, reason="Over.")
    browser = Client()
    browser.force_login(manager)
    stored = list(Licence.objects.order_by("pk").values())

    import_ = checked(program, sheet(browser, form), f"licences.{form}")
    import_ = step(program, import_["uid"], "start")

    assert counts(import_) == (3, 0, 0, 3, 0), import_
    assert list(Licence.objects.order_by("pk").values()) == stored


def test_a_sheet_adds_changes_and_refuses_as_its_check_said_and_goes_back(
    manager: User, program: Client
) -> None:
    match = make_match()
    covering = make_licence(user=manager, recordings=[match.recording])
    licences.apply(licence=covering, user=manager, reach=licences.Reach.ALL)
    browser = Client()
    browser.force_login(manager)
    (line,) = lines_of(sheet(browser))
    added = line | {"number": "", "holder": "New", "territories": "Germany|FR"}
    faulty = line | {"max_seconds": "many", "recordings": "r_none", "valid_until": "soon"}
    # Only another account's uses are left.
    line |= {"use_kind": "account", "use_values": "@other", "max_speed_pct": "7"}
    line |= {"edited_uses": "within"}
    content = as_table([line, added, added, faulty])

    checked_import = checked(program, content)
    assert Licence.objects.filter(built_in=False).count() == 1
    started = step(program, checked_import["uid"], "start")

    assert counts(checked_import) == counts(started) == (4, 1, 1, 1, 1), started
    assert checked_import["summary"]["reopened"] == started["summary"]["reopened"] == 1
    assert {fault["column"] for fault in started["summary"]["faults"]} == {
        *("max_seconds", "recordings", "valid_until"),
    }
    covering.refresh_from_db()
    new = Licence.objects.get(holder="New")
    assert (covering.use_values, covering.max_speed_pct) == (["@other"], Decimal("7.00"))
    assert (new.active, new.territories, list(new.recordings.all())) == (
        False,
        ["DE", "FR"],
        [match.recording],
    )
    assert Match.objects.get(pk=match.pk).state == MatchState.PENDING
    assert counts(step(program, checked(program, content)["uid"], "start")) == (4, 0, 0, 3, 1)

    step(program, checked_import["uid"], "undo", verb="check")
    step(program, checked_import["uid"], "undo", verb="undo")

    covering.refresh_from_db()
    new.refresh_from_db()
    assert (covering.use_kind, covering.use_values, covering.max_speed_pct) == ("any", [], None)
    assert new.withdrawn_at is not None


def test_what_somebody_changed_since_stays(manager: User, program: Client) -> None:
    licence = make_licence(user=manager, buckets=[BucketFactory.create()])
    content = as_table([{"number": licence.number, "holder": "Sheet", "max_seconds": "30"}])
    import_ = step(program, checked(program, content)["uid"], "start")
    licence.refresh_from_db()
    licence.holder = "Mine"
    licences.save(licence=licence, user=manager, buckets=licence.buckets.all())

    step(program, import_["uid"], "undo", verb="check")
    step(program, import_["uid"], "undo", verb="undo")

    licence.refresh_from_db()
    assert (licence.holder, licence.max_seconds) == ("Mine", None)
