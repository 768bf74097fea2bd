"""Testing an ACRCloud account changes nothing there."""

from __future__ import annotations

from scanning.services import cloud
from tests.scanning.vendor import Vendor, json_answer


def test_trial_names_a_container_that_is_not_there(vendor: Vendor) -> None:
    vendor.file = {"id": 5, "name": "Other", "region": "eu-west-1"}

    trial = cloud.try_account(account=vendor.account)

    assert not trial.works
    assert "this account has no container 77" in trial.notes[0]
    assert "5 Other" in trial.notes[0]


def test_trial_names_the_wrong_region(vendor: Vendor) -> None:
    vendor.file = {"id": 77, "name": "Cloud", "region": "us-west-2"}

    trial = cloud.try_account(account=vendor.account)

    assert "region us-west-2" in trial.notes[0]


def test_trial_names_a_wrong_token(vendor: Vendor) -> None:
    vendor.faults = [json_answer({"message": "Unauthenticated."}, 401)]

    trial = cloud.try_account(account=vendor.account)

    assert not trial.works
    assert "token is wrong" in trial.notes[0]


def test_trial_names_a_wrong_address(vendor: Vendor) -> None:
    vendor.account.base_url = "http://127.0.0.1:9/api"

    trial = cloud.try_account(account=vendor.account)

    assert "Check the base address" in trial.notes[0]


def test_working_trial_says_what_it_found(vendor: Vendor) -> None:
    vendor.file = {"id": 77, "name": "Cloud", "region": "eu-west-1"}

    trial = cloud.try_account(account=vendor.account)

    assert trial.works
    assert "It has 1 container. Region: eu-west-1." in trial.notes[0]
