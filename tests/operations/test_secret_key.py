"""A new secret key: nothing is lost while it is introduced, or after the earlier has gone."""

from __future__ import annotations

import io
import json
import os
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret
from django.core.management import CommandError, call_command
from django.test import Client, RequestFactory
from pytest_django import Settings

from base.accounts.roles import Role
from base.common import secret_text
from base.common.secret_text import SecretUnreadable, unseal
from operations import resealing
from scanning.models import CloudAccount
from scanning.services.cloud import save_account
from tests.factories.accounts import make_user
from tests.factories.scanning import ContainerFactory
from tests.processes import python
from web.acrapi import uploads
from web.acrapi.errors import WireError

EARLIER, LATER = "earlier key " * 4, "later key of the portal " * 2


def reseal(*, dry_run: bool = False) -> dict[str, int]:
    output = io.StringIO()
    try:
        call_command("reseal_secrets", dry_run=dry_run, format="json", stdout=output)
    except CommandError:
        assert json.loads(output.getvalue())["unreadable"]
    counts: dict[str, int] = json.loads(output.getvalue())
    return counts


@pytest.fixture
def account(settings: Settings, db: None) -> CloudAccount:
    """Return a cloud account whose token was sealed with the earlier key."""
    settings.SECRET_KEY = EARLIER
    return save_account(account=CloudAccount(name="Cloud"), token="t0ken", user=None)


def test_the_whole_procedure_loses_nothing(account: CloudAccount, settings: Settings) -> None:
    user = make_user(Role.REVIEWER)
    secret = generate_totp_secret()
    TOTP.activate(user, secret)
    codes = RecoveryCodes.activate(user).get_unused_codes()
    here, away = Client(), Client()
    for client in (here, away):
        client.force_login(user)
    staged = uploads.stage(container=ContainerFactory.create(), owner=user, file_name="a.wav")
    url = urlsplit(uploads.presigned_url(staged, RequestFactory().get("/")))
    signed = {name: value[0] for name, value in parse_qs(url.query).items()}

    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = LATER, [EARLIER]
    assert here.get("/queue/").status_code == 200
    assert unseal(account.token_sealed) == "t0ken"
    assert uploads.open_upload(uid=staged.uid, **signed) == staged
    assert reseal(dry_run=True) == {"resealed": 6, "current": 0, "unreadable": 0}
    assert reseal() == {"resealed": 6, "current": 0, "unreadable": 0}
    assert reseal() == {"resealed": 0, "current": 6, "unreadable": 0}

    settings.SECRET_KEY_FALLBACKS = []
    account.refresh_from_db()
    totp = Authenticator.objects.get(user=user, type="totp")
    recovery = Authenticator.objects.get(user=user, type="recovery_codes")
    assert unseal(account.token_sealed) == "t0ken"
    assert unseal(totp.data["secret"]) == secret
    assert RecoveryCodes(recovery).get_unused_codes() == codes
    with pytest.raises(WireError):
        uploads.open_upload(uid=staged.uid, **signed)
    # The session of who came meanwhile has moved to the new key.
    assert here.get("/queue/").status_code == 200
    assert away.get("/queue/").status_code == 302


def test_a_secret_that_changes_meanwhile_is_left_alone(
    account: CloudAccount, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = LATER, [EARLIER]

    def enter_another_first(sealed: str) -> str:
        save_account(account=account, token="newer", user=None)
        return secret_text.reseal(sealed)

    monkeypatch.setattr(resealing, "reseal", enter_another_first)

    resealing.reseal_secrets()

    account.refresh_from_db()
    assert unseal(account.token_sealed) == "newer"


def test_a_secret_of_an_unknown_key_is_named(account: CloudAccount, settings: Settings) -> None:
    settings.SECRET_KEY = LATER

    assert reseal() == {"resealed": 0, "current": 0, "unreadable": 2}
    with pytest.raises(SecretUnreadable):
        unseal(account.token_sealed)
    output = io.StringIO()
    with pytest.raises(CommandError):
        call_command("doctor", stdout=output)
    assert f"token of cloud account {account.pk} was encrypted" in output.getvalue()


_SHOW = "from django.conf import settings as s; print(*s.SECRET_KEY_FALLBACKS, sep='\\n')"


@pytest.mark.parametrize("way", ["variable", "named file", "file beside the key"])
def test_earlier_keys_are_read_as_the_key_is(way: str, tmp_path: Path) -> None:
    keys = ["first-earlier-key-0123456789-abcdef", "second-earlier-key-012345678-abcde"]
    named, beside = tmp_path / "keys", tmp_path / "secret_key_fallbacks"
    environment = os.environ | {
        "ACRPORTAL_DATA_DIR": str(tmp_path),
        "DJANGO_SETTINGS_MODULE": "acrportal.settings",
        "SECRET_KEY": "only for this test, and as long as a real one has to be",
    }
    if way == "variable":
        environment["SECRET_KEY_FALLBACKS"] = ",".join(keys)
    elif way == "named file":
        environment["SECRET_KEY_FALLBACKS_FILE"] = str(named)
    (beside if way == "file beside the key" else named).write_text("\n".join(keys))

    process = python("-c", _SHOW, env=environment, check=True)

    assert process.stdout.split() == keys
