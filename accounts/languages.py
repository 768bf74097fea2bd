"""The language of pages: a person's choice, or else the browser's."""

from __future__ import annotations

from collections.abc import Callable

from django import forms
from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.utils import translation
from django.utils.cache import patch_vary_headers
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from accounts.models import User

# Programs read these answers and their texts are stored, so they stay English.
_MACHINES = ("/api/", "/v1/", "/callbacks/", "/uploads/", "/metrics", "/healthz")
_PAGES_OWN_API = "/api/portal/"


def speak_language(
    get_response: Callable[[HttpRequest], HttpResponseBase],
) -> Callable[[HttpRequest], HttpResponseBase]:
    """Answer each request in its reader's language.

    Requests with a token are answered in English, as are those of ACRCloud clients.
    """

    def middleware(request: HttpRequest) -> HttpResponseBase:
        language = _language_of(request)
        with translation.override(language):
            request.LANGUAGE_CODE = language
            response = get_response(request)
        if response.headers.get("Content-Type", "").startswith("text/html"):
            response.headers.setdefault("Content-Language", language)
            patch_vary_headers(response, ("Accept-Language",))
        return response

    return middleware


def _language_of(request: HttpRequest) -> str:
    if request.path.startswith(_MACHINES) and (
        not request.path.startswith(_PAGES_OWN_API)
        or "Authorization" in request.headers
    ):
        return settings.LANGUAGE_CODE
    user = request.user
    if isinstance(user, User) and user.language in dict(settings.LANGUAGES):
        return user.language
    return translation.get_language_from_request(request)


class LanguageForm(forms.Form):
    """The choice of a language; empty follows the browser."""

    language = forms.ChoiceField(
        required=False,
        label=_("Language"),
        help_text=_("Reports, API answers and evidence packs stay in English."),
    )

    def __init__(self, *arguments: object, **options: object) -> None:
        super().__init__(*arguments, **options)  # type: ignore[arg-type]  # Django's own
        field = self.fields["language"]
        if isinstance(field, forms.ChoiceField):
            field.choices = [("", gettext("Same as the browser")), *settings.LANGUAGES]


def choose_language(request: HttpRequest) -> HttpResponseBase:
    """Show the choice of a language, and keep it for the signed-in person."""
    user = request.user
    if not isinstance(user, User):
        return redirect("account_login")
    form = LanguageForm(request.POST or None, initial={"language": user.language})
    if request.method == "POST" and form.is_valid():
        user.language = form.cleaned_data["language"]
        user.save(update_fields=["language"])
        language = user.language or translation.get_language_from_request(request)
        with translation.override(language):
            messages.success(request, gettext("The language was saved."))
        return redirect("account_language")
    return render(request, "account/language.html", {"form": form})
