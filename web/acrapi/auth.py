"""Permission of bearer tokens; cookies do not count here."""

from __future__ import annotations

from django.contrib.auth.models import AnonymousUser
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.views import APIView

from base.accounts.models import ApiToken, User
from base.accounts.roles import Action, scopes_allow, scopes_for
from web.acrapi.errors import WireError


class TokenAllows(BasePermission):
    """Checks the token's scopes and the owner's role for the view's action."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        """Allow the call, or raise an error that names the missing scope or role."""
        if isinstance(request.user, AnonymousUser) or not request.auth:
            return False
        actions: dict[str, Action] = getattr(view, "actions", {})
        method = "GET" if request.method == "HEAD" else str(request.method)
        action = actions.get(method, Action.VIEW)
        token = token_of(request)
        # Two errors, because different people can fix scope and role.
        if not scopes_allow(token.scopes, action):
            needed = " or ".join(f"'{scope}'" for scope in scopes_for(action))
            raise WireError(403, "forbidden", f"This token lacks the scope {needed}.")
        if not token.allows(action):
            raise WireError(
                403,
                "forbidden",
                f"The role of {token.owner} does not allow this. Ask an admin for a "
                "role that does.",
            )
        return True


def token_of(request: Request) -> ApiToken:
    """Return the token of an authenticated call."""
    token = request.auth
    assert isinstance(token, ApiToken)  # noqa: S101 - the permission class ensures it
    return token


def user_of(request: Request) -> User:
    """Return the owner of the token."""
    return token_of(request).owner
