"""Some roles must have a second factor: whoever has none sets one up first."""

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
_FREE = ("/accounts/", "/static/")


def note_at_sign_in(request: HttpRequest, user: User, **_signal: object) -> None:
    """Remember in the session that the person has to set up a second factor."""
    asked = AccessLimit.objects.filter(group__user=user, second_factor=True).exists()
    if asked and not is_mfa_enabled(user):
        request.session[_MUST_SET_UP] = True


def remove_second_factors(person: User) -> int:
    """Take away all of a person's, for one who lost them; return how many those were.

    What is left to open the account is the password, so every session ends too.
    """
    factors = Authenticator.objects.filter(user=person)
    count: int = factors.count()
    factors.delete()
    end_all_sessions(person)
    return count


def require_second_factor(
    get_response: Callable[[HttpRequest], HttpResponse],
) -> Callable[[HttpRequest], HttpResponse]:
    """Lead to the page of second factors whoever needs one and has none."""

    def middleware(request: HttpRequest) -> HttpResponse:
        if not request.session.get(_MUST_SET_UP) or request.path.startswith(_FREE):
            return get_response(request)
        if is_mfa_enabled(request.user):
            del request.session[_MUST_SET_UP]
            return get_response(request)
        told = _("Your role needs a second factor. Set one up to go on.")
        if request.path.startswith("/api/"):
            return JsonResponse(error_body("second_factor", told), status=403)
        messages.warning(request, told)
        return redirect("mfa_index")

    return middleware
