"""Keeps a form until its sender has confirmed who they are, then sends it to its own page.

The library would repeat the request under the address of the page that asks: a form that
is refused then would be sent to that page once it is corrected, and a form whose address
has a query would be lost.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from allauth.account.internal.flows.reauthentication import (
    STATE_SESSION_KEY,
    stash_and_reauthenticate,
)
from allauth.core.exceptions import ReauthenticationRequired
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict

_SESSION_KEY = "confirmed_form"


def send_again(request: HttpRequest, form: dict[str, str]) -> HttpResponse:
    """Let the browser repeat its POST where the form was filled in."""
    # The token differs with each page, so no other form is taken for the repeated one.
    sender = request.POST.get("csrfmiddlewaretoken", "")
    request.session[_SESSION_KEY] = form | {"sender": sender}
    return HttpResponseRedirect(form["address"], preserve_request=True)


class KeepForms:
    """Middleware that keeps the fields of a form, and gives them back to its view.

    It must run after the check against forged requests, which reads the repeated POST, and
    inside the library's middleware, which asks before a page that is only opened.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self._get_response(request)

    def process_view(self, request: HttpRequest, *_arguments: Any) -> None:
        """Replace the password or code by the fields that were kept.

        Any: Django's own signature.
        """
        form = request.session.get(_SESSION_KEY) if request.method == "POST" else None
        if form is None or form["address"] != request.get_full_path():
            return
        if form["sender"] == request.POST.get("csrfmiddlewaretoken", ""):
            del request.session[_SESSION_KEY]
            request.POST = QueryDict(form["fields"])

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        """Ask the sender to confirm who they are, and keep the form meanwhile."""
        if not isinstance(exception, ReauthenticationRequired):
            return None
        if request.method != "POST":
            # Whoever left a form unsent and confirms for another page does not send it.
            request.session.pop(STATE_SESSION_KEY, None)
            return None
        form = {"address": request.get_full_path(), "fields": request.POST.urlencode()}
        path = f"{__name__}.{send_again.__name__}"
        answer: HttpResponse = stash_and_reauthenticate(request, form, path)
        return answer
