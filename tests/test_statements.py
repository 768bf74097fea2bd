"""Which tests PostgreSQL repeats: every statement once more, in little time."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from io import StringIO
from pathlib import Path

import pytest
from django.db import IntegrityError, connection, transaction
from django.db.backends.utils import CursorWrapper

from tests.statements import Made, Recorder, choose, kinds_of, modules_to_repeat


def ask(sql: str, *values: int) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql, values)


def made(test: str, seconds: float, statements: str) -> Made:
    return Made(test, seconds, frozenset(statements))


def test_every_statement_is_made_once_more_in_little_time() -> None:
    tests = [
        made("slow", 3.0, "abcdefgh"),
        made("quick", 0.1, "abcdef"),
        made("alike", 0.1, "abc"),
        made("other", 0.1, "gh"),
        made("nothing", 0.01, ""),
    ]

    assert choose(tests) == {"quick", "other"}


def test_a_statement_that_takes_long_is_left_to_sqlite() -> None:
    assert choose([made("sweep", 20.0, "abc")]) == set()


def test_statements_are_recorded_without_their_numbers(
    db: None, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    # Afterwards, cursors send as before.
    monkeypatch.setattr(CursorWrapper, "execute", CursorWrapper.execute)
    file = StringIO()
    recorder = Recorder(file)
    recorder.watch("execute")

    def record(act: Callable[[], None]) -> set[str]:
        recorder.pytest_runtest_setup()
        act()
        call = recorder.pytest_runtest_call(request.node)
        next(call)
        with suppress(StopIteration):
            next(call)
        test, _seconds, lines = json.loads(file.getvalue().splitlines()[-1])
        assert test == request.node.nodeid
        return set(lines)

    two = record(lambda: ask("SELECT abs(1) WHERE 1 IN (%s, %s)", 1, 2))
    three = record(lambda: ask("SELECT abs(2) WHERE 7 IN (%s, %s, %s)", 1, 2, 3))

    def fail() -> None:
        with suppress(IntegrityError), transaction.atomic():
            ask("INSERT INTO django_content_type (id) VALUES (1)")

    assert two == three
    assert len(two) == 1
    # The statement, and that it failed.
    assert len(record(fail)) == 2


def test_a_plain_statement_is_as_good_as_its_parts() -> None:
    both = kinds_of(
        'SELECT "a"."id", "a"."x" FROM "a" WHERE ("a"."x" = %s AND "a"."y" > %s)'
        ' ORDER BY "a"."y" ASC'
    )
    first = kinds_of('SELECT "a"."id" FROM "a" WHERE "a"."x" = %s LIMIT 21')
    second = kinds_of('SELECT "a"."id" FROM "a" WHERE "a"."y" > %s ORDER BY "a"."y" ASC')

    assert both == first | second
    assert len(both) == 4


@pytest.mark.parametrize(
    "suffix",
    [
        'GROUP BY "a"."x"',
        'AND UPPER("a"."x") = %s',
        'AND "a"."x" IN (SELECT "b"."id" FROM "b")',
        "LIMIT 1 FOR UPDATE",
        """AND "a"."x" LIKE %s ESCAPE '/'""",
    ],
)
def test_what_databases_do_in_their_own_way_counts_as_a_whole(suffix: str) -> None:
    plain = 'SELECT "a"."id" FROM "a" WHERE "a"."x" = %s'

    special = kinds_of(f"{plain} {suffix}")

    assert len(special) == 1
    assert not special & kinds_of(plain)


def test_files_are_repeated_whose_tests_add_something_or_stand_in_no_record(tmp_path: Path) -> None:
    markers = {"a.py::adds": False, "b.py::adds_nothing": False, "c.py::waits": True}
    markers |= {"d.py::skipped": False}
    rows = [
        ["a.py::adds", 0.1, ["x", "y"]],
        ["b.py::adds_nothing", 0.1, ["x"]],
        ["c.py::waits", 0.1, []],
        ["e.py::slow", 0.1, ["x", "y", "z"]],
    ]
    (tmp_path / "gw0.json").write_text(json.dumps(markers))
    (tmp_path / "gw0.jsonl").write_text("\n".join(map(json.dumps, rows)))

    assert modules_to_repeat(tmp_path) == {"a.py", "c.py", "d.py"}
    assert modules_to_repeat(tmp_path / "nothing") == set()
