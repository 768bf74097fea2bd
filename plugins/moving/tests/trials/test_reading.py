"""Files that programs send to the account alone, paired with those that come here."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pytest_httpserver import HTTPServer

from base.accounts.models import User
from catalogue.models import Recording
from plugins.moving.models import EngineTrial, TrialFile, TrialKeeps, TrialRow
from plugins.moving.tests.trials.conftest import Beside, work_off
from plugins.moving.trials import services
from plugins.moving.trials.selectors import compared_in
from scanning.choices import EngineChoice
from scanning.models import ScannedFile
from tests.factories.scanning import ScanFactory, ScannedFileFactory, make_detection

pytestmark = pytest.mark.django_db


def _there(
    number: int, name: str, seconds: float, *hits: tuple[Recording, int], state: int = 1
) -> dict[str, Any]:  # Any: JSON
    return {
        "id": f"{number:08d}-0000-4000-8000-000000000000",
        "name": name,
        "duration": seconds,
        "state": state,
        "created_at": datetime.now(tz=UTC).isoformat(),
        "results": {
            "custom_files": [
                {
                    "offset": at / 1_000,
                    "played_duration": 20,
                    "score": 90,
                    "result": {
                        "acrid": recording.acr_id,
                        "title": recording.title,
                        "sample_begin_time_offset_ms": at,
                        "sample_end_time_offset_ms": at + 20_000,
                        "db_begin_time_offset_ms": 0,
                    },
                }
                for recording, at in hits
            ]
        },
    }


def _here(beside: Beside, name: str, *recordings: Recording) -> ScannedFile:
    file = ScannedFileFactory.create(container=beside.container, name=name)
    scan = ScanFactory.create(
        scanned_file=file, buckets=[{"id": beside.bucket.pk, "name": beside.bucket.name}]
    )
    for recording in recordings:
        make_detection((10_000, 30_000, 0, 20_000), scan=scan, recording=recording)
    return file


def test_files_that_programs_sent_are_paired_by_name_and_length(
    beside: Beside, httpserver: HTTPServer, admin: User
) -> None:
    both, theirs = beside.recording("Both"), beside.recording("Theirs")
    trial = services.begin_trial(
        account=beside.account,
        containers=[beside.container],
        terms=services.TrialTerms(weeks=4, sends_files=False),
        user=admin,
    )
    morning = _here(beside, "morning.wav", both)
    # Of another length; nothing like it here; two like it here; too old; not ready.
    _here(beside, "noon.wav", both)
    _here(beside, "a/twice.wav", both)
    _here(beside, "b/twice.wav", both)
    old = _there(6, "old.mp3", 600) | {
        "created_at": (trial.begins_at - timedelta(days=1)).isoformat()
    }
    files_there = [
        _there(1, "Desk/Morning.MP3", 601.0, (both, 10_500), (theirs, 90_000)),
        _there(2, "noon.mp3", 900, (theirs, 0)),
        _there(3, "night.mp3", 600, (theirs, 0)),
        _there(4, "twice.mp3", 600, (theirs, 0)),
        _there(5, "morning.wav", 600, state=0),
        old,
    ]
    httpserver.expect_request("/api/fs-containers/77/files").respond_with_json(
        {"data": files_there, "meta": {"total": len(files_there), "last_page": 1}}
    )

    work_off()
    services.compare_now(trial=trial, user=admin)
    work_off()

    beside.container.refresh_from_db()
    assert beside.container.engine == EngineChoice.EMBEDDED
    compared = TrialFile.objects.get()
    assert compared.scanned_file == morning
    assert compared.their_file == files_there[0]["id"]
    rows = TrialRow.objects.values_list("recording__title", "kind")
    assert dict(rows) == {"Both": "both", "Theirs": "only_theirs"}
    figures = compared_in(EngineTrial.objects.get())
    assert (figures.files, figures.streams_ms, figures.unpaired) == (1, 0, 3)

    # An end leaves containers that sent nothing.
    services.end_trial(trial=trial, keeps=TrialKeeps.THEIRS, user=admin)
    beside.container.refresh_from_db()
    assert beside.container.engine == EngineChoice.EMBEDDED
