"""Each reader gets their language; ``make check`` tells whether catalogues are complete."""

from __future__ import annotations

import pytest
from django.conf import settings
from django.test import Client
from django.urls import reverse
from django.utils import translation

from acrportal import translations
from base.accounts.models import User
from base.accounts.roles import Role
from review.choices import MatchState
from tests.fixtures import MakeClient

OFFERED = [code for code, _name in settings.LANGUAGES if code != translations.REFERENCE]


def test_every_catalogue_is_offered() -> None:
    assert translations.languages() == sorted(OFFERED)


@pytest.mark.soak
@pytest.mark.slow
def test_a_text_without_a_translation_is_named() -> None:
    marked = {message.id for message in translations.collect()}

    assert "Choose at least one recording." in marked, "a text of a service"
    assert ("%(n)s match", "%(n)s matches") in marked, "a plural of a template"
    assert "created at" in marked, "a name of a field"


@pytest.mark.django_db
def test_person_chooses_a_language_which_wins_over_the_browser(signed_in: MakeClient) -> None:
    client = signed_in(Role.REVIEWER)
    page = client.get(reverse("account_language"), headers={"Accept-Language": "en"})
    assert '<html lang="en"' in page.content.decode()

    client.post(reverse("account_language"), {"language": "de"})
    page = client.get(reverse("portal:dashboard"), headers={"Accept-Language": "en"})

    assert '<html lang="de"' in page.content.decode()
    assert "Übersicht" in page.content.decode()
    assert page.headers["Content-Language"] == "de"


@pytest.mark.django_db
def test_browser_chooses_until_the_person_does(client: Client) -> None:
    german = client.get("/accounts/login/", headers={"Accept-Language": "de-AT,de"})
    unknown = client.get("/accounts/login/", headers={"Accept-Language": "tlh"})

    assert "Anmelden" in german.content.decode()
    assert "Sign in" in unknown.content.decode()


@pytest.mark.django_db
def test_an_unknown_language_is_refused(signed_in: MakeClient) -> None:
    client = signed_in(Role.VIEWER)
    client.post(reverse("account_language"), {"language": "xx"})

    assert not User.objects.filter(language="xx").exists()


@pytest.mark.django_db
def test_programs_are_answered_in_english(client: Client) -> None:
    answer = client.get("/api/buckets", headers={"Accept-Language": "de"})

    assert answer.status_code == 401
    assert answer.json()["message"] == (
        "The request has no token. Send the header 'Authorization: Bearer TOKEN'."
    )


@pytest.mark.django_db
def test_refusals_of_services_speak_the_readers_language(signed_in: MakeClient) -> None:
    client = signed_in(Role.MANAGER)
    User.objects.update(language="de")

    answer = client.post(reverse("portal:decide_many"), {"verb": "confirm"}, follow=True)

    assert "Wählen Sie mindestens einen Treffer aus." in answer.content.decode()


def test_labels_follow_the_language_and_codes_do_not() -> None:
    with translation.override("de"):
        assert str(MatchState.CONFIRMED.label) == "Bestätigt"
        assert MatchState.CONFIRMED.value == "confirmed"
