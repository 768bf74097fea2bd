"""An account and a container that both engines scan."""

from __future__ import annotations

from typing import Any

import pytest
from pytest_httpserver import HTTPServer

from base.accounts.models import User
from base.jobs.choices import Pool
from base.jobs.runner import run_next
from catalogue.models import Recording, RecordingStatus
from plugins.moving.models import EngineTrial, Moved, MovedKind, MovedOutcome
from plugins.moving.trials import services
from review.services.folding import fold_scan
from scanning.choices import EngineChoice
from scanning.models import CloudAccount, Container
from scanning.services import cloud
from tests.factories.catalogue import BucketFactory, RecordingFactory
from tests.factories.scanning import ScanFactory, ScannedFileFactory, make_detection

Interval = tuple[int, int]
Found = dict[Recording, Interval]


def work_off() -> None:
    while any(run_next(pool) is not None for pool in (Pool.WORK, Pool.TALK)):
        pass


class Beside:
    """An account and a container that both engines scan; its recordings are in both."""

    def __init__(self, account: CloudAccount, admin: User) -> None:
        self.account, self.admin = account, admin
        self.bucket = BucketFactory.create()
        self.container = Container.objects.create(
            name="Uploads",
            cloud_account=account,
            cloud_container_id=77,
            engine=EngineChoice.EMBEDDED,
        )
        self.container.buckets.add(self.bucket)
        self.number = 0

    def recording(self, title: str, *, parent: str = "8881") -> Recording:
        """Make a recording that scans here find and that the account's bucket holds, too."""
        recording = RecordingFactory.create(
            bucket=self.bucket, title=title, status=RecordingStatus.READY
        )
        self.number += 1
        Moved.objects.create(
            account=self.account,
            kind=MovedKind.RECORDING,
            remote_id=str(self.number),
            parent=parent,
            case=f"recording:{recording.uid}",
            theirs="-",
            outcome=MovedOutcome.NEW,
        )
        return recording

    def begin(self, *streams: Any) -> EngineTrial:
        """Begin a trial. Any: rows of a package above."""
        return services.begin_trial(
            account=self.account,
            containers=[] if streams else [self.container],
            streams=streams,
            terms=services.TrialTerms(weeks=4, cap_hours=50),
            user=self.admin,
        )

    def scan(self, ours: Found, theirs: Found) -> None:
        """Make a file that both engines scanned with these results."""
        self.container.refresh_from_db()
        file = ScannedFileFactory.create(container=self.container)
        for engine, hits in ((EngineChoice.EMBEDDED, ours), (EngineChoice.ACRCLOUD, theirs)):
            scan = ScanFactory.create(
                scanned_file=file,
                engine=engine,
                buckets=[{"id": self.bucket.pk, "name": self.bucket.name}],
            )
            for recording, (start, end) in hits.items():
                make_detection((start, end, 0, end - start), scan=scan, recording=recording)
            fold_scan(scan=scan)


@pytest.fixture
def beside(httpserver: HTTPServer, admin: User) -> Beside:
    """Return an account whose container 77 searches the bucket 8881."""
    there = {"id": 77, "name": "Uploads", "buckets": [{"id": 8881, "name": "Songs"}]}
    httpserver.expect_request("/api/fs-containers").respond_with_json({"data": [there]})
    account = cloud.save_account(
        account=CloudAccount(name="Console", base_url=httpserver.url_for("/api")),
        token="the-token",
        user=admin,
    )
    return Beside(account, admin)
