"""No password from a list of stolen ones is accepted, wherever it is set."""

from __future__ import annotations

from pathlib import Path
from typing import Any  # a setting of Django

import pytest
from django.conf import settings
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.test import Client

from base.accounts import passwords
from base.accounts.roles import Role
from tests.factories.accounts import confirm
from tests.fixtures import MakeClient


def test_stolen_passwords_are_refused_and_those_of_ones_own_accepted() -> None:
    for stolen in ("qwertyqwerty", "1qaz2wsx3edc", "Leavemealone", "QAZWSXEDC123"):
        with pytest.raises(ValidationError, match="stolen"):
            validate_password(stolen)
    for own in ("nine otters bake quietly", "sept loutres 🦦 très douées", "y7" * 64):
        validate_password(own)
    with pytest.raises(ValidationError, match="more than 128"):
        validate_password("y7" * 64 + "x")


@pytest.mark.django_db
def test_the_page_says_why(signed_in: MakeClient) -> None:
    client: Client = signed_in(Role.REVIEWER)
    confirm(client)

    page = client.post(
        "/accounts/password/",
        {"oldpassword": "secret", "password1": "leavemealone", "password2": "leavemealone"},
    )

    assert "lists of stolen passwords" in page.content.decode()


def test_the_list_is_long_but_small_and_has_none_that_is_too_short() -> None:
    """The standard asks for less; what the length refuses already needs no place."""
    size = Path(passwords.__file__).with_name("breached_passwords.bin").stat().st_size
    assert 40_000 * 5 < size < 2 * 1024**2

    validators: list[Any] = settings.AUTH_PASSWORD_VALIDATORS
    (options,) = (validator["OPTIONS"] for validator in validators if "OPTIONS" in validator)
    made = passwords.list_of(["short\n", "Leavemealone\n", "leavemealone\n"])
    assert options["min_length"] == passwords.SHORTEST
    assert len(made) == 5
