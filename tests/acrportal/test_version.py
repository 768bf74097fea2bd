"""One version, wherever a person or a program asks for it."""

from __future__ import annotations

import re

import pytest
from django.test import Client
from pytest_django import Settings

from base.accounts.roles import Role
from recognition.version import VERSION
from tests.fixtures import MakeClient
from tests.processes import python


def test_the_version_is_a_release() -> None:
    assert re.fullmatch(r"\d+\.\d+\.\d+", VERSION)


@pytest.mark.parametrize("page", ["/files/", "/admin/"])
def test_staff_read_the_version_on_every_page(signed_in: MakeClient, page: str) -> None:
    text = signed_in(Role.ADMIN).get(page).content.decode()

    assert f">acrportal {VERSION}</" in text


def test_strangers_learn_no_version(db: None) -> None:
    assert VERSION not in Client().get("/accounts/login/").content.decode()


def test_programs_ask_for_the_version(signed_in: MakeClient, settings: Settings) -> None:
    settings.ACRPORTAL_METRICS_TOKEN = "open sesame"
    client = signed_in(Role.ADMIN)

    metrics = client.get("/metrics", headers={"Authorization": "Bearer open sesame"})
    schema = client.get("/api/schema", headers={"Accept": "application/json"})

    assert f'acrportal_info{{version="{VERSION}"}} 1.0' in metrics.content.decode()
    assert schema.json()["info"]["version"] == VERSION


@pytest.mark.parametrize("argument", ["version", "--version"])
def test_operators_ask_for_the_version(argument: str) -> None:
    process = python("manage.py", argument, check=True)

    assert process.stdout == f"acrportal {VERSION}\n"
