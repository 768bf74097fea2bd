"""What platform claims add to the page of a match."""

from __future__ import annotations

from django.urls import reverse

from base.accounts.models import User
from plugins.claims.models import PlatformClaim
from plugins.claims.selectors import claims_of_match
from review.models import Match
from web.portal.shared.cards import Card

_SHOWN = 10


def _claims(match: Match, _user: User) -> list[tuple[PlatformClaim, str]] | None:
    claims = claims_of_match(match)[:_SHOWN]
    return [
        (claim, reverse("portal:claim", args=[claim.account.uid, claim.claim_id]))
        for claim in claims
    ] or None


CARDS = (Card("match", "portal/claims/_card.html", _claims),)
