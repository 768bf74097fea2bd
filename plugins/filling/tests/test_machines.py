"""Two machines with a data folder each: one of them reads all lists."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.fixtures import CopyDatabase
from tests.jobs.machines import machines_with


# The rules of duties: tests/jobs/test_duties.py; a broker's queues: tests/jobs/test_machines.py.
@pytest.mark.soak
def test_lists_are_read_on_one_machine_which_can_search_in_them(
    tmp_path: Path, copy_database: CopyDatabase
) -> None:
    with machines_with("rabbitmq", tmp_path, copy_database(tmp_path)) as machines:
        machines.do("desk", "tests.jobs.machine.prepare")
        for name in ("first", "second"):
            machines.start(name)
            machines.wait_for_statement(name)
        machines.do("desk", "plugins.filling.tests.machine.send_lists")
        read = "SELECT COUNT(*) FROM enrichment_enrichmentsource WHERE state = 'ready'"
        machines.wait_for(lambda: machines.rows(read) == [(2,)])
        searches = "SELECT state FROM jobs_job WHERE kind = 'enrichment_match'"
        machines.wait_for(lambda: {state for (state,) in machines.rows(searches)} == {"done"})

        assert machines.rows("SELECT * FROM jobs_job WHERE state = 'failed'") == []
        indexes = [
            len(list(machines.data(name).glob("enrichment/*.sqlite3")))
            for name in ("first", "second")
        ]
        assert sorted(indexes) == [0, 2]
