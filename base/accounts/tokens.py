"""Creates, finds and revokes API tokens, and authenticates the calls of both APIs.

Only a token's hash is stored. A token has 256 random bits, so plain SHA-256 suffices: a
slow password hash would protect nothing more.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from django.db import transaction
from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from base.accounts.models import ApiToken, User
from base.accounts.reach import work_for
from base.accounts.roles import Scope
from base.accounts.services import account_changed
from base.common.attribution import act_through
from base.common.last_use import note_use

_HOW_TO = "Send the header 'Authorization: Bearer TOKEN'."
NO_TOKEN = f"The request has no token. {_HOW_TO}"

_PREFIX = "acrp_"
_HINT_CHARS = len(_PREFIX) + 5


class TokenRefused(Exception):
    """The token is unusable; the message says why."""


@dataclass(frozen=True, slots=True)
class NewToken:
    """A new token with its secret, which is available only here."""

    token: ApiToken
    secret: str


def create_token(
    *,
    owner: User,
    name: str,
    scopes: Iterable[str],
    expires_at: datetime | None = None,
    actor: User | str = "system",
) -> NewToken:
    """Create a token for ``owner``; only the return value contains its secret."""
    secret = _PREFIX + secrets.token_urlsafe(32)
    with transaction.atomic():
        token = ApiToken.objects.create(
            owner=owner,
            name=name[:100],
            scopes=sorted({Scope(scope).value for scope in scopes}),
            digest=digest_of(secret),
            # Five random characters reveal too little to help an attacker.
            hint=secret[:_HINT_CHARS],
            expires_at=expires_at,
        )
        _send_change(token, "token.created", actor)
    return NewToken(token, secret)


def revoke_token(*, token: ApiToken, actor: User | str) -> None:
    """Revoke a token at once; revoking it again changes nothing."""
    with transaction.atomic():
        revoked = ApiToken.objects.filter(pk=token.pk, revoked_at__isnull=True).update(
            revoked_at=datetime.now(tz=UTC)
        )
        if revoked:
            _send_change(token, "token.revoked", actor)
    token.refresh_from_db()


def find_token(secret: str) -> ApiToken:
    """Return the usable token with this secret, or raise ``TokenRefused``."""
    token = ApiToken.objects.select_related("owner").filter(digest=digest_of(secret)).first()
    if token is None:
        raise TokenRefused("This token is unknown. Check that it is complete.")
    if token.revoked_at is not None:
        raise TokenRefused(
            f"This token was revoked on {token.revoked_at:%Y-%m-%d}. Make a new one."
        )
    if token.expires_at is not None and token.is_expired:
        raise TokenRefused(f"This token expired on {token.expires_at:%Y-%m-%d}. Make a new one.")
    if not token.owner.is_active:
        raise TokenRefused("The account that this token belongs to is deactivated. Ask an admin.")
    # After all checks: refused calls are no use.
    note_use(ApiToken.objects.filter(pk=token.pk), token.last_used_at)
    return token


def digest_of(secret: str) -> str:
    """Return the stored hash of a token."""
    return hashlib.sha256(secret.encode("utf-8", "surrogateescape")).hexdigest()


def _send_change(token: ApiToken, action: str, actor: User | str) -> None:
    account_changed.send(
        sender=ApiToken,
        case=f"token:{token.uid}",
        action=action,
        actor=actor,
        after={
            "name": token.name,
            "owner": token.owner_id,
            "scopes": token.scopes,
            "expires_at": token.expires_at.isoformat() if token.expires_at else "",
        },
    )


class BearerAuthentication(BaseAuthentication):
    """Authenticates a request by the token in its Authorization header."""

    def authenticate(self, request: Request) -> tuple[User, ApiToken] | None:
        """Return owner and token, or None without an Authorization header."""
        words = get_authorization_header(request).split()
        if not words:
            return None
        if len(words) != 2 or words[0].lower() != b"bearer":
            raise AuthenticationFailed(f"The Authorization header is malformed. {_HOW_TO}")
        try:
            # Headers are bytes; surrogateescape keeps invalid ones unequal to any
            # token.
            token = find_token(words[1].decode("utf-8", "surrogateescape"))
        except TokenRefused as error:
            raise AuthenticationFailed(str(error)) from error
        request._request.api_token = token  # type: ignore[attr-defined]  # for ``RequestLimits``
        work_for(token.owner)
        act_through(f"token:{token.uid} {token.name}"[:80])
        return token.owner, token

    def authenticate_header(self, request: Request) -> str:
        """Return the WWW-Authenticate header; without it DRF answers 403."""
        return 'Bearer realm="api"'
