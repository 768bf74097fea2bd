"""The admin screens of cloud accounts: added, tested, linked to containers."""

from __future__ import annotations

import json
import re

import pytest
from django.test import Client

from base.accounts.roles import Role
from scanning.choices import EngineChoice
from scanning.models import CloudAccount, Container, InboundCallback
from tests.factories.scanning import ContainerFactory
from tests.fixtures import MakeClient
from tests.scanning.vendor import Vendor, json_answer

URL = "/admin/scanning/cloudaccount/"


@pytest.fixture
def client(signed_in: MakeClient) -> Client:
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


def test_account_is_entered_and_its_token_never_shown_again(client: Client) -> None:
    fields = {
        "name": "Main",
        "base_url": "https://api-v2.acrcloud.com/api",
        "region": "eu-west-1",
        "token": "eyJ-secret",
        "sends": "fingerprint_first",
        "callback_networks": "192.0.2.0/24, 2001:db8::/32",
    }

    for field, odd in (
        ("base_url", "ftp://host/api"),
        ("base_url", "https://user:pass@host/api"),
        ("callback_networks", "192.0.2.0/99"),
        ("token", ""),
        ("token", "two words"),
    ):
        answer = client.post(f"{URL}add/", fields | {field: odd})
        assert answer.status_code == 200, odd
        assert not CloudAccount.objects.exists(), odd

    client.post(f"{URL}add/", fields)

    account = CloudAccount.objects.get()
    change = f"{URL}{account.pk}/change/"
    page = client.get(change).content.decode()
    assert "eyJ-secret" not in page
    assert "eyJ-secret" not in account.token_sealed
    assert account.callback_secret in page

    # An empty token keeps the stored one.
    before = account.token_sealed
    renamed = {"name": "Renamed", "region": "us-west-2", "token": ""}
    client.post(change, fields | renamed)

    account.refresh_from_db()
    assert (account.name, account.region) == ("Renamed", "us-west-2")
    assert account.token_sealed == before


def test_connection_is_tested_from_the_page(client: Client, vendor: Vendor) -> None:
    vendor.faults = [json_answer({"message": "Unauthenticated."}, 401)]

    page = client.post(f"{URL}{vendor.account.pk}/test/", follow=True)

    assert "token is wrong" in page.content.decode()


def test_containers_of_the_account_are_adopted_and_made(client: Client, vendor: Vendor) -> None:
    url = f"{URL}{vendor.account.pk}/containers/"
    vendor.listing = [_remote()]

    page = client.get(url).content.decode()
    described = re.findall(r'aria-describedby="([^" ]+)"', page)
    assert described
    assert [field for field in described if f'id="{field}"' not in page] == []
    # In a narrow window the table scrolls, and not the page.
    assert re.search(r'class="scroll"[^>]*><table>', page)

    vendor.file = _remote(77)
    twice = {"remote": "77", "container": "", "engine": "acrcloud"}
    page = client.post(url, twice).content.decode()
    assert "Another container is already connected to 77" in page
    assert Container.objects.count() == 1

    vendor.file = _remote()
    adopt = {"remote": "5", "container": "", "engine": "acrcloud"}
    client.post(url, adopt | {"cap_hours": "10", "set_callback": "on"})
    adopted = Container.objects.get(cloud_container_id=5)
    assert (adopted.name, adopted.engine) == ("World", EngineChoice.ACRCLOUD)
    assert adopted.cloud_cap_hours == 10
    assert adopted.policy == {"type": "points", "points": 3}
    sent = json.loads(vendor.bodies[-1])
    assert vendor.account.callback_secret in sent["callback_url"]

    mine = ContainerFactory.create(name="Broadcast")
    vendor.file = _remote(9)
    make = {"remote": "", "container": mine.pk, "engine": "both"}
    client.post(url, make | {"buckets": "ACRCloud Music, 8881"})
    mine.refresh_from_db()
    sent = json.loads(vendor.bodies[-1])
    assert (mine.cloud_container_id, mine.engine) == (9, EngineChoice.BOTH)
    assert sent["buckets"] == ["ACRCloud Music", 8881]
    assert (sent["name"], sent["region"]) == ("Broadcast", "eu-west-1")


def test_accounts_are_for_admins_alone(signed_in: MakeClient, vendor: Vendor) -> None:
    urls = (URL, f"{URL}add/", f"{URL}{vendor.account.pk}/containers/")

    for role in (Role.VIEWER, Role.REVIEWER, Role.MANAGER):
        client = signed_in(role)
        statuses = {client.get(url).status_code for url in urls}
        statuses.add(client.post(f"{URL}{vendor.account.pk}/test/").status_code)
        assert 200 not in statuses, role

    assert not vendor.calls


def test_kept_callback_is_applied_again(client: Client, vendor: Vendor) -> None:
    callback = InboundCallback.objects.create(
        account=vendor.account,
        body='{"file_id": "x", "state": 1, "results": {}}',
        body_sha256="0" * 64,
        file_id="x",
        outcome="orphan",
    )

    client.post(
        "/admin/scanning/inboundcallback/",
        {"action": "apply_again", "_selected_action": [callback.pk]},
    )

    callback.refresh_from_db()
    assert callback.outcome == "queued"
