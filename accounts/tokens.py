"""Making, finding and revoking API tokens.

Only the hash of a token is kept. It carries 256 random bits, so a plain SHA-256 is
enough: there is nothing to guess.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.db import transaction

from accounts.models import ApiToken, User
from accounts.scopes import Scope
from accounts.signals import account_changed

_PREFIX = "acrp_"
_HINT_CHARS = len(_PREFIX) + 5
# The moment of last use is a help to people, not a log: once a minute is enough.
_LAST_USE_STEP = timedelta(minutes=1)


class TokenRefused(Exception):
    """The token opens nothing; the text says why."""


@dataclass(frozen=True, slots=True)
class NewToken:
    """A token just made, with the secret that is shown this once."""

    token: ApiToken
    secret: str


def create_token(
    *,
    owner: User,
    name: str,
    scopes: Iterable[str] = (Scope.ALL,),
    expires_at: datetime | None = None,
    actor: User | str = "system",
) -> NewToken:
    """Make a token for ``owner``; its secret is in the answer and nowhere else."""
    secret = _PREFIX + secrets.token_urlsafe(32)
    with transaction.atomic():
        token = ApiToken.objects.create(
            owner=owner,
            name=name[:100],
            scopes=sorted({Scope(scope).value for scope in scopes}),
            digest=digest_of(secret),
            hint=secret[:_HINT_CHARS],
            expires_at=expires_at,
        )
        _tell(token, "token.created", actor)
    return NewToken(token, secret)


def revoke_token(*, token: ApiToken, actor: User | str) -> None:
    """End a token at once; ending it again changes nothing."""
    with transaction.atomic():
        ended = ApiToken.objects.filter(pk=token.pk, revoked_at__isnull=True).update(
            revoked_at=datetime.now(tz=UTC)
        )
        if ended:
            _tell(token, "token.revoked", actor)
    token.refresh_from_db()


def find_token(secret: str) -> ApiToken:
    """Return the usable token with this secret; raise ``TokenRefused`` otherwise."""
    token = (
        ApiToken.objects.select_related("owner")
        .filter(digest=digest_of(secret))
        .first()
    )
    if token is None:
        raise TokenRefused("This token is not known. Check that it is complete.")
    if token.revoked_at is not None:
        raise TokenRefused(
            f"This token was revoked on {token.revoked_at:%Y-%m-%d}. Make a new one."
        )
    if token.expires_at is not None and token.is_expired:
        raise TokenRefused(
            f"This token expired on {token.expires_at:%Y-%m-%d}. Make a new one."
        )
    if not token.owner.is_active:
        raise TokenRefused("The account that this token belongs to is switched off.")
    _note_use(token)
    return token


def digest_of(secret: str) -> str:
    """Return what is kept of a token."""
    return hashlib.sha256(secret.encode("utf-8", "surrogateescape")).hexdigest()


def _note_use(token: ApiToken) -> None:
    now = datetime.now(tz=UTC)
    if token.last_used_at is None or now - token.last_used_at >= _LAST_USE_STEP:
        ApiToken.objects.filter(pk=token.pk).update(last_used_at=now)


def _tell(token: ApiToken, action: str, actor: User | str) -> None:
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
