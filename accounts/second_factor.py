"""Makes people set up a second factor if one of their groups requires it."""

from __future__ import annotations

from collections.abc import Callable

from allauth.mfa.models import Authenticator
from allauth.mfa.utils import is_mfa_enabled
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _

from accounts.models import AccessLimit, User
from accounts.sessions import end_all_sessions
from common.api_errors import error_body

_MUST_SET_UP = "must_set_up_second_factor"
# Pages that stay open until then: setting up the factor, and styles.
_FREE = ("/accounts/", "/static/")


def note_at_sign_in(request: HttpRequest, user: User, **_signal: object) -> None:
    """Mark the session if the person must still set up a second factor."""
    asked = AccessLimit.objects.filter(group__user=user, second_factor=True).exists()
    if asked and not is_mfa_enabled(user):
        request.session[_MUST_SET_UP] = True


def remove_second_factors(person: User) -> int:
    """Remove all second factors of a person who lost them; return how many.

    Only the password protects the account then, so all its sessions end too.
    """
    factors = Authenticator.objects.filter(user=person)
    count: int = factors.count()
    factors.delete()
    end_all_sessions(person)
    return count


def require_second_factor(
    get_response: Callable[[HttpRequest], HttpResponse],
) -> Callable[[HttpRequest], HttpResponse]:
    """Redirect people who still need a second factor to the page that sets one up."""

    def middleware(request: HttpRequest) -> HttpResponse:
        if not request.session.get(_MUST_SET_UP) or request.path.startswith(_FREE):
            return get_response(request)
        # The person has just set one up.
        if is_mfa_enabled(request.user):
            del request.session[_MUST_SET_UP]
            return get_response(request)
        text = _("Your role needs a second factor. Set one up to continue.")
        if request.path.startswith("/api/"):
            return JsonResponse(error_body("second_factor", text), status=403)
        messages.warning(request, text)
        return redirect("mfa_index")

    return middleware
