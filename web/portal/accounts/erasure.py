"""Erases a person's name and account data and keeps the record of their work.

Decisions, reports and the audit trail then show a pseudonym. The audit chains stay
valid, because they hold the seal of the name, not the name. Notes and reasons that the
person wrote stay: they are records about matches. Files that were signed or handed over
keep the name, because they never change.
"""

from __future__ import annotations

from dataclasses import dataclass

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount
from allauth.usersessions.models import UserSession
from django.contrib.admin.models import LogEntry
from django.contrib.admin.options import get_content_type_for_model
from django.db import transaction
from django.utils.translation import gettext as _

import base.audit.services
from base.accounts.kept_names import count_rows, replace_names
from base.accounts.models import ApiToken, KnownPlace, User
from base.accounts.tokens import revoke_token
from base.audit.chains import ERASED_PREFIX
from base.audit.models import Event
from operations.account_mails import forget_mails
from operations.hidden import hidden_rows
from review.services import joining


class ErasureRefused(Exception):
    """Nothing was erased; the message says why."""


@dataclass(frozen=True, slots=True)
class Erasure:
    """The number of rows of each kind that erasing a person changes."""

    pseudonym: str
    events: int
    decisions: int
    reports: int
    tokens: int
    sessions: int
    second_factors: int
    single_sign_ons: int


def preview(*, person: User) -> Erasure:
    """Count the rows that erasing would change, without changing them."""
    return Erasure(
        pseudonym=f"{ERASED_PREFIX}{person.pk}",
        events=Event.objects.filter(actor=person).count(),
        decisions=count_rows(person, "decisions"),
        reports=count_rows(person, "reports"),
        tokens=ApiToken.objects.filter(owner=person).count(),
        sessions=UserSession.objects.filter(user=person).count(),
        second_factors=Authenticator.objects.filter(user=person).count(),
        single_sign_ons=SocialAccount.objects.filter(user=person).count(),
    )


@transaction.atomic
def erase(*, person: User, actor: User | str) -> Erasure:
    """Replace a person by a pseudonym for good; return the counts of changed rows.

    The account loses its tokens, sessions, sign-in methods, groups and password, and
    is deactivated. Raises ``ErasureRefused`` if the actor is the person, or if the
    person is already erased.
    """
    if actor == person:
        raise ErasureRefused(_("You cannot erase yourself. Ask another admin."))
    if why := hidden_rows():
        raise ErasureRefused(why)
    if person.username.startswith(ERASED_PREFIX):
        raise ErasureRefused(_("%(username)s is already erased.") % {"username": person.username})
    erasure = preview(person=person)
    for token in ApiToken.objects.filter(owner=person):
        revoke_token(token=token, actor=actor)
    ApiToken.objects.filter(owner=person).update(name=erasure.pseudonym)
    for session in UserSession.objects.filter(user=person):
        session.end()
    Authenticator.objects.filter(user=person).delete()
    SocialAccount.objects.filter(user=person).delete()
    KnownPlace.objects.filter(user=person).delete()
    # Single sign-on stores the address a second time.
    EmailAddress.objects.filter(user=person).delete()
    # The admin's list of recent actions names what was changed.
    LogEntry.objects.filter(
        content_type=get_content_type_for_model(person), object_id=str(person.pk)
    ).update(object_repr=erasure.pseudonym)
    joining.erase_person(person=person, pseudonym=erasure.pseudonym)
    replace_names(person, erasure.pseudonym)
    person.username = erasure.pseudonym
    person.first_name = person.last_name = person.email = ""
    person.is_active = person.is_staff = person.is_superuser = False
    person.last_login = None
    person.set_unusable_password()
    person.save()
    person.groups.clear()
    # After all changes, each of which asks for a mail.
    forget_mails(person)
    base.audit.services.record(case=f"user:{person.pk}", action="user.erased", actor=actor)
    base.audit.services.erase_actor(actor=person, pseudonym=erasure.pseudonym)
    return erasure
