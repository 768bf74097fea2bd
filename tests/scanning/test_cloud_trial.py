"""Testing an ACRCloud account changes nothing there."""

from __future__ import annotations

from scanning.services import cloud
from tests.scanning.vendor import Vendor, json_answer


def test_trial_says_what_it_found_or_what_is_wrong(vendor: Vendor) -> None:
    vendor.file = {"id": 77, "name": "Cloud", "region": "eu-west-1"}
    trial = cloud.try_account(account=vendor.account)
    assert trial.works
    assert "It has 1 container. Region: eu-west-1." in trial.notes[0]

    vendor.file = {"id": 77, "name": "Cloud", "region": "us-west-2"}
    trial = cloud.try_account(account=vendor.account)
    assert "region us-west-2" in trial.notes[0]

    vendor.file = {"id": 5, "name": "Other", "region": "eu-west-1"}
    trial = cloud.try_account(account=vendor.account)
    assert not trial.works
    assert "this account has no container 77" in trial.notes[0]
    assert "5 Other" in trial.notes[0]

    vendor.faults = [json_answer({"message": "Unauthenticated."}, 401)]
    trial = cloud.try_account(account=vendor.account)
    assert not trial.works
    assert "token is wrong" in trial.notes[0]

    vendor.account.base_url = "http://127.0.0.1:9/api"
    trial = cloud.try_account(account=vendor.account)
    assert "Check the base address" in trial.notes[0]
