"""The language and time zone of pages: a person's choice, or else a default."""

from __future__ import annotations

from collections.abc import Callable

from django import forms
from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.utils import timezone, translation
from django.utils.cache import patch_vary_headers
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from base.accounts.models import User
from base.common.zones import is_zone, zone_choices

# Programs read these answers and their texts are stored, so they stay English.
_MACHINES = ("/api/", "/v1/", "/callbacks/", "/uploads/", "/metrics", "/healthz")
_PAGES_OWN_API = "/api/portal/"
_BROWSER_ZONE = "browser_zone"


def speak_language(
    get_response: Callable[[HttpRequest], HttpResponseBase],
) -> Callable[[HttpRequest], HttpResponseBase]:
    """Answer each request in its reader's language and time zone.

    Requests with a token are answered in English, as are those of ACRCloud clients.
    """

    def middleware(request: HttpRequest) -> HttpResponseBase:
        language = _language_of(request)
        with translation.override(language), timezone.override(_zone_of(request)):
            request.LANGUAGE_CODE = language
            response = get_response(request)
        if response.headers.get("Content-Type", "").startswith("text/html"):
            response.headers.setdefault("Content-Language", language)
            patch_vary_headers(response, ("Accept-Language",))
        return response

    return middleware


def _language_of(request: HttpRequest) -> str:
    if request.path.startswith(_MACHINES) and (
        not request.path.startswith(_PAGES_OWN_API) or "Authorization" in request.headers
    ):
        return settings.LANGUAGE_CODE
    user = request.user
    if isinstance(user, User) and user.language in dict(settings.LANGUAGES):
        return user.language
    return translation.get_language_from_request(request)


def guesses_zone(request: HttpRequest) -> bool:
    """Return whether a page is in the portal's zone because the reader's is not known yet.

    ``early.js`` then names the browser's and asks for the page again: a browser that keeps
    a session may have lost the cookie, or somebody signed in without a page of ours.
    """
    user = request.user
    is_known = isinstance(user, User) and (bool(user.time_zone) or _BROWSER_ZONE in request.COOKIES)
    return user.is_authenticated and not is_known and request.method == "GET"


def _zone_of(request: HttpRequest) -> str | None:
    """Return the reader's zone, else the browser's, which ``early.js`` names in a cookie.

    None is the portal's, as answers to programs have.
    """
    user = request.user
    if request.path.startswith(_MACHINES) or not isinstance(user, User):
        return None
    zone = user.time_zone or request.COOKIES.get(_BROWSER_ZONE, "")
    return zone if is_zone(zone) else None


def _languages() -> list[tuple[str, str]]:
    return [("", gettext("Same as the browser")), *settings.LANGUAGES]


def _zones() -> list[tuple[str, str]]:
    return [("", gettext("Same as the browser")), *zone_choices()]


class ReaderForm(forms.Form):
    """How somebody reads pages; empty follows the browser and the portal."""

    language = forms.ChoiceField(
        required=False,
        choices=_languages,
        label=_("Language"),
        help_text=_("Reports, API answers and evidence packs stay in English."),
    )
    time_zone = forms.ChoiceField(
        required=False,
        choices=_zones,
        label=_("Time zone"),
        widget=forms.Select({"class": "control", "data-picker": ""}),
        help_text=_(
            "Pages show times in this zone, and the times that you enter are in "
            "it. Reports and evidence packs stay in UTC."
        ),
    )


def choose_reading(request: HttpRequest) -> HttpResponseBase:
    """Show the choice of language and time zone, and keep both for the person."""
    user = request.user
    if not isinstance(user, User):
        return redirect("account_login")
    initial = {"language": user.language, "time_zone": user.time_zone}
    form = ReaderForm(request.POST or None, initial=initial)
    if request.method == "POST" and form.is_valid():
        user.language = form.cleaned_data["language"]
        user.time_zone = form.cleaned_data["time_zone"]
        user.save(update_fields=["language", "time_zone"])
        language = user.language or translation.get_language_from_request(request)
        with translation.override(language):
            messages.success(request, gettext("Language and time zone were saved."))
        return redirect("account_language")
    return render(request, "account/language.html", {"form": form})
