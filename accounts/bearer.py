"""Bearer tokens, the authentication of both APIs."""

from __future__ import annotations

from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from accounts.models import ApiToken, User
from accounts.reach import work_for
from accounts.tokens import TokenRefused, find_token
from common.attribution import act_through

_HOW_TO = "Send the header 'Authorization: Bearer TOKEN'."


class BearerAuthentication(BaseAuthentication):
    """Authenticates a request by the token in its Authorization header."""

    def authenticate(self, request: Request) -> tuple[User, ApiToken] | None:
        """Return owner and token, or None without an Authorization header."""
        words = get_authorization_header(request).split()
        if not words:
            return None
        if len(words) != 2 or words[0].lower() != b"bearer":
            raise AuthenticationFailed(
                f"The Authorization header is malformed. {_HOW_TO}"
            )
        try:
            # Headers are bytes; surrogateescape keeps invalid ones unequal to any
            # token.
            token = find_token(words[1].decode("utf-8", "surrogateescape"))
        except TokenRefused as error:
            raise AuthenticationFailed(str(error)) from error
        work_for(token.owner)
        act_through(f"token:{token.uid} {token.name}"[:80])
        return token.owner, token

    def authenticate_header(self, request: Request) -> str:
        """Return the WWW-Authenticate header; without it DRF answers 403."""
        return 'Bearer realm="api"'
