"""The portal with its index on ClickHouse: main job, rebuilds, index outages."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from io import StringIO
from typing import Any

import numpy as np
import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from pytest_django import Settings

from accounts.models import User
from accounts.roles import Role
from catalogue import index_store, rebuilding
from catalogue.rebuilding import Rebuilt, rebuild_index
from common.outages import outage_of
from jobs import resources
from jobs.models import Job
from operations.backup import make_backup
from operations.doctor import examine
from recognition.errors import IndexUnavailable
from scanning.choices import ScanStatus
from scanning.models import Detection, Scan, ScannedFile
from scanning.services.intake import submit_upload
from tests import audio
from tests.conftest import Catalogue, MakeClient, Worker, upload
from tests.index.servers import ClickHouse, chdb_is_there, server_is_there

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def clickhouse_url(request: pytest.FixtureRequest) -> Iterator[str]:
    """Return the address of an empty database, on two servers if available."""
    if not (server_is_there() or chdb_is_there()):
        pytest.skip("needs clickhouse-server, or today's ClickHouse: make clickhouse")
    name = "two_shards" if server_is_there() else "chdb"
    servers: ClickHouse = request.getfixturevalue(name)
    with servers.database() as url:
        yield url


@pytest.fixture(params=["folder", "clickhouse"])
def either_index(request: pytest.FixtureRequest, settings: Settings) -> None:
    """Run with the index in a folder, then with ClickHouse."""
    if request.param == "clickhouse":
        settings.INDEX_URL = request.getfixturevalue("clickhouse_url")


def scan(catalogue: Catalogue, admin: User, run_worker: Worker) -> ScannedFile:
    """Scan a programme that contains both recordings."""
    sounds = [audio.tune(1, 12), audio.tune(7, 6), audio.tune(2, 12)]
    # A different file each time: an identical file would not be scanned again.
    sounds.append(np.zeros(1 + Scan.objects.count(), dtype=np.float32))
    file = submit_upload(
        container=catalogue.container,
        upload=upload("programme.wav", audio.wav_bytes(np.concatenate(sounds))),
        user=admin,
    ).scanned_file
    run_worker()
    file.refresh_from_db()
    return file


def found(file: ScannedFile) -> list[dict[str, Any]]:
    """Return the detections of a file's scan."""
    rows = Detection.objects.filter(scan__scanned_file=file).order_by("recording")
    return list(
        rows.values(
            "recording", "score", "segments__start_ms", "segments__reference_start_ms"
        )
    )


def test_the_main_job_finds_the_same(
    catalogue: Catalogue,
    admin: User,
    run_worker: Worker,
    settings: Settings,
    clickhouse_url: str,
) -> None:
    embedded = found(scan(catalogue, admin, run_worker))
    settings.INDEX_URL = clickhouse_url
    assert found(scan(catalogue, admin, run_worker)) == []

    call_command("rebuild_index", stdout=StringIO())
    distributed = found(scan(catalogue, admin, run_worker))

    assert {row["recording"] for row in embedded} == {
        catalogue.first.pk,
        catalogue.second.pk,
    }
    assert distributed == embedded
    call_command("check_index", "--compact", stdout=StringIO())
    index_store.remove_recording(catalogue.first)
    problems = [finding.problem for finding in examine() if finding.check == "index"]
    assert len(problems) == 1
    with pytest.raises(CommandError, match="rebuild_index"):
        call_command("check_index", stdout=StringIO(), stderr=StringIO())


class BrokenOff(Exception):
    """Stands for the end of the process."""


def test_a_rebuild_goes_on_where_it_was_broken_off(
    either_index: None, catalogue: Catalogue, monkeypatch: pytest.MonkeyPatch
) -> None:
    def end(_counts: Rebuilt) -> None:
        raise BrokenOff

    monkeypatch.setattr(rebuilding, "_BATCH", 1)
    index_store.index_recording(catalogue.first)
    index_store.index_recording(catalogue.second)
    with pytest.raises(BrokenOff):
        rebuild_index(end)
    held = index_store.open_index().recordings(catalogue.bucket.pk)
    assert held.tolist() == [catalogue.first.pk, catalogue.second.pk]

    counts = rebuild_index(lambda _counts: None, resume=True)

    assert (counts.kept, counts.indexed) == (1, 1)
    held = index_store.open_index().recordings(catalogue.bucket.pk)
    assert held.tolist() == [catalogue.first.pk, catalogue.second.pk]
    assert rebuild_index(lambda _counts: None).indexed == 2


def test_a_backup_leaves_the_index_to_clickhouse(
    settings: Settings,
    clickhouse_url: str,
    catalogue: Catalogue,
    data_dir: Any,  # Any: a path
) -> None:
    settings.INDEX_URL = clickhouse_url

    backup = make_backup(data_dir / "backups", lambda _line: None)

    assert not (backup.folder / "index").exists()


def test_scans_and_searches_wait_while_the_index_is_away(
    catalogue: Catalogue,
    admin: User,
    run_worker: Worker,
    settings: Settings,
    signed_in: MakeClient,
) -> None:
    settings.INDEX_URL = "clickhouse://u:p@127.0.0.1:9/portal"

    file = scan(catalogue, admin, run_worker)

    waiting = Scan.objects.get(scanned_file=file)
    assert waiting.status == ScanStatus.QUEUED
    assert Job.objects.get(kind="scan", subject=waiting.pk).attempts == 0
    client = signed_in(Role.ADMIN)
    assert client.get("/files/").status_code == 200
    assert client.get(f"/files/{file.uid}/").status_code == 200
    ready = Client().get("/readyz")
    assert (ready.status_code, ready.json()["database"]) == (503, "ok")
    assert "does not answer" in ready.json()["index"]
    told = outage_of(IndexUnavailable("The index does not answer."))
    assert told is not None
    assert (told.status, told.code) == (503, "index_away")
    problems = [one for one in examine() if one.check == "index"]
    assert [one.mend for one in problems] == [None]

    settings.INDEX_URL = ""
    Job.objects.update(run_after=datetime.now(tz=UTC) - timedelta(minutes=5))
    resources.unblock([resources.INDEX])
    run_worker()
    assert found(file)
