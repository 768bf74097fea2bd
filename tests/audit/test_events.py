"""Events are append-only, numbered per case, and chained by hash."""

from __future__ import annotations

import pytest
from django.db import connection

from accounts.models import User
from audit.models import AppendOnlyError, Event
from audit.services import first_broken_event, record

CASE = "match:m_TEST"


def test_events_of_a_case_are_numbered_and_chained(admin: User) -> None:
    first = record(case=CASE, action="found", after={"state": "pending"})
    second = record(case=CASE, action="confirmed", actor=admin, note="Ours. ✓")

    assert (first.sequence, second.sequence) == (1, 2)
    assert second.previous_hash == first.hash
    assert second.actor_name == admin.username
    assert first_broken_event(case=CASE) is None


def test_cases_are_numbered_apart(db: None) -> None:
    record(case=CASE, action="found")

    assert record(case="match:other", action="found").sequence == 1


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE audit_event SET note = 'x' WHERE sequence = 2",
        "UPDATE audit_event SET actor_name = 'x' WHERE sequence = 1",
        "DELETE FROM audit_event WHERE sequence = 2",
        "UPDATE audit_event SET sequence = 9 WHERE sequence = 3",
    ],
)
def test_change_behind_our_back_is_found(db: None, change: str) -> None:
    for action in ("found", "opened", "confirmed"):
        record(case=CASE, action=action)

    with connection.cursor() as cursor:
        cursor.execute(change)

    assert first_broken_event(case=CASE) is not None


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
