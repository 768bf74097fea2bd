"""Which tests PostgreSQL repeats: every statement once more, in little time."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from tests.statements import Made, choose, read

_TESTS = """
import pytest
from django.db import connection, IntegrityError, transaction

def ask(sql, *values):
    with connection.cursor() as cursor:
        cursor.execute(sql, values)

@pytest.fixture
def asked(db):
    ask("SELECT %s", 1)

def test_asks_twice(asked):
    ask("SELECT 1 WHERE 1 IN (%s, %s)", 1, 2)
    ask("SELECT 2 WHERE 7 IN (%s, %s, %s)", 1, 2, 3)

def test_asks_once(asked):
    pass

def test_meets_an_error(db):
    with pytest.raises(IntegrityError), transaction.atomic():
        ask("INSERT INTO django_content_type (id) VALUES (1)")

@pytest.mark.skip
def test_is_skipped(asked):
    pass
"""


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


def test_a_run_records_statements_without_their_numbers(tmp_path: Path) -> None:
    (tmp_path / "test_made.py").write_text(_TESTS)
    record = tmp_path / "record"

    run = subprocess.run(
        [
            *(
                sys.executable,
                "-m",
                "pytest",
                "-q",
                "-n",
                "0",
                "-p",
                "tests.statements",
            ),
            *("--statements", str(record), str(tmp_path / "test_made.py")),
            *("-p", "no:cacheprovider", "--rootdir", str(tmp_path)),
            *("-c", str(Path.cwd() / "pyproject.toml")),
        ],
        capture_output=True,
        text=True,
        check=False,
    )

    assert run.returncode == 0, run.stdout
    found = {each.test.rpartition("::")[2]: each.statements for each in read(record)}
    assert found.keys() == {"test_asks_twice", "test_asks_once", "test_meets_an_error"}
    assert len(found["test_asks_once"]) == 1
    assert len(found["test_asks_twice"]) == 2
    assert found["test_asks_once"] < found["test_asks_twice"]
    # The statement, and that it failed.
    assert len(found["test_meets_an_error"]) == 2
    for path in record.glob("*.jsonl"):
        assert all(json.loads(line) for line in path.read_text().splitlines())
