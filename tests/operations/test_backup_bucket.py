"""Backups in a bucket whose account the portal does not have."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any

import boto3
import pytest
import requests
from botocore.exceptions import ClientError
from django.core.management import CommandError, call_command
from pytest_django import Settings

from base.common.storage_url import storage_options
from operations.backup import make_backup
from operations.backup_places import FolderPlace
from tests.fixtures import Catalogue
from tests.object_storage import s3_server
from tests.operations.test_backup import Elsewhere

# Of these, moto alone asks for the last: Amazon's ``HeadBucket`` needs ``ListBucket``.
_ADD_ONLY = ["s3:ListBucket", "s3:GetObject", "s3:PutObject", "s3:HeadBucket"]


@dataclass(frozen=True)
class Account:
    """An account of the storage."""

    address: str
    key: str
    secret: str

    def client(self, service: str = "s3") -> Any:  # Any: boto3 makes its methods at run time
        return boto3.client(
            service,
            endpoint_url=f"http://{self.address}",
            region_name="us-east-1",
            aws_access_key_id=self.key,
            aws_secret_access_key=self.secret,
        )

    def url(self, bucket: str) -> str:
        secret = self.secret.replace("/", "%2F").replace("+", "%2B")
        return f"s3://{self.key}:{secret}@{self.address}/{bucket}?https=off"


@dataclass(frozen=True)
class Accounts:
    """Those of the portal, of its backups, and of the storage's owner."""

    portal: Account
    backup: Account
    owner: Account


def _user(owner: Account, name: str, bucket: str, actions: list[str]) -> Account:
    iam = owner.client("iam")
    iam.create_user(UserName=name)
    arn = f"arn:aws:s3:::{bucket}"
    rule = {"Effect": "Allow", "Action": actions, "Resource": [arn, f"{arn}/*"]}
    policy = {"Version": "2012-10-17", "Statement": [rule]}
    iam.put_user_policy(UserName=name, PolicyName="only", PolicyDocument=json.dumps(policy))
    key = iam.create_access_key(UserName=name)["AccessKey"]
    return Account(owner.address, key["AccessKeyId"], key["SecretAccessKey"])


@pytest.fixture
def accounts(settings: Settings) -> Iterator[Accounts]:
    """Return accounts of a storage that checks what each may do."""
    with s3_server() as address:
        root = Account(address, "key", "secret")
        for bucket in ("media", "backups"):
            root.client().create_bucket(Bucket=bucket)
        accounts = Accounts(
            portal=_user(root, "portal", "media", ["s3:*"]),
            backup=_user(root, "backup", "backups", _ADD_ONLY),
            owner=_user(root, "owner", "*", ["s3:*"]),
        )
        settings.ACRPORTAL_BACKUP_STORE = storage_options(accounts.backup.url("backups"))
        checks = f"http://{address}/moto-api/reset-auth"
        requests.post(checks, data=b"0", timeout=10).raise_for_status()
        yield accounts
        requests.post(checks, data=b"inf", timeout=10).raise_for_status()


def _keys(accounts: Accounts) -> set[str]:
    listing = accounts.owner.client().list_objects_v2(Bucket="backups")
    return {entry["Key"] for entry in listing.get("Contents", [])}


def _damage(accounts: Accounts) -> tuple[str, str]:
    """Damage one media file in the bucket, and delete another; return their keys."""
    owner = accounts.owner.client()
    keys = sorted(key for key in _keys(accounts) if key.startswith("objects/"))
    owner.put_object(Bucket="backups", Key=keys[0], Body=b"not this")
    owner.delete_object(Bucket="backups", Key=keys[1])
    return keys[0], keys[1]


def _run(command: str, **options: Any) -> tuple[str, str]:  # Any: options of commands
    output, errors = StringIO(), StringIO()
    call_command(command, stdout=output, stderr=errors, **options)
    return output.getvalue(), errors.getvalue()


