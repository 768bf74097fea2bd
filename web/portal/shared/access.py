"""Decorators that restrict views to roles and ask for a recent sign-in."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec, cast

from allauth.account.decorators import reauthentication_required
from django.core.exceptions import PermissionDenied
from django.forms import BaseForm
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext_lazy as _

from base.accounts.models import User
from base.accounts.roles import Action

P = ParamSpec("P")


class PortalRequest(HttpRequest):
    """A request of a signed-in user, which the login middleware guarantees."""

    user: User


NOT_ALLOWED = _("Your role does not allow this. Ask an admin for a role that does.")

ask_to_confirm = reauthentication_required(lambda _request: None)
"""Raises unless the person gave password or second factor within the last minutes.

The library then asks, and repeats the request with the same fields."""

View = Callable[Concatenate[PortalRequest, P], HttpResponseBase]


def needs(action: Action, *, to_post: Action | None = None) -> Callable[[View[P]], View[P]]:
    """Answer 403 unless the user may perform ``action``, or ``to_post`` for a POST.

    Every view must use it: ``tests/security`` reads the rule from every URL and requests
    each URL with the weakest role that may and the strongest that may not.
    """
    actions = {"POST": to_post or action}

    def decorate(view: View[P]) -> View[P]:
        @wraps(view)
        def guarded(request: PortalRequest, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
            if not request.user.has_perm(actions.get(str(request.method), action)):
                raise PermissionDenied(str(NOT_ALLOWED))
            return view(request, *args, **kwargs)

        guarded.rule = actions | {"GET": action}  # type: ignore[attr-defined]  # read by the test of all views
        return cast("View[P]", guarded)

    return decorate


def confirmed_to_post(view: View[P]) -> View[P]:
    """Ask for the password or second factor before a POST, unless given recently.

    After the confirmation the original POST continues.
    """
    return cast("View[P]", reauthentication_required(allow_get=True)(view))


def confirm_outbound(request: HttpRequest, form: BaseForm, *names: str) -> None:
    """Ask who it is if the form changes where something is sent to."""
    if set(names) & set(form.changed_data):
        ask_to_confirm(request)


def own_address(request: HttpRequest, address: str) -> str:
    """Return the address if it leads to this portal, otherwise "".

    Forms carry the address of the page that they came from; a forged one must not lead
    to another site.
    """
    is_ours = url_has_allowed_host_and_scheme(address, allowed_hosts={request.get_host()})
    return address if is_ours else ""


def wants_json(request: HttpRequest) -> bool:
    """Return whether a script asks, which reads JSON instead of a page."""
    return request.headers.get("Accept", "") == "application/json"
