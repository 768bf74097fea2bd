"""ACRCloud's callbacks only hint that a result is ready."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from base.accounts.models import User
from base.jobs.models import Job
from scanning.choices import CallbackOutcome, EngineChoice, FileStatus
from scanning.models import CloudAccount, Container, InboundCallback
from scanning.services.scans import cancel_scans
from tests.fixtures import Worker
from tests.scanning.vendor import (
    MUSIC,
    REMOTE_ID,
    Vendor,
    check_due,
    remote_file,
    send_due,
    state_of,
    submit,
)


def _call_back(account: CloudAccount, body: object, sender: str = "127.0.0.1") -> int:
    url = reverse("scanning:account_callback", args=[account.pk, account.callback_secret])
    raw = json.dumps(body).encode()
    answer = Client(REMOTE_ADDR=sender).post(url, raw, content_type="application/json")
    return answer.status_code


def _body(state: int, results: object) -> dict[str, object]:
    return {"file_id": REMOTE_ID, "state": state, "cid": 77, "results": results}


def test_callback_has_the_result_fetched_and_is_not_trusted_itself(
    vendor: Vendor, admin: User, run_worker: Worker, settings: Settings
) -> None:
    settings.ACRPORTAL_CLOUD_POLL_SECONDS = 600.0
    file = submit(vendor, admin)
    send_due()
    vendor.file = remote_file(-1)

    status = _call_back(vendor.account, _body(1, MUSIC))
    run_worker()

    assert status == 202
    assert state_of(file) == (FileStatus.NO_MATCH, "")


def test_callback_before_the_answer_to_the_upload_finds_its_file(
    vendor: Vendor, admin: User, run_worker: Worker, settings: Settings
) -> None:
    settings.ACRPORTAL_CLOUD_POLL_SECONDS = 600.0
    file = submit(vendor, admin)
    Job.objects.update(run_after=datetime.now(tz=UTC) + timedelta(hours=1))
    _call_back(vendor.account, _body(1, MUSIC))
    run_worker()
    assert InboundCallback.objects.get().outcome == CallbackOutcome.ORPHAN
    vendor.file = remote_file(1, MUSIC)

    send_due()
    check_due()

    assert state_of(file) == (FileStatus.READY, "")
    assert InboundCallback.objects.get().outcome == CallbackOutcome.APPLIED


def test_late_repeated_callbacks_change_nothing(
    vendor: Vendor, admin: User, run_worker: Worker
) -> None:
    file = submit(vendor, admin)
    send_due()
    _call_back(vendor.account, _body(0, None))
    run_worker()
    assert _call_back(vendor.account, _body(0, None)) == 200
    assert InboundCallback.objects.get().times_received == 2
    vendor.file = remote_file(1, MUSIC)
    check_due()

    _call_back(vendor.account, _body(1, MUSIC))
    _call_back(vendor.account, _body(1, MUSIC))
    _call_back(vendor.account, _body(0, None))
    run_worker()

    assert file.scans.count() == 1
    assert state_of(file) == (FileStatus.READY, "")


def test_rescan_in_the_clouds_own_console_brings_its_new_result(
    vendor: Vendor, admin: User, run_worker: Worker
) -> None:
    file = submit(vendor, admin)
    send_due()
    vendor.file = remote_file(-1)
    check_due()
    Container.objects.update(engine=EngineChoice.EMBEDDED)
    _call_back(vendor.account, _body(1, MUSIC))
    run_worker()
    assert InboundCallback.objects.get().outcome == CallbackOutcome.REFUSED
    assert file.scans.count() == 1

    Container.objects.update(engine=EngineChoice.ACRCLOUD)
    vendor.file = remote_file(1, MUSIC)
    _call_back(vendor.account, _body(1, MUSIC) | {"name": "again"})
    run_worker()
    assert state_of(file) == (FileStatus.READY, "")
    assert file.scans.count() == 2


def test_callback_from_a_foreign_network_is_not_found(vendor: Vendor) -> None:
    vendor.account.callback_networks = "192.0.2.0/24"
    vendor.account.save()

    statuses = [
        _call_back(vendor.account, _body(0, None), sender)
        for sender in ("192.0.2.7", "198.51.100.7", "::ffff:192.0.2.7", "odd")
    ]

    assert statuses == [202, 404, 200, 404]


def test_callback_for_a_file_that_was_never_sent_makes_no_scan(
    vendor: Vendor, admin: User, run_worker: Worker
) -> None:
    file = submit(vendor, admin)
    cancel_scans(scanned_file=file, user=admin)
    url = reverse(
        "scanning:acrcloud_callback", args=[vendor.container.pk, vendor.container.callback_secret]
    )

    Client().post(
        url,
        json.dumps(_body(1, MUSIC) | {"file_id": str(file.uid)}),
        content_type="application/json",
    )
    run_worker()

    assert file.scans.count() == 1
    assert state_of(file)[0] == FileStatus.CANCELLED
