"""The doctor finds inconsistencies, and repairs those that can be repaired."""

from __future__ import annotations

import io
import json
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.core.management import CommandError, call_command

from catalogue import following
from catalogue.changes import refingerprint
from catalogue.models import Recording, RecordingStatus
from operations import stored_files
from tests.catalogue.held_index import remove_from_held
from tests.fixtures import Catalogue, Worker
from tests.jobs.workers import lose_worker


def examine(*, fix: bool = False) -> list[dict[str, Any]]:  # Any: JSON
    output = io.StringIO()
    try:
        call_command("doctor", fix=fix, format="json", stdout=output)
    except CommandError:
        assert output.getvalue()
    return [json.loads(line) for line in output.getvalue().splitlines()]


def problems(*, fix: bool = False) -> list[str]:
    return [finding["problem"] for finding in examine(fix=fix)]


def test_strays_are_deleted_once_they_are_a_day_old_and_nothing_where_all_is_well(
    catalogue: Catalogue,
    data_dir: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    call_command("doctor")
    assert "No problems found." in capsys.readouterr().out
    # What is deleted meanwhile is passed over.
    gone = data_dir / "tmp" / "gone.upload"
    gone.symlink_to(data_dir / "gone")
    with monkeypatch.context() as meanwhile:
        meanwhile.setattr(stored_files, "_stored_names", lambda _folder: iter(["gone"]))
        assert problems() == []
    gone.unlink()
    fresh = default_storage.save("media/aa/fresh", ContentFile(b"x"))
    old = default_storage.save("media/aa/old", ContentFile(b"x"))
    upload = data_dir / "tmp" / "left.upload"
    upload.write_bytes(b"x")
    yesterday = (datetime.now(tz=UTC) - timedelta(days=2)).timestamp()
    for path in (default_storage.path(old), upload):
        os.utime(path, (yesterday, yesterday))

    problems_seen = problems(fix=True)

    assert len(problems_seen) == 2
    assert default_storage.exists(fresh)
    assert not default_storage.exists(old)
    assert not upload.exists()


def test_a_wrong_and_a_damaged_index_are_mended(catalogue: Catalogue, data_dir: Path) -> None:
    remove_from_held(catalogue.first)
    Recording.objects.filter(pk=catalogue.second.pk).update(status=RecordingStatus.RETIRED)

    problems_seen = problems(fix=True)

    assert any("is not in the index" in problem for problem in problems_seen)
    assert any(f"recording {catalogue.second.pk} is in the index" in t for t in problems_seen)
    indexed = following.open_index().recordings(catalogue.bucket.pk).tolist()
    assert indexed == [catalogue.first.pk]
    assert problems() == []

    for segment in data_dir.glob("index/bucket-*/segment-*"):
        broken = bytearray(segment.read_bytes())
        broken[len(broken) // 2] ^= 1
        segment.write_bytes(broken)

    assert len(problems(fix=True)) == 1
    assert problems() == []


def test_lost_work_and_lost_files_come_back(catalogue: Catalogue, run_worker: Worker) -> None:
    refingerprint(recording=catalogue.first, user=None)
    lose_worker("recording")
    assert any("1 job without a worker" in p for p in problems(fix=True))
    run_worker()
    catalogue.first.refresh_from_db()
    assert catalogue.first.status == RecordingStatus.READY

    # Fingerprints and renditions come from the audio, which is lost if no backup has it.
    for column in ("fingerprint", "proxy"):
        default_storage.delete(str(getattr(catalogue.first, column)))
    default_storage.delete(str(catalogue.second.audio))

    findings = examine(fix=True)

    assert [finding["mended"] for finding in findings] == [False, True, True]
    assert "Restore it from a backup" in findings[0]["remedy"]
    run_worker()
    catalogue.first.refresh_from_db()
    assert default_storage.exists(str(catalogue.first.proxy))
    problems_seen = problems()
    assert len(problems_seen) == 1
    assert str(catalogue.second.audio) in problems_seen[0]


def test_what_cannot_be_mended_is_told_and_the_rest_is_mended(
    catalogue: Catalogue, capsys: pytest.CaptureFixture[str]
) -> None:
    for recording in (catalogue.first, catalogue.second):
        remove_from_held(recording)
    for name in (catalogue.first.audio, catalogue.first.fingerprint):
        default_storage.delete(str(name))

    findings = examine(fix=True)

    assert [finding["mended"] for finding in findings] == [False, False, False, True]
    assert "not repaired: " in capsys.readouterr().err
    indexed = following.open_index().recordings(catalogue.bucket.pk).tolist()
    assert indexed == [catalogue.second.pk]
