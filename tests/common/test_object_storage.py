"""Media in S3-compatible storage: main job, playback, backup and doctor."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest
from django.core.exceptions import ImproperlyConfigured
from django.core.files.storage import default_storage
from django.core.management import call_command

from base.accounts.models import User
from base.accounts.roles import Role
from base.common.storage_url import storage_options
from scanning.choices import FileStatus
from tests import audio
from tests.fixtures import MakeClient, Worker, submit_sound
from tests.object_storage import media_at, s3_server

_KEYS = {"aws_access_key_id": "key", "aws_secret_access_key": "secret"}


@pytest.fixture
def storage() -> Iterator[None]:
    """Store media on an S3 server on this machine."""
    with s3_server() as address:
        boto3.client(
            "s3", endpoint_url=f"http://{address}", region_name="us-east-1", **_KEYS
        ).create_bucket(Bucket="media")
        with media_at(address):
            yield


@pytest.mark.slow  # the whole main job over HTTP with object storage
def test_the_main_job_with_media_in_s3(
    storage: None,
    request: pytest.FixtureRequest,
    run_worker: Worker,
    admin: User,
    signed_in: MakeClient,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    catalogue = request.getfixturevalue("catalogue")
    file = submit_sound(catalogue.container, audio.tune(1, 12), admin)
    run_worker()
    file.refresh_from_db()

    assert file.status == FileStatus.READY
    assert file.scans.get().detections.count() == 1
    assert not (tmp_path / "media").exists()

    client = signed_in(Role.VIEWER)
    part = client.get(f"/files/{file.uid}/audio", headers={"Range": "bytes=10-19"})
    assert part.status_code == 206
    assert len(b"".join(part)) == 10

    catalogue.first.refresh_from_db()
    default_storage.delete(str(catalogue.first.proxy))
    call_command("doctor", fix=True)
    assert "is missing. Repaired." in capsys.readouterr().out
    run_worker()
    call_command("backup", str(tmp_path / "backups"))
    assert "left out" not in capsys.readouterr().err


def test_an_address_that_is_none_is_refused() -> None:
    for url in (
        *("s3://host/bucket", "http://key:secret@host/bucket"),
        *("s3://key:secret@host/", "x"),
    ):
        with pytest.raises(ImproperlyConfigured, match="s3://KEY:SECRET@host"):
            storage_options(url)
