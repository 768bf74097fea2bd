"""The signing key as a secret that machines share, and as a file of one machine."""

from __future__ import annotations

import os
import subprocess
import sys
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from pytest_django import Settings

from base.accounts.models import User
from base.accounts.roles import Role
from base.jobs import clock
from base.jobs.choices import Pool
from base.jobs.models import Machine
from base.jobs.runner import run_next
from operations.backup import SIGNING_KEY_NAME, make_backup
from operations.backup_places import FolderPlace
from reports.evidence import services, signing
from reports.evidence.models import PackStatus
from review.models import Match
from tests.factories.review import make_match
from tests.fixtures import MakeClient

_PRINT = """
import django
django.setup()
from reports.evidence import signing
print(signing.public_key().key_id)
"""


@pytest.fixture
def pem(db: None, data_dir: Path) -> str:
    """Return a private key that lies in no file of this machine."""
    signing.create_key()
    text = signing.key_path().read_text()
    signing.key_path().unlink()
    return text


def elsewhere(key_id: str = "f" * 64) -> Machine:
    """Let another machine state that it has a key."""
    return Machine.objects.create(
        host="signer",
        folder="/srv/acrportal",
        pool=Pool.WORK,
        duties={signing.SIGNING_KEY: key_id},
        seen_at=clock.now(),
    )


def test_a_secret_signs_packs_and_goes_into_backups(
    heard_match: Match, reviewer: User, pem: str, settings: Settings, tmp_path: Path
) -> None:
    settings.ACRPORTAL_SIGNING_KEY = pem
    pack = services.request_pack(match=heard_match, user=reviewer)
    while run_next(Pool.WORK):
        pass
    pack.refresh_from_db()
    backup = make_backup(FolderPlace(tmp_path / "backups"), lambda _line: None)

    assert (pack.status, pack.key_id) == (PackStatus.READY, signing.public_key().key_id)
    assert (Path(backup.where) / "keys" / SIGNING_KEY_NAME).read_text() == pem
    assert not signing.key_path().exists()
    with pytest.raises(signing.KeyUnusable, match="holds the key already"):
        signing.create_key()


@pytest.mark.parametrize("is_one_line", [False, True])
def test_the_secret_is_read_from_the_environment_or_a_file(
    pem: str, tmp_path: Path, is_one_line: bool
) -> None:
    file = tmp_path / "secret.pem"
    file.write_text(pem)
    # Secrets of containers can be read by all users there.
    file.chmod(0o444)
    secret = (
        {"ACRPORTAL_SIGNING_KEY": pem.replace("\n", "\\n")}
        if is_one_line
        else {"ACRPORTAL_SIGNING_KEY_FILE": str(file)}
    )
    own = {
        "ACRPORTAL_DATA_DIR": str(tmp_path / "other"),
        "DJANGO_SETTINGS_MODULE": "acrportal.settings",
        "SECRET_KEY": "only for this test, and long enough",
    }
    done = subprocess.run(
        [sys.executable, "-c", _PRINT],
        env=os.environ | own | secret,
        capture_output=True,
        text=True,
        check=True,
    )

    signing.key_path().write_text(pem)
    signing.key_path().chmod(0o600)
    assert done.stdout.strip() == signing.public_key().key_id


@pytest.mark.parametrize("text", ["no key", "-----BEGIN PRIVATE KEY-----\nx\n"])
def test_a_secret_that_is_no_key_is_named(db: None, settings: Settings, text: str) -> None:
    settings.ACRPORTAL_SIGNING_KEY = text

    with pytest.raises(signing.KeyUnusable, match="ACRPORTAL_SIGNING_KEY does not"):
        signing.load_key()


def test_a_pack_is_asked_for_where_only_another_machine_has_the_key(
    reviewer: User, signed_in: MakeClient, data_dir: Path
) -> None:
    elsewhere()
    match = make_match()
    client = signed_in(Role.REVIEWER)

    page = client.get(f"/matches/{match.uid}/evidence/").content.decode()
    pack = services.request_pack(match=match, user=reviewer)

    assert "There is no signing key yet" not in page
    assert run_next(Pool.WORK) is None
    pack.refresh_from_db()
    assert (pack.status, pack.message) == (PackStatus.QUEUED, "")


def test_no_second_key_is_made_while_another_machine_has_one(db: None, data_dir: Path) -> None:
    elsewhere()

    with pytest.raises(CommandError, match="signer signs with the key ffff"):
        call_command("create_signing_key")

    assert not signing.key_path().exists()


@pytest.mark.django_db(transaction=True)
def test_a_backup_names_the_machine_with_the_key(admin: User, tmp_path: Path) -> None:
    elsewhere()
    output = StringIO()

    call_command("backup", tmp_path / "backups", stdout=StringIO(), stderr=output)

    assert "The signing key is on signer, so not in the backup" in output.getvalue()
