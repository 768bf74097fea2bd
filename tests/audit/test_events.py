"""Events are append-only, numbered per case, and chained by hash."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path

import pytest
import time_machine
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection, transaction

from base.accounts.models import User
from base.audit import triggers
from base.audit.anchors import first_false_anchor, make_due_anchors
from base.audit.labels import cases
from base.audit.models import Anchor, AppendOnlyError, Event
from base.audit.services import erase_actor, export_anchors, export_case, first_broken_event, record
from tests import product

CASE = "match:m_TEST"
NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)

# The kind in `case="match:…"`, and in what a model's property `case` returns.
_CASE = re.compile(r'''case=f?"([a-z_-]+):|def case\(.*\n(?: +""".*\n)? +return f"([a-z_-]+):''')

Tamper = Callable[[str], None]


@pytest.fixture
def tamper(db: None) -> Tamper:
    """Return a function that runs SQL as an attacker who removed the triggers."""
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            # Pending constraint checks of earlier writes would lock the tables.
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        for table in triggers.TABLES:
            if connection.vendor == "postgresql":
                cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
                continue
            cursor.execute(
                "SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name = %s", [table]
            )
            for (name,) in cursor.fetchall():
                cursor.execute(f"DROP TRIGGER {name}")

    def run(statement: str) -> None:
        with connection.cursor() as cursor:
            cursor.execute(statement)

    return run


@pytest.fixture
def closed(db: None) -> None:
    """Restore the triggers of an installation; other tests remove them for cleanup."""
    triggers.install(connection)


def test_events_of_a_case_are_numbered_and_chained(admin: User) -> None:
    first = record(case=CASE, action="found", after={"state": "pending"})
    second = record(case=CASE, action="confirmed", actor=admin, note="Ours. ✓")

    assert (first.sequence, second.sequence) == (1, 2)
    assert second.previous_hash == first.hash
    assert second.actor_name == admin.username
    assert first_broken_event(case=CASE) is None
    # Cases are numbered apart.
    assert record(case="match:other", action="found").sequence == 1


WIPED = "UPDATE audit_event SET actor_name = 'x', actor_salt = '' WHERE sequence = 1"
TAMPERINGS = [
    "UPDATE audit_event SET note = 'x' WHERE sequence = 2",
    "UPDATE audit_event SET actor_name = 'x' WHERE sequence = 1",
    "UPDATE audit_event SET actor_id = 1 WHERE sequence = 1",
    "DELETE FROM audit_event WHERE sequence = 2",
    "UPDATE audit_event SET sequence = 9 WHERE sequence = 3",
]


def test_change_behind_our_back_is_found(admin: User, tamper: Tamper) -> None:
    for action in ("found", "opened", "confirmed"):
        record(case=CASE, action=action)

    for change in (*TAMPERINGS, WIPED):
        with transaction.atomic():
            tamper(change.replace("= 1 WHERE", f"= {admin.pk} WHERE"))

            assert first_broken_event(case=CASE) is not None, change
            with pytest.raises(SystemExit) as ended:
                call_command("verify_audit", stdout=StringIO(), stderr=StringIO())
            assert ended.value.code == 1
            transaction.set_rollback(True)

    # Events that changed places are found.
    assert first_broken_event(case=CASE) is None
    tamper("UPDATE audit_event SET sequence = 9 WHERE sequence = 2")
    tamper("UPDATE audit_event SET sequence = 2 WHERE sequence = 3")
    tamper("UPDATE audit_event SET sequence = 3 WHERE sequence = 9")
    fault = first_broken_event(case=CASE)
    assert fault is not None
    assert fault.sequence == 2


def test_events_cannot_be_changed_or_deleted(db: None) -> None:
    event = record(case=CASE, action="found")

    with pytest.raises(AppendOnlyError):
        event.save()
    with pytest.raises(AppendOnlyError):
        event.delete()
    with pytest.raises(AppendOnlyError):
        Event.objects.update(note="x")
    with pytest.raises(AppendOnlyError):
        Event.objects.all().delete()


@pytest.mark.usefixtures("closed")
def test_the_database_refuses_too() -> None:
    with time_machine.travel(NOON, tick=False):
        for action in ("found", "opened", "confirmed"):
            record(case=CASE, action=action)
    make_due_anchors()

    for change in (*TAMPERINGS, "DELETE FROM audit_anchor"):
        with (
            pytest.raises(DatabaseError, match="append-only"),
            transaction.atomic(),
            connection.cursor() as cursor,
        ):
            cursor.execute(change)


@pytest.mark.skipif(connection.vendor != "sqlite", reason="others have no REPLACE")
@pytest.mark.usefixtures("closed")
def test_the_database_refuses_to_replace_events() -> None:
    for action in ("found", "opened"):
        record(case=CASE, action=action)
    names = [str(field.column) for field in Event._meta.concrete_fields]
    columns = ", ".join(f'"{name}"' for name in names)
    # The row gets either the other row's primary key or its place in the chain.
    for changed in ({"sequence": "sequence + 100"}, {"id": "id + 100"}):
        forged = changed | {"note": "'forged'"}
        values = ", ".join(forged.get(name, f'"{name}"') for name in names)
        for verb in ("REPLACE", "INSERT OR REPLACE"):
            with (
                pytest.raises(DatabaseError, match="append-only"),
                transaction.atomic(),
                connection.cursor() as cursor,
            ):
                cursor.execute(
                    f"{verb} INTO audit_event ({columns}) "  # noqa: S608 - our own names
                    f"SELECT {values} FROM audit_event WHERE sequence = 1"
                )

    assert not Event.objects.filter(note="forged").exists()
    assert first_broken_event(case=CASE) is None


