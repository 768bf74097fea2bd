"""Ways to sign in that need a real browser: passkeys, app codes, single sign-on."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django.contrib.staticfiles.handlers import StaticFilesHandler
from playwright.sync_api import Browser, CDPSession, Page, expect
from pytest_django import Settings
from pytest_django.live_server_helper import LiveServer

from base.accounts.models import User
from base.accounts.roles import Role
from tests.accounts.openid_server import openid_server, provider_settings
from tests.accounts.test_sign_in import code_of
from tests.factories.accounts import make_user

pytestmark = [pytest.mark.e2e, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def ana() -> User:
    """Return a reviewer."""
    return make_user(Role.REVIEWER, username="ana")


@pytest.fixture
def page(
    browser: Browser, live_server: LiveServer, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Page]:
    """Return a page of a portal in this process; console errors fail the test."""
    # The portal serves its static files itself, at its own addresses.
    monkeypatch.setattr(StaticFilesHandler, "_should_handle", lambda *_path: False)
    context = browser.new_context(base_url=live_server.url)
    opened, faults = context.new_page(), []
    opened.on("pageerror", lambda error: faults.append(str(error)))
    opened.on(
        "console", lambda message: faults.append(message.text) if message.type == "error" else None
    )
    yield opened
    context.close()
    assert not faults, faults


@pytest.fixture
def authenticator(page: Page) -> CDPSession:
    """Add a security key that verifies its owner and stores passkeys."""
    session = page.context.new_cdp_session(page)
    session.send("WebAuthn.enable")
    session.send(
        "WebAuthn.addVirtualAuthenticator",
        {
            "options": {
                "protocol": "ctap2",
                "transport": "internal",
                "hasResidentKey": True,
                "hasUserVerification": True,
                "isUserVerified": True,
                "automaticPresenceSimulation": True,
            }
        },
    )
    return session


def sign_in(page: Page) -> None:
    """Submit name and password."""
    page.goto("/accounts/login/")
    page.fill("input[name=username]", "ana")
    page.fill("input[name=password]", "secret")
    page.click("form:has(#id_username) button[type=submit]")


def sign_out(page: Page) -> None:
    """Delete the session cookie, as in another browser."""
    page.context.clear_cookies()


def confirm_password(page: Page) -> None:
    """Confirm the password, which changing a sign-in method requires."""
    page.fill("input[name=password]", "secret")
    page.get_by_role("button", name="Confirm").click()


@pytest.mark.usefixtures("authenticator")
def test_a_passkey_is_added_signs_in_and_is_removed(ana: User, page: Page) -> None:
    sign_in(page)
    page.goto("/accounts/2fa/webauthn/add/")
    confirm_password(page)
    page.fill("input[name=name]", "My laptop")
    page.check("input[name=passwordless]")
    page.locator("#mfa_webauthn_add").click()
    expect(page.get_by_role("heading", name="Recovery Codes")).to_be_visible()

    sign_out(page)
    page.goto("/accounts/login/")
    page.get_by_role("button", name="Sign in with a passkey").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Dashboard")
    passkeys = Authenticator.objects.filter(type=Authenticator.Type.WEBAUTHN)
    assert passkeys.get().last_used_at is not None

    page.goto("/accounts/2fa/webauthn/")
    expect(page.get_by_text("My laptop")).to_be_visible()
    page.get_by_role("link", name="Remove").click()
    # The key itself is asked for: the password could be stolen.
    page.get_by_role("button", name="Use a security key").click()
    page.get_by_role("button", name="Remove").click()
    expect(page.get_by_text("No security keys have been added.")).to_be_visible()
    assert not Authenticator.objects.filter(user=ana).exists()

    sign_out(page)
    page.goto("/accounts/login/")
    # The browser still has the key and sends it; the server does not know it any more.
    with page.expect_navigation():
        page.get_by_role("button", name="Sign in with a passkey").click()
    page.goto("/queue/")
    expect(page).to_have_url(re.compile("/accounts/login/"))


@pytest.mark.soak
def test_codes_of_an_app_are_set_up_asked_for_and_switched_off(ana: User, page: Page) -> None:
    sign_in(page)
    page.goto("/accounts/2fa/totp/activate/")
    confirm_password(page)
    secret = page.locator("#authenticator_secret").input_value()
    page.fill("input[name=code]", code_of(secret))
    page.get_by_role("button", name="Activate").click()
    expect(page.get_by_role("heading", name="Recovery Codes")).to_be_visible()

    sign_out(page)
    sign_in(page)
    page.fill("input[name=code]", code_of(secret))
    page.get_by_role("button", name="Sign In").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Dashboard")


def test_single_sign_on_leads_there_and_back(page: Page, settings: Settings) -> None:
    with openid_server() as server:
        settings.SOCIALACCOUNT_PROVIDERS = provider_settings(server.url)
        policy = settings.CONTENT_SECURITY_POLICY["DIRECTIVES"]
        settings.CONTENT_SECURITY_POLICY = {
            "DIRECTIVES": policy | {"form-action": ["'self'", server.url]}
        }
        page.goto("/accounts/login/?next=/queue/")
        page.get_by_role("button", name="Single sign-on").click()

        expect(page).to_have_url(re.compile("/queue/$"))


def test_a_session_elsewhere_is_ended(
    ana: User, page: Page, browser: Browser, live_server: LiveServer
) -> None:
    elsewhere = browser.new_context(base_url=live_server.url).new_page()
    for tab in (elsewhere, page):
        sign_in(tab)
        expect(tab.get_by_role("heading", level=1)).to_contain_text("Dashboard")

    page.goto("/accounts/sessions/")
    page.get_by_role("row").get_by_role("button", name="Sign out").click()

    expect(page.get_by_text("Signed out there.")).to_be_visible()
    elsewhere.goto("/queue/")
    expect(elsewhere).to_have_url(re.compile("/accounts/login/"))
    assert UserSession.objects.count() == 1
    elsewhere.context.close()
