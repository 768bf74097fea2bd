"""Erasing a person's data: the name goes everywhere, what was done stays.

Decisions, reports and the audit trail keep a pseudonym; the chains of the trail stay
checkable, since they hold the seal of a name and not the name. Free text that somebody
wrote (notes, reasons) is a record about matches and stays.
"""

from __future__ import annotations

from dataclasses import dataclass

from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount
from allauth.usersessions.models import UserSession
from django.db import transaction

import audit.services
from accounts.models import ApiToken, User
from accounts.tokens import revoke_token
from audit.chains import ERASED_PREFIX
from audit.models import Event
from reports.models import ReportRun
from review.models import Match


class ErasureRefused(Exception):
    """Nothing was erased; the text says why."""


@dataclass(frozen=True, slots=True)
class Erasure:
    """What erasing touches, by count."""

    pseudonym: str
    events: int
    decisions: int
    reports: int
    tokens: int
    sessions: int
    second_factors: int
    single_sign_ons: int


def preview(*, person: User) -> Erasure:
    """Return what erasing would touch; nothing is changed."""
    return Erasure(
        pseudonym=f"{ERASED_PREFIX}{person.pk}",
        events=Event.objects.filter(actor=person).count(),
        decisions=Match.objects.filter(decided_by=person).count(),
        reports=ReportRun.objects.filter(run_by=person).count(),
        tokens=ApiToken.objects.filter(owner=person).count(),
        sessions=UserSession.objects.filter(user=person).count(),
        second_factors=Authenticator.objects.filter(user=person).count(),
        single_sign_ons=SocialAccount.objects.filter(user=person).count(),
    )


@transaction.atomic
def erase(*, person: User, actor: User | str) -> Erasure:
    """Put a pseudonym in the place of a person, for good; return what was touched.

    The account can do nothing afterwards. Raises ``ErasureRefused`` for oneself, and
    for somebody who is erased already.
    """
    if actor == person:
        raise ErasureRefused("You cannot erase yourself. Ask another admin.")
    if person.username.startswith(ERASED_PREFIX):
        raise ErasureRefused(f"{person.username} is erased already.")
    told = preview(person=person)
    for token in ApiToken.objects.filter(owner=person):
        revoke_token(token=token, actor=actor)
    ApiToken.objects.filter(owner=person).update(name=told.pseudonym)
    for session in UserSession.objects.filter(user=person):
        session.end()
    Authenticator.objects.filter(user=person).delete()
    SocialAccount.objects.filter(user=person).delete()
    Match.objects.filter(decided_by=person).update(decided_by_name=told.pseudonym)
    ReportRun.objects.filter(run_by=person).update(run_by_name=told.pseudonym)
    _empty(person, told.pseudonym)
    audit.services.record(case=f"user:{person.pk}", action="user.erased", actor=actor)
    audit.services.erase_actor(actor=person, pseudonym=told.pseudonym)
    return told


def _empty(person: User, pseudonym: str) -> None:
    person.username = pseudonym
    person.first_name = person.last_name = person.email = ""
    person.is_active = person.is_staff = person.is_superuser = False
    person.last_login = None
    person.set_unusable_password()
    person.save()
    person.groups.clear()
