"""The admin screens of cloud accounts: added, tested, linked to containers."""

from __future__ import annotations

import json
import re

import pytest
from django.test import Client
from pytest_httpserver import HTTPServer

from accounts.roles import Role
from scanning.choices import EngineChoice
from scanning.models import CloudAccount, Container, InboundCallback
from tests.conftest import MakeClient
from tests.factories.scanning import ContainerFactory
from tests.scanning.vendor import Vendor, json_answer

URL = "/admin/scanning/cloudaccount/"


@pytest.fixture
def client(signed_in: MakeClient) -> Client:
    """Return an admin's client."""
    return signed_in(Role.ADMIN)


def _remote(number: int = 5, region: str = "eu-west-1") -> dict[str, object]:
    return {
        "id": number,
        "name": "World",
        "region": region,
        "audio_type": "recorded",
        "policy": {"type": "points", "points": 3},
        "buckets": [{"id": 23, "name": "ACRCloud Music"}],
        "callback_url": "",
    }


def test_account_is_entered_and_its_token_never_shown_again(
    client: Client, httpserver: HTTPServer
) -> None:
    fields = {
        "name": "Main",
        "base_url": "https://api-v2.acrcloud.com/api",
        "region": "eu-west-1",
        "token": "eyJ-secret",
        "sends": "fingerprint_first",
        "callback_networks": "192.0.2.0/24, 2001:db8::/32",
    }

    client.post(f"{URL}add/", fields)

    account = CloudAccount.objects.get()
    page = client.get(f"{URL}{account.pk}/change/").content.decode()
    assert "eyJ-secret" not in page
    assert "eyJ-secret" not in account.token_sealed
    assert account.callback_secret in page


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("base_url", "ftp://host/api"),
        ("base_url", "https://user:pass@host/api"),
        ("callback_networks", "192.0.2.0/99"),
        ("token", ""),
        ("token", "two words"),
    ],
)
def test_odd_entries_are_refused(client: Client, field: str, value: str) -> None:
    fields = {
        "name": "Main",
        "base_url": "https://api-v2.acrcloud.com/api",
        "region": "eu-west-1",
        "token": "t",
        "sends": "fingerprint_first",
        "callback_networks": "",
    } | {field: value}

    answer = client.post(f"{URL}add/", fields)

    assert answer.status_code == 200
    assert not CloudAccount.objects.exists()


def test_empty_token_keeps_the_stored_one(client: Client, vendor: Vendor) -> None:
    before = vendor.account.token_sealed

    client.post(
        f"{URL}{vendor.account.pk}/change/",
        {
            "name": "Renamed",
            "base_url": vendor.account.base_url,
            "region": "us-west-2",
            "token": "",
            "sends": "fingerprint_first",
            "callback_networks": "",
        },
    )

    vendor.account.refresh_from_db()
    assert (vendor.account.name, vendor.account.region) == ("Renamed", "us-west-2")
    assert vendor.account.token_sealed == before


def test_connection_is_tested_from_the_page(client: Client, vendor: Vendor) -> None:
    vendor.faults = [json_answer({"message": "Unauthenticated."}, 401)]

    page = client.post(f"{URL}{vendor.account.pk}/test/", follow=True)

    assert "token is wrong" in page.content.decode()


def test_the_fields_that_connect_a_container_are_explained(
    client: Client, vendor: Vendor
) -> None:
    vendor.listed = [_remote()]

    page = client.get(f"{URL}{vendor.account.pk}/containers/").content.decode()

    described = re.findall(r'aria-describedby="([^" ]+)"', page)
    assert described
    assert [each for each in described if f'id="{each}"' not in page] == []
    # In a narrow window the table scrolls, and not the page.
    assert re.search(r'class="scroll"[^>]*><table>', page)


def test_container_of_the_account_is_adopted(client: Client, vendor: Vendor) -> None:
    vendor.listed = [_remote()]
    vendor.file = _remote()

    client.post(
        f"{URL}{vendor.account.pk}/containers/",
        {
            "remote": "5",
            "container": "",
            "engine": "acrcloud",
            "cap_hours": "10",
            "set_callback": "on",
        },
    )

    adopted = Container.objects.get(cloud_container_id=5)
    assert (adopted.name, adopted.engine) == ("World", EngineChoice.ACRCLOUD)
    assert adopted.cloud_cap_hours == 10
    assert adopted.policy == {"type": "points", "points": 3}
    sent = json.loads(vendor.bodies[-1])
    assert vendor.account.callback_secret in sent["callback_url"]


def test_container_of_ours_is_made_in_the_account(
    client: Client, vendor: Vendor
) -> None:
    mine = ContainerFactory.create(name="Broadcast")
    vendor.file = _remote(9)

    client.post(
        f"{URL}{vendor.account.pk}/containers/",
        {
            "remote": "",
            "container": mine.pk,
            "engine": "both",
            "buckets": "ACRCloud Music, 8881",
        },
    )

    mine.refresh_from_db()
    sent = json.loads(vendor.bodies[-1])
    assert (mine.cloud_container_id, mine.engine) == (9, EngineChoice.BOTH)
    assert sent["buckets"] == ["ACRCloud Music", 8881]
    assert (sent["name"], sent["region"]) == ("Broadcast", "eu-west-1")


def test_container_that_another_stands_for_is_not_adopted_twice(
    client: Client, vendor: Vendor
) -> None:
    vendor.file = _remote(77)

    page = client.post(
        f"{URL}{vendor.account.pk}/containers/",
        {"remote": "77", "container": "", "engine": "acrcloud"},
    )

    assert "Another container is already connected to 77" in page.content.decode()
    assert Container.objects.count() == 1


@pytest.mark.parametrize("role", [Role.VIEWER, Role.REVIEWER, Role.MANAGER])
def test_accounts_are_for_admins_alone(
    signed_in: MakeClient, vendor: Vendor, role: Role
) -> None:
    client = signed_in(role)
    urls = (URL, f"{URL}add/", f"{URL}{vendor.account.pk}/containers/")

    statuses = {client.get(url).status_code for url in urls}
    statuses.add(client.post(f"{URL}{vendor.account.pk}/test/").status_code)

    assert 200 not in statuses
    assert not vendor.calls


def test_kept_callback_is_applied_again(client: Client, vendor: Vendor) -> None:
    kept = InboundCallback.objects.create(
        account=vendor.account,
        body='{"file_id": "x", "state": 1, "results": {}}',
        body_sha256="0" * 64,
        file_id="x",
        outcome="orphan",
    )

    client.post(
        "/admin/scanning/inboundcallback/",
        {"action": "apply_again", "_selected_action": [kept.pk]},
    )

    kept.refresh_from_db()
    assert kept.outcome == "queued"
