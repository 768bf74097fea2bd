"""Keeps what somebody typed when the session was over before it was sent.

The form waits in the new session, unsent. After signing in the page comes back with
it filled in: nothing is decided before it is sent once more.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, cast
from urllib.parse import urlencode

from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, QueryDict
from django.http.response import HttpResponseBase
from django.utils.translation import gettext as _

from portal.access import PortalRequest, View

KEPT = "kept_form"
CODE = "signed_out"
MAX_CHARS = 400_000

P = ParamSpec("P")


def message() -> str:
    """Return the sentence above a form that came back."""
    return _("You were signed out, so nothing was saved. Look again, then send it.")


def keeps_typed(page_of: Callable[P, str]) -> Callable[[View[P]], View[P]]:
    """Let a post without a session lead through sign-in back to its page, filled.

    ``page_of`` takes what the view takes and returns the path of the page that shows
    the form. A script is sent to the sign-in page and keeps the form itself.
    """

    def decorate(view: View[P]) -> View[P]:
        @wraps(view)
        def guarded(
            request: HttpRequest, *args: P.args, **kwargs: P.kwargs
        ) -> HttpResponseBase:
            if request.user.is_authenticated:
                return view(cast("PortalRequest", request), *args, **kwargs)
            page = page_of(*args, **kwargs)
            if request.method == "POST":
                _keep(request, page)
            query = request.GET.urlencode()
            return redirect_to_login(f"{page}?{query}" if query else page)

        return cast("View[P]", login_not_required(guarded))

    return decorate


def _keep(request: HttpRequest, page: str) -> None:
    told = {
        name: values
        for name, values in request.POST.lists()
        if name != "csrfmiddlewaretoken"
    }
    text = urlencode(told, doseq=True)
    if len(text) <= MAX_CHARS:
        request.session[KEPT] = [page, text]


def take(request: HttpRequest) -> QueryDict | None:
    """Return the form that waits for this page, once; None where none does."""
    page, text = request.session.get(KEPT, ("", ""))
    if page != request.path:
        return None
    del request.session[KEPT]
    return QueryDict(text)
