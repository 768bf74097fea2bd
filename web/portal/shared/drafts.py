"""Keeps a form that was sent after its session had ended.

The form waits in the new session. After sign-in its page opens with the fields filled
in; nothing is saved until the user sends it again.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, cast
from urllib.parse import urlencode

from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, JsonResponse, QueryDict
from django.http.response import HttpResponseBase
from django.utils.translation import gettext as _

from web.portal.shared.access import PortalRequest, View

KEPT = "kept_form"
CODE = "signed_out"
MAX_CHARS = 400_000
SENT_BY = "X-Sent-By"
"""The header with the key of the user whose form a script sends."""

P = ParamSpec("P")


def message() -> str:
    """Return the notice above a form that was restored after sign-in."""
    return _("You were signed out, so nothing was saved. Check what you typed, then send it again.")


def keeps_typed(page_of: Callable[P, str]) -> Callable[[View[P]], View[P]]:
    """Send a POST without a session to sign-in, then back to its page, filled in.

    ``page_of`` takes the view's URL arguments and returns the path of the page with the
    form. A script keeps the form itself, and names the user whose it is: nothing is
    saved for another user who has signed in meanwhile.
    """

    def decorate(view: View[P]) -> View[P]:
        @wraps(view)
        def guarded(request: HttpRequest, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
            sent_by = request.headers.get(SENT_BY)
            if request.user.is_authenticated:
                if sent_by not in (None, str(request.user.pk)):
                    return _refuse_other_user(request)
                return view(cast("PortalRequest", request), *args, **kwargs)
            page = page_of(*args, **kwargs)
            if request.method == "POST" and sent_by is None:
                _keep(request, page)
            query = request.GET.urlencode()
            return redirect_to_login(f"{page}?{query}" if query else page)

        return cast("View[P]", login_not_required(guarded))

    return decorate


def _refuse_other_user(request: HttpRequest) -> HttpResponseBase:
    message = _(
        "%(user)s is signed in here now. What you decide is kept in this browser and "
        "sent when you sign in again."
    ) % {"user": request.user.get_username()}
    return JsonResponse({"code": "other_user", "message": message}, status=409)


def _keep(request: HttpRequest, page: str) -> None:
    fields = {
        name: values for name, values in request.POST.lists() if name != "csrfmiddlewaretoken"
    }
    text = urlencode(fields, doseq=True)
    if len(text) <= MAX_CHARS:
        request.session[KEPT] = [page, text]


def take(request: HttpRequest) -> QueryDict | None:
    """Remove and return the form stored for this page; None if there is none."""
    page, text = request.session.get(KEPT, ("", ""))
    if page != request.path:
        return None
    del request.session[KEPT]
    return QueryDict(text)
