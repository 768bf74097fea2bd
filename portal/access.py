"""Lets a view in for those whose role allows it, with a sentence for the others."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec, cast

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from accounts.roles import Action

P = ParamSpec("P")


class PortalRequest(HttpRequest):
    """A request whose user is signed in; the middleware sees to it."""

    user: User


NOT_ALLOWED = _("Your role does not allow this. Ask an admin for a role that does.")

View = Callable[Concatenate[PortalRequest, P], HttpResponseBase]


def needs(
    action: Action, *, to_post: Action | None = None
) -> Callable[[View[P]], View[P]]:
    """Refuse with 403 whoever may not do ``action``; a POST may ask for another.

    Every page has it: ``tests/security`` reads it from the addresses and asks each of
    them as everybody.
    """
    actions = {"POST": to_post or action}

    def decorate(view: View[P]) -> View[P]:
        @wraps(view)
        def guarded(
            request: PortalRequest, *args: P.args, **kwargs: P.kwargs
        ) -> HttpResponseBase:
            if not request.user.has_perm(actions.get(str(request.method), action)):
                raise PermissionDenied(str(NOT_ALLOWED))
            return view(request, *args, **kwargs)

        guarded.rule = actions | {"GET": action}  # type: ignore[attr-defined]  # read by the test of all views
        return cast("View[P]", guarded)

    return decorate
