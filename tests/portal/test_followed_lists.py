"""Programs follow lists by a cursor: each change once, and only what its owner may see."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event as Flag

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from drf_spectacular.generators import SchemaGenerator
from jsonschema import Draft202012Validator
from pytest_django import Settings

from base.accounts.models import User
from base.accounts.roles import Role
from catalogue.models import Bucket, Recording
from review.models import Policy
from review.services import policies
from scanning.models import ScannedFile
from tests.factories import deciding
from tests.factories.accounts import make_limited, make_user
from tests.factories.catalogue import RecordingFactory
from tests.factories.review import make_match
from tests.factories.rules import make_policy
from tests.factories.statements import register_plain
from tests.portal.followed_lists import LISTS, Json, Program, confirmed
from tests.threads import shared_database, using_database


def some_policies(count: int, user: User) -> list[Policy]:
    return [make_policy(user=user, sets={"labels": [str(n)]}) for n in range(count)]


@pytest.fixture
def mira(db: None) -> User:
    return make_user(Role.MANAGER, username="mira")


def keys_of(rows: Iterator[Json] | list[Json], key: str = "uid") -> list[str]:
    return [row[key] for row in rows]


@pytest.mark.parametrize("name", [name for name in LISTS if name != "statements"])
def test_a_program_gets_each_change_once_in_few_queries(name: str, mira: User) -> None:
    followed = LISTS[name]
    row, *_models = [followed.make(RecordingFactory.create(), mira) for _ in range(3)]
    program = Program(mira, name)

    first = keys_of(program.news(limit=2), followed.key)
    assert len(first) == len(set(first)) >= 3
    assert not list(program.news())

    followed.change(row, mira)

    (changed,) = program.news()
    # What was decided stays as it is; undoing it is another decision.
    assert (changed[followed.key] in first) == (name != "decisions")
    assert not list(program.news())
    queries = []
    for limit in (1, 3):
        with CaptureQueriesContext(
            connection,
        ) as captured:
            program.part(limit=limit)
        queries.append(len(captured))
    assert queries[0] == queries[1]


@pytest.mark.parametrize("name", LISTS)
def test_a_program_follows_only_what_its_owner_may_see(
    name: str, mira: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    register_plain(monkeypatch)
    followed = LISTS[name]
    program = Program(mira, name)
    own = RecordingFactory.create()
    limited = make_limited(Role.MANAGER, buckets=[own.bucket_id])
    followed.make(own, limited if followed.is_own else mira)
    own_keys = keys_of(program.news(), followed.key)
    followed.make(RecordingFactory.create(), mira)
    hidden_keys = keys_of(program.news(), followed.key)

    assert own_keys
    assert hidden_keys
    assert keys_of(Program(limited, name).news(), followed.key) == own_keys


def test_each_row_is_as_the_description_says(mira: User, monkeypatch: pytest.MonkeyPatch) -> None:
    register_plain(monkeypatch)
    for followed_list in LISTS.values():
        followed_list.change(followed_list.make(RecordingFactory.create(), mira), mira)
    described = SchemaGenerator().get_schema(request=None, public=True)  # type: ignore[no-untyped-call]  # not typed
    followed = {
        path
        for path, methods in described["paths"].items()
        for parameter in methods.get("get", {}).get("parameters", ())
        if parameter["name"] == "changed_since"
    }
    assert followed == {f"/api/portal/v1/{name}/" for name in LISTS}
    for name in LISTS:
        part = Program(mira, name).part()
        call = described["paths"][f"/api/portal/v1/{name}/"]["get"]
        answer = call["responses"]["200"]["content"]["application/json"]["schema"]
        validator = Draft202012Validator(answer | {"components": described["components"]})
        assert part["items"]
        assert not [error.message for error in validator.iter_errors(part)], name


@pytest.mark.django_db
def test_a_decision_says_who_made_which_state_of_which(mira: User) -> None:
    match = confirmed(RecordingFactory.create(), mira)
    deciding.undo(match=match, user=mira)
    make_match()

    first, second = Program(mira, "decisions").news()

    assert (first["match"], first["by"], first["action"]) == (match.uid, "mira", "confirm")
    assert (first["state_before"], first["state"]) == ("pending", "confirmed")
    assert (second["action"], second["state"]) == ("undo", "pending")


def test_what_was_deleted_leaves_the_lists(mira: User) -> None:
    of_files, of_buckets = ("matches", "decisions", "disputes"), ("recordings", "exclusions")
    for name in (*of_files, *of_buckets):
        LISTS[name].make(RecordingFactory.create(), mira)

    ScannedFile.objects.update(deleted_at=datetime.now(tz=UTC))
    assert [keys_of(Program(mira, name).news()) for name in of_files] == [[], [], []]
    assert all(keys_of(Program(mira, name).news()) for name in of_buckets)
    Bucket.objects.update(deleted_at=datetime.now(tz=UTC))
    assert [keys_of(Program(mira, name).news()) for name in of_buckets] == [[], []]


def test_a_moved_policy_changes_those_that_changed_places(mira: User) -> None:
    first, _second, third = some_policies(3, mira)
    program = Program(mira, "policies")
    list(program.news())

    policies.move(policy=third, user=mira, up=True)

    moved = keys_of(program.news())
    assert (len(moved), first.uid in moved) == (2, False)


def test_what_settles_waits_and_is_not_lost(mira: User, settings: Settings) -> None:
    recording = RecordingFactory.create()
    program = Program(mira, "recordings")
    settings.ACRPORTAL_SETTLING_SECONDS = 3600
    assert keys_of(program.news()) == []

    old = RecordingFactory.create()
    hour_ago = datetime.now(tz=UTC) - timedelta(hours=2)
    Recording.objects.filter(pk=old.pk).update(updated_at=hour_ago)

    assert keys_of(program.news()) == [old.uid]
    settings.ACRPORTAL_SETTLING_SECONDS = 0
    assert keys_of(program.news()) == [recording.uid]
    since = program.part(changed_since=(hour_ago + timedelta(hours=1)).isoformat())
    assert keys_of(since["items"]) == [recording.uid]


def test_a_place_that_no_list_returned_is_refused(mira: User) -> None:
    client = Program(mira, "matches").client
    for place in ("1", "x-1", "9" * 18 + "-1", "1-" + "9" * 19):
        assert client.get("/api/portal/v1/matches/", {"after": place}).status_code == 422


@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has one writer")
@pytest.mark.each_database
@pytest.mark.django_db(transaction=True)
def test_a_program_waits_for_a_change_that_is_still_being_written(tmp_path: Path) -> None:
    """Another change, made later, is written before it."""
    mira = make_user(Role.MANAGER)
    early, late = some_policies(2, mira)
    program = Program(mira, "policies")
    list(program.news())
    database = shared_database(tmp_path)
    is_set, may_end = Flag(), Flag()

    def write_slowly() -> None:
        with using_database(database), transaction.atomic():
            Policy.objects.filter(pk=early.pk).update(due_days=1)
            is_set.set()
            assert may_end.wait(timeout=30)

    with ThreadPoolExecutor(1) as pool:
        written = pool.submit(write_slowly)
        assert is_set.wait(timeout=30)
        Policy.objects.filter(pk=late.pk).update(due_days=1)
        seen = keys_of(program.news())
        may_end.set()
        written.result()
    seen += keys_of(program.news())

    assert seen == [early.uid, late.uid]
