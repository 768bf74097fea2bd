"""An account to move, and what moves it."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from pytest_httpserver import HTTPServer

from base.accounts.models import User
from base.jobs.choices import Pool
from base.jobs.runner import run_next
from imports import services
from imports.models import ImportStatus
from plugins.moving.importing import reader
from plugins.moving.importing.kind import MOVES
from plugins.moving.models import MoveIn, MoveParts
from plugins.moving.tests.account import (
    TOKEN,
    Account,
    bucket,
    bucket_file,
    container,
    scanned_file,
    stream,
)
from scanning.models import CloudAccount
from scanning.services import cloud
from tests.scanning.vendor import AnyPath


class Moving:
    """Moves ``there`` into this portal as an admin."""

    def __init__(self, there: Account, account: CloudAccount, admin: User) -> None:
        self.there, self.account, self.admin = there, account, admin

    def look(self, since: date | None = None) -> MoveIn:
        """Have the account looked at, with the plays of the last three days."""
        import_ = services.keep_upload(
            MOVES,
            account=self.account,
            parts=MoveParts.values,
            since=since or datetime.now(tz=UTC).date() - timedelta(days=3),
            user=self.admin,
        )
        work_off()
        import_.refresh_from_db()
        return import_

    def move(self, since: date | None = None) -> MoveIn:
        """Look at the account and move it."""
        import_ = self.look(since)
        assert import_.status == ImportStatus.CHECKED, import_.message
        assert services.start(import_=import_, user=self.admin)
        work_off()
        import_.refresh_from_db()
        return import_


def work_off() -> None:
    while any(run_next(pool) is not None for pool in (Pool.WORK, Pool.TALK)):
        pass


@pytest.fixture
def there(monkeypatch: pytest.MonkeyPatch, httpserver: HTTPServer) -> Account:
    """Return an account with two buckets, a container with two files, and a stream."""
    monkeypatch.setattr(reader, "SECONDS_BETWEEN", 0.0)
    songs, idents = bucket(8881, "Songs"), bucket(8882, "Idents")
    first = bucket_file(1, "Night Drive")
    account = Account(
        {
            "buckets": [songs, idents, bucket(8883, "Radio", type="Live")],
            "buckets/8881/files": [first, bucket_file(2, "Blue Lantern")],
            "buckets/8882/files": [bucket_file(3, "Ident")],
            "buckets/8883/channels": [
                {"id": 9, "title": "Channel 9", "url": "https://radio.example/nine"}
            ],
            "fs-containers": [container(77, "Uploads", [songs, idents])],
            "fs-containers/77/files": [scanned_file(1, first), scanned_file(2, None)],
            "bm-cs-projects": [{"id": 5, "name": "Radio", "buckets": [songs]}],
            "bm-cs-projects/5/streams": [stream(1, "Harbour FM")],
        }
    )
    httpserver.expect_request(AnyPath()).respond_with_handler(account.answer)
    return account


@pytest.fixture
def moving(there: Account, admin: User, httpserver: HTTPServer) -> Moving:
    account = cloud.save_account(
        account=CloudAccount(name="Console", base_url=httpserver.url_for("/api")),
        token=TOKEN,
        user=admin,
    )
    return Moving(there, account, admin)
