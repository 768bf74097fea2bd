"""Moving from one machine to PostgreSQL and S3 with one command."""

from __future__ import annotations

from collections.abc import Iterator
from io import StringIO
from pathlib import Path

import boto3
import psycopg
import pytest
from django.conf import settings
from django.core.management import CommandError, call_command

from operations.backup_places import backups_in
from operations.moving import STATE
from operations.restoring import differences
from scanning.models import ScannedFile
from tests.fixtures import Catalogue
from tests.object_storage import s3_server


@pytest.fixture
def s3() -> Iterator[str]:
    with s3_server() as address:
        yield address


@pytest.mark.soak  # sets up a second installation, twice
def test_everything_moves_and_a_broken_off_move_goes_on(
    installation: Catalogue, tmp_path: Path, empty_postgres: str, s3: str
) -> None:
    target, folder = tmp_path / "new.env", tmp_path / "moving"
    target.write_text(
        f"ACRPORTAL_DATA_DIR={tmp_path / 'elsewhere'}\n"
        f"DATABASE_URL={empty_postgres}\n"
        f"STORAGE_URL=s3://key:secret@{s3}/moved?https=off\n"
    )
    output = StringIO()
    with pytest.raises(CommandError, match="failed under the new settings"):
        call_command("move", str(folder), to=target, stdout=output)
    assert "NoSuchBucket" in output.getvalue()
    boto3.client(
        "s3",
        endpoint_url=f"http://{s3}",
        region_name="us-east-1",
        aws_access_key_id="key",
        aws_secret_access_key="secret",
    ).create_bucket(Bucket="moved")

    output = StringIO()
    call_command("move", str(folder), to=target, stdout=output)

    assert "The move is complete" in output.getvalue()
    assert len(backups_in(folder)) == 1
    with psycopg.connect(empty_postgres) as database:
        row = database.execute("SELECT count(*) FROM scanning_scannedfile").fetchone()
    assert row == (1,)
    elsewhere = tmp_path / "elsewhere"
    assert (elsewhere / "secret_key").read_text() == settings.SECRET_KEY
    assert not (elsewhere / "media").exists()
    assert (elsewhere / "index").exists()

    [backup] = backups_in(folder)
    ScannedFile.objects.update(name="renamed.wav")
    gone = installation.first.audio
    gone.storage.delete(str(gone))
    assert list(differences(backup, lambda _line: None, media=True)) == [
        "scanning.scannedfile has 1 row, the backup 1, and they differ",
        f"{gone} is missing or differs",
    ]


def test_a_move_into_the_folder_in_use_is_refused(transactional_db: None, tmp_path: Path) -> None:
    target = tmp_path / "new.env"
    target.write_text(f"ACRPORTAL_DATA_DIR={settings.ACRPORTAL_DATA_DIR}\n")

    with pytest.raises(CommandError, match="their own ACRPORTAL_DATA_DIR"):
        call_command("move", str(tmp_path / "moving"), to=target)

    assert not (tmp_path / "moving").exists()


def test_paths_that_a_move_cannot_use_are_named(transactional_db: None, tmp_path: Path) -> None:
    target = tmp_path / "new.env"

    with pytest.raises(CommandError, match=f"{target}: there is no such file or folder"):
        call_command("move", str(tmp_path / "moving"), to=target)
    target.write_text(f"ACRPORTAL_DATA_DIR={tmp_path / 'elsewhere'}\n")
    with pytest.raises(CommandError, match=f"{target}: it is a file; name a folder"):
        call_command("move", str(target), to=target)


def test_a_folder_of_another_move_is_refused(transactional_db: None, tmp_path: Path) -> None:
    target, folder = tmp_path / "new.env", tmp_path / "moving"
    target.write_text(f"ACRPORTAL_DATA_DIR={tmp_path / 'elsewhere'}\n")
    folder.mkdir()
    (folder / STATE).write_text('{"target": "/another.env"}')

    with pytest.raises(CommandError, match=r"a move to /another\.env"):
        call_command("move", str(folder), to=target)