def test_a_day_that_is_over_is_anchored_once(db: None) -> None:
    with time_machine.travel(NOON, tick=False):
        record(case=CASE, action="found")
        record(case="match:other", action="found")
    with time_machine.travel(NOON + timedelta(days=2), tick=False):
        record(case=CASE, action="confirmed")

    with time_machine.travel(NOON + timedelta(days=2, hours=3), tick=False):
        assert [anchor.events for anchor in make_due_anchors()] == [2]
    with time_machine.travel(NOON + timedelta(days=3, hours=2), tick=False):
        assert [anchor.chains for anchor in make_due_anchors()] == [1]
        assert make_due_anchors() == []

    first, second = Anchor.objects.order_by("day")
    assert second.previous_hash == first.hash
    assert first_false_anchor() is None
    assert [json.loads(line)["day"] for line in export_anchors(case=CASE)] == [
        "2026-05-04",
        "2026-05-06",
    ]


def test_an_anchor_shows_that_ends_cases_or_anchors_were_changed(tamper: Tamper) -> None:
    with time_machine.travel(NOON, tick=False):
        record(case=CASE, action="found")
        record(case=CASE, action="confirmed")
        record(case="match:other", action="found")
    make_due_anchors()

    for change, problem in (
        (
            "DELETE FROM audit_event WHERE \"case\" = 'match:other'",
            "2 in 1 chains instead of 3 in 2",
        ),
        (
            "DELETE FROM audit_event WHERE \"case\" = 'match:m_TEST' AND sequence = 2",
            "2 in 2 chains instead of 3 in 2",
        ),
        ("UPDATE audit_anchor SET digest = 'x'", "the anchor of 2026-05-04 was changed"),
    ):
        with transaction.atomic():
            tamper(change)
            fault = first_false_anchor()
            transaction.set_rollback(True)

        assert fault is not None
        assert fault.problem.endswith(problem)


def test_an_anchor_kept_elsewhere_tells_of_a_trail_written_anew(tamper: Tamper) -> None:
    with time_machine.travel(NOON, tick=False):
        record(case=CASE, action="found")
    (anchor,) = make_due_anchors()
    tamper("DELETE FROM audit_event")
    tamper("DELETE FROM audit_anchor")
    with time_machine.travel(NOON, tick=False):
        record(case=CASE, action="confirmed")
    make_due_anchors()
    output = StringIO()

    call_command("verify_audit", stdout=StringIO())
    with pytest.raises(SystemExit):
        call_command(
            "verify_audit", f"--anchor=2026-05-04={anchor.hash}", stdout=StringIO(), stderr=output
        )

    assert anchor.hash in output.getvalue()


def test_anchor_of_no_day_is_told(db: None) -> None:
    with pytest.raises(CommandError, match="--anchor 2026-13-01=abc"):
        call_command("verify_audit", "--anchor=2026-13-01=abc", stdout=StringIO())


@pytest.mark.usefixtures("closed")
def test_erasing_a_name_leaves_the_chain_whole(admin: User) -> None:
    record(case=CASE, action="found")
    record(case=CASE, action="confirmed", actor=admin)

    assert erase_actor(actor=admin, pseudonym="erased-7") == 1

    assert Event.objects.filter(case=CASE)[0].actor_name == "erased-7"
    assert admin.username not in "".join(export_case(case=CASE))
    assert first_broken_event(case=CASE) is None


def test_an_export_is_checked_without_the_database(tmp_path: Path, admin: User) -> None:
    record(case=CASE, action="found", after={"score": "87.5", "names": ["Ü", "\n"]})
    record(case=CASE, action="confirmed", actor=admin, note="Ours. ✓")
    exported = tmp_path / "audit.jsonl"
    exported.write_text("".join(export_case(case=CASE)), encoding="utf-8")
    output = StringIO()

    call_command("verify_audit", f"--file={exported}", stdout=output)
    exported.write_text(
        exported.read_text(encoding="utf-8").replace("Ours", "Not ours"), encoding="utf-8"
    )
    with pytest.raises(SystemExit):
        call_command("verify_audit", f"--file={exported}", stderr=output, stdout=output)

    assert "2 events in 1 chain" in output.getvalue()
    assert f"{CASE} #2: was changed" in output.getvalue()
    with pytest.raises(CommandError, match="cannot be checked: it is a folder; name a file"):
        call_command("verify_audit", f"--file={tmp_path}", stdout=output)


def test_the_command_exports_every_case(db: None) -> None:
    record(case=CASE, action="found")
    record(case="match:other", action="found")
    output = StringIO()

    call_command("export_audit", stdout=output)

    cases = [json.loads(line)["case"] for line in output.getvalue().splitlines()]
    assert cases == [CASE, "match:other"]


def test_every_kind_of_case_has_a_name_for_readers() -> None:
    texts = set[str]()
    for path in product.files(".py"):
        kinds = _CASE.findall(path.read_text(encoding="utf-8"))
        texts.update(first or second for first, second in kinds)

    assert {"match", "licence", "file"} <= texts
    assert texts <= set(cases())
