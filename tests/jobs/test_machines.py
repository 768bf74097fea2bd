"""Two machines with a data folder each: each does what its disk allows, nothing fails."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fixtures import CopyDatabase
from tests.jobs.machines import Machines, machines_with

# Each test starts several processes.
pytestmark = pytest.mark.slow


# Queues of duties exist with a broker alone; without one, test_duties.py has the same rules.
@pytest.fixture(
    params=[
        "rabbitmq",
        pytest.param("redis", marks=pytest.mark.soak),
        pytest.param("database", marks=pytest.mark.soak),
    ]
)
def machines(
    request: pytest.FixtureRequest, tmp_path: Path, copy_database: CopyDatabase
) -> Iterator[Machines]:
    with machines_with(request.param, tmp_path, copy_database(tmp_path)) as machines:
        yield machines


@pytest.mark.soak
def test_a_machine_does_what_its_disk_allows_and_the_rest_waits_with_its_reason(
    machines: Machines,
) -> None:
    machines.do("desk", "tests.jobs.machine.prepare")
    code, output = machines.manage("with-key", "create_signing_key")
    assert code == 0, output
    machines.start("with-key")
    machines.wait_for_statement("with-key")
    machines.end("with-key")
    long_ago = "UPDATE jobs_machine SET seen_at = datetime(seen_at, '-10 minutes')"
    machines.rows(long_ago)

    machines.start("without")
    machines.wait_for_statement("without")
    machines.do("desk", "tests.jobs.machine.ask_for_pack_and_report")
    # What the machine can do, it does meanwhile.
    report = "SELECT state FROM reports_reportrun"
    machines.wait_for(lambda: machines.rows(report) == [("ready",)])
    packs = "SELECT status, message, key_id FROM reports_evidencepack"
    ((status, message, _key),) = machines.rows(packs)
    jobs = "SELECT state, attempts, blocked_by FROM jobs_job WHERE kind = 'evidence'"

    assert (status, machines.rows(jobs)) == ("queued", [("waiting", 0, "signing_key")])
    assert message.startswith("No worker that has the signing key was seen lately")
    code, output = machines.manage("without", "doctor")
    assert code == 1
    assert "1 job waiting for a worker that has the signing key" in output
    code, output = machines.manage("without", "create_signing_key")
    assert code == 1
    assert "a second key would make packs of two signers" in output
    assert not (machines.data("without") / "signing_key.pem").exists()

    machines.start("with-key")
    machines.wait_for(lambda: machines.rows(packs)[0][0] == "ready")

    assert machines.rows("SELECT * FROM jobs_job WHERE state = 'failed'") == []
    assert machines.rows(packs)[0][1] == ""
    # A worker says what goes wrong, and nothing of Celery's own work.
    for name in ("with-key", "without"):
        assert '"logger": "celery' not in machines.log(name)
        assert "[queues]" not in machines.log(name)
