"""No password from a list of stolen ones is accepted, wherever it is set."""

from __future__ import annotations

from pathlib import Path
from typing import Any  # a setting of Django

import pytest
from django.conf import settings
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.test import Client

from accounts import passwords
from accounts.roles import Role
from tests.conftest import MakeClient
from tests.factories.accounts import confirm


@pytest.mark.parametrize(
    "password", ["qwertyqwerty", "1qaz2wsx3edc", "Leavemealone", "QAZWSXEDC123"]
)
def test_a_stolen_password_is_refused_however_it_is_written(password: str) -> None:
    with pytest.raises(ValidationError, match="stolen"):
        validate_password(password)


@pytest.mark.parametrize(
    "password", ["nine otters bake quietly", "sept loutres 🦦 très douées", "y7" * 64]
)
def test_a_password_of_its_own_is_accepted(password: str) -> None:
    validate_password(password)


def test_a_password_of_more_than_128_characters_is_refused() -> None:
    with pytest.raises(ValidationError, match="more than 128"):
        validate_password("y7" * 64 + "x")


@pytest.mark.django_db
def test_the_page_says_why(signed_in: MakeClient) -> None:
    client: Client = signed_in(Role.REVIEWER)
    confirm(client)

    page = client.post(
        "/accounts/password/",
        {
            "oldpassword": "secret",
            "password1": "leavemealone",
            "password2": "leavemealone",
        },
    )

    assert "lists of stolen passwords" in page.content.decode()


def test_the_list_holds_more_than_the_standard_asks_for_and_is_small() -> None:
    size = Path(passwords.__file__).with_name("breached_passwords.bin").stat().st_size

    assert 40_000 * 5 < size < 2 * 1024**2


def test_a_list_is_made_of_passwords_that_the_length_does_not_refuse_already() -> None:
    validators: list[Any] = settings.AUTH_PASSWORD_VALIDATORS
    (options,) = (each["OPTIONS"] for each in validators if "OPTIONS" in each)

    made = passwords.list_of(["short\n", "Leavemealone\n", "leavemealone\n"])

    assert options["min_length"] == passwords.SHORTEST
    assert len(made) == 5
