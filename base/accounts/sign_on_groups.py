"""Lets roles and groups follow those that the single sign-on's server sends.

``ACRPORTAL_OIDC_GROUPS`` names, for each group of the server, a role or groups of the
portal. At each sign-in a person gets those that it names, and loses the other roles and
the other groups of the map. Groups that the map does not name stay as they are.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from typing import Any

from allauth.socialaccount.models import SocialLogin
from django.conf import settings
from django.contrib.auth.models import Group
from django.db import transaction

from base.accounts.models import User
from base.accounts.reach import working_for
from base.accounts.roles import Role
from base.common.attribution import SIGN_ON, act_through, attribution_scope

logger = logging.getLogger(__name__)

# Claims that a server delivers elsewhere (OpenID Connect Core 5.6.2), as Entra ID does
# with the groups of a person who has more than 200.
_ELSEWHERE = "_claim_names"
_NAME = "name"

Claims = dict[str, Any]  # Any: JSON of the server


def follow_groups(login: SocialLogin, person: User) -> None:
    """Give and take roles and groups as the server says, if it follows a map.

    A server that leaves its groups out changes nothing for people whose groups it has
    never sent: it may not be set up yet, and would lock everybody out. For others it
    means no group, because some servers (Keycloak) leave out an empty list.
    """
    if not settings.ACRPORTAL_OIDC_GROUPS:
        return
    claims = login.account.extra_data
    sent = _sent_groups(claims)
    if sent is None:
        claim = settings.ACRPORTAL_OIDC_GROUPS_CLAIM
        if _is_elsewhere(claims) or not person.follows_sign_on:
            logger.warning(
                "single sign-on sent no claim %s: roles of user %s stay as they are",
                claim,
                person.pk,
            )
            return
        logger.warning(
            "single sign-on sent no claim %s any more: user %s is in no group", claim, person.pk
        )
    _follow(person, sent or set())


def missing_groups() -> list[str]:
    """Return the names of groups in the map that the portal does not have."""
    targets = _targets(settings.ACRPORTAL_OIDC_GROUPS)
    existing = Group.objects.filter(name__in=targets).values_list("name", flat=True)
    return sorted(targets.difference(existing))


def _follow(person: User, sent: set[str]) -> None:
    wanted = _targets(sent)
    if missing := wanted.intersection(missing_groups()):
        # A missing group could limit what its members see: without it, they would see
        # everything.
        logger.error(
            "ACRPORTAL_OIDC_GROUPS names groups that the portal lacks: %s. Until an admin "
            "creates them, user %s has no role",
            ", ".join(sorted(missing)),
            person.pk,
        )
        wanted = set()
    managed = {*map(str, Role), *_targets(settings.ACRPORTAL_OIDC_GROUPS)}
    # The server acts, whoever was signed in in this browser before.
    with transaction.atomic(), working_for(None), attribution_scope():
        act_through(SIGN_ON)
        held = set(person.groups.filter(name__in=managed).values_list("name", flat=True))
        if gone := held - wanted:
            person.groups.remove(*Group.objects.filter(name__in=gone))
        if new := wanted - held:
            person.groups.add(*Group.objects.filter(name__in=new))
        if not person.follows_sign_on:
            person.follows_sign_on = True
            person.save(update_fields=["follows_sign_on"])


def _targets(groups: Iterable[str]) -> set[str]:
    """Return the roles and groups of the portal that belong to groups of the server."""
    targets = settings.ACRPORTAL_OIDC_GROUPS
    return {target for group in groups for target in targets.get(group, [])}


def _sent_groups(claims: Claims) -> set[str] | None:
    """Return the groups in the user info or the ID token; None if neither has the claim."""
    for source in (claims.get("userinfo"), claims.get("id_token")):
        value = _value_of(source, settings.ACRPORTAL_OIDC_GROUPS_CLAIM)
        if value is not None:
            return set(_names_in(value))
    return None


def _value_of(source: object, path: str) -> object:
    """Return a claim by its name, which may contain dots, or by its path; None without."""
    if not isinstance(source, dict):
        return None
    if path in source:
        return source[path]
    # ``resource_access.portal.roles``; names such as ``https://example.org/groups`` have
    # dots of their own.
    places = [place for place, letter in enumerate(path) if letter == "."]
    values = (_value_of(source.get(path[:place]), path[place + 1 :]) for place in places)
    return next((value for value in values if value is not None), None)


def _names_in(value: object) -> Iterator[str]:
    """Yield the names of an array, a text, or an object whose keys are names.

    Items of an array may be objects with a name. A text is one name, or several with
    commas; never with spaces, which names contain too.
    """
    if isinstance(value, str):
        is_name = value in settings.ACRPORTAL_OIDC_GROUPS
        yield from [value] if is_name else (part.strip() for part in value.split(","))
    elif isinstance(value, dict):
        yield from value
    elif isinstance(value, list):
        for item in value:
            name = item.get(_NAME) if isinstance(item, dict) else item
            if isinstance(name, str):
                yield name


def _is_elsewhere(claims: Claims) -> bool:
    claim = settings.ACRPORTAL_OIDC_GROUPS_CLAIM
    sources = (claims.get("userinfo"), claims.get("id_token"))
    return any(_value_of(source, f"{_ELSEWHERE}.{claim}") is not None for source in sources)