@pytest.mark.soak  # test_backup restores what the same code writes to a folder
def test_an_account_that_may_only_add_makes_backups_which_the_portal_cannot_delete(
    installation: Catalogue, accounts: Accounts, settings: Settings, tmp_path: Path
) -> None:
    with pytest.raises(CommandError, match="no finished backup in the bucket backups"):
        _run("restore", check=True)
    # What the storage has lost is named.
    gone = installation.first.audio
    gone.storage.delete(str(gone))

    output, errors = _run("backup")

    name, keys = output.split()[0], _keys(accounts)
    assert str(gone) in errors
    assert "STORAGE_URL" not in errors
    # The same files as in a folder, so that a copy of the bucket is one.
    local = Path(make_backup(FolderPlace(tmp_path / "backups"), lambda _line: None).where)
    files = {str(path.relative_to(local)) for path in local.rglob("*") if path.is_file()}
    objects = {str(path.relative_to(local.parent)) for path in local.parent.glob("objects/*/*")}
    assert {f"{name}/{path}" for path in files} | objects == keys

    output, errors = _run("restore", check=True)
    assert output.splitlines()[-2:] == [
        f"media: {len(objects)} of {len(objects)} read, 0 damaged or missing",
        f"{name} is intact: {len(list(local.glob('tables/*')))} tables, "
        f"{len(objects)} media files.",
    ]
    assert f"{gone} was missing in the storage when it was backed up." in errors

    some_object = next(iter(objects))
    for account in (accounts.portal, accounts.backup):
        with pytest.raises(ClientError, match="AccessDenied"):
            account.client().delete_object(Bucket="backups", Key=some_object)
    with pytest.raises(ClientError, match="AccessDenied"):
        accounts.portal.client().get_object(Bucket="backups", Key=some_object)
    damaged, lost = _damage(accounts)
    with pytest.raises(CommandError, match=f"lost: {damaged} .* is damaged") as refused:
        _run("restore", check=True)
    assert f"the backup lacks {lost} " in str(refused.value)
    settings.ACRPORTAL_BACKUP_STORE = storage_options(accounts.portal.url("backups"))
    with pytest.raises(CommandError, match=r"No backup was made: .*AccessDenied"):
        _run("backup")


@pytest.mark.django_db(transaction=True)
def test_a_backup_with_the_account_of_the_media_warns(
    accounts: Accounts, settings: Settings
) -> None:
    account = accounts.owner
    settings.ACRPORTAL_BACKUP_STORE = storage_options(account.url("backups"))
    media = {
        "BACKEND": "base.common.object_storage.ObjectStorage",
        "OPTIONS": storage_options(account.url("media")),
    }
    settings.STORAGES = settings.STORAGES | {"default": media}

    output, errors = _run("backup")

    assert " in the bucket backups: " in output
    assert "ACRPORTAL_BACKUP_URL names the account of STORAGE_URL" in errors


@pytest.mark.soak  # sets up a second installation
def test_a_damaged_backup_is_restored_but_for_what_is_named(
    installation: Catalogue, accounts: Accounts, tmp_path: Path
) -> None:
    _run("backup")
    first = _keys(accounts)
    name = _run("backup")[0].split()[0]
    # The second copies no media again.
    assert all(key.startswith(f"{name}/") for key in _keys(accounts) - first)
    _damage(accounts)
    elsewhere = Elsewhere(
        tmp_path / "elsewhere", ACRPORTAL_BACKUP_URL=accounts.backup.url("backups")
    )

    refused = elsewhere.manage("restore")
    restored = elsewhere.manage("restore", "--incomplete")

    assert "without what is named above: --incomplete" in refused.stderr
    assert restored.returncode == 0, restored.stderr
    assert restored.stderr.count("Not restored: ") == 2
    lines = elsewhere.manage("doctor", "--format", "json").stdout.splitlines()
    missing = [line for line in lines if json.loads(line)["check"] == "lost files"]
    assert len(missing) == 2
