"""Tells people by mail when their account is used from a new place or changed.

Each event of the audit trail that is listed here becomes a job in the same transaction,
whoever made the change and wherever. A mail holds no secret and no link to follow: it
says what happened, and whom to tell if it was somebody else.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.conf import settings
from django.core.mail import EmailMessage
from django.db.models import QuerySet
from django.utils import timezone, translation
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy

from base.accounts.models import KnownPlace, User
from base.accounts.reach import person_at_work
from base.accounts.roles import Action
from base.audit.account_changes import address_left
from base.audit.models import Event
from base.audit.services import events_recorded
from base.common.reading import read_date
from base.common.receivers import MailRefused, check_mail
from base.common.secret_text import seal, unseal
from base.jobs import resources
from base.jobs.choices import Pool
from base.jobs.context import JobContext
from base.jobs.kinds import Kind, register
from base.jobs.models import Job
from base.jobs.services import submit
from scanning.jobs import MAX_ATTEMPTS, RETRY_AFTER
from scanning.services.sending import mail

_ADDRESS_CHANGED = "address"
_SUBJECTS = {
    "signed_in_from_new_place": lazy("Sign-in from a new place"),
    "recovery_code.used": lazy("A recovery code was used"),
    "user.password_changed": lazy("Your password was changed"),
    "user.password_removed": lazy("Your password was removed"),
    "second_factor.added": lazy("A second factor was added"),
    "second_factor.removed": lazy("A second factor was removed"),
    "single_sign_on.added": lazy("Single sign-on was connected"),
    "single_sign_on.removed": lazy("Single sign-on was disconnected"),
    "token.created": lazy("An API token was created"),
    _ADDRESS_CHANGED: lazy("Your email address was changed"),
}


def _within_admins() -> QuerySet[User] | None:
    """Show these jobs to admins only: they name accounts."""
    viewer = person_at_work()
    is_admin = viewer is None or viewer.has_perm(Action.CONFIGURE)
    return None if is_admin else User.objects.none()


ACCOUNT_MAIL = register(
    Kind(
        "account_mail",
        User,
        "operations.account_mails.send",
        needs=frozenset({resources.OUTSIDE}),
        label=lazy("Mail about an account"),
        pool=Pool.TALK,
        key=lambda _user: "",
        max_attempts=lambda: MAX_ATTEMPTS,
        pause=lambda attempts: RETRY_AFTER[attempts - 1],
        visible=_within_admins,
    )
)


def listen() -> None:
    """Connect to the audit trail."""
    events_recorded.connect(_ask_for_mails, dispatch_uid="account mails")
    address_left.connect(_tell_both_addresses, dispatch_uid="account mails")


def forget_mails(person: User) -> None:
    """Delete the jobs about a person, sent or not."""
    Job.objects.filter(kind=ACCOUNT_MAIL.name, subject=person.pk).delete()


def send(context: JobContext) -> None:
    """Send one mail."""
    person: User = context.subject
    about = context.job.data
    address = unseal(about["to"]) if "to" in about else person.email
    zone = timezone.override(person.time_zone or settings.TIME_ZONE)
    with translation.override(person.language or settings.LANGUAGE_CODE), zone:
        message = EmailMessage(
            subject=f"{settings.ACRPORTAL_SITE_NAME}: {_SUBJECTS[about['what']]}",
            body=_body(person, about),
            to=[address],
        )
    mail(message, message_id=context.job.uid)


def _body(person: User, about: dict[str, Any]) -> str:  # Any: JSON of the job
    at = datetime.fromisoformat(about["at"])
    moment = {"at": read_date(timezone.localtime(at), "moment")}
    subject = str(_SUBJECTS[about["what"]])
    lines = [f"{subject}.", _("Account: %(name)s") % {"name": person.username}]
    lines.append(_("When: %(at)s") % moment)
    place = KnownPlace.objects.filter(pk=about.get("place", 0), user=person).first()
    if place is not None:
        lines.append(
            _("From: %(network)s, %(browser)s")
            % {"network": place.network, "browser": place.browser or _("a program")}
        )
    advice = _(
        "If this was you, there is nothing to do. If not, change your password, end the "
        "sessions that you do not know under “Your account”, and tell an admin."
    )
    return "\n".join(lines) + f"\n\n{advice}\n{settings.ACRPORTAL_BASE_URL}\n"


def _ask_for_mails(events: Iterable[Event], **_signal: object) -> None:
    if not settings.ACRPORTAL_ACCOUNT_MAIL:
        return
    for event in events:
        if event.action in _SUBJECTS and (person := _owner_of(event)):
            place = {"place": event.after["place"]} if "place" in event.after else {}
            _submit_mail(person, event.action, event.at, **place)


def _owner_of(event: Event) -> User | None:
    """Return the person to tell, if a message can reach them."""
    kind, _colon, key = event.case.partition(":")
    owner = str(event.after["owner"]) if kind == "token" else key
    person = User.objects.filter(is_active=True, pk=owner).first()
    return person if person is not None and _may_be_mailed(person.email) else None


def _may_be_mailed(address: str) -> bool:
    """Return whether the portal mails this address; the list of domains has no exception.

    Any address can be entered for an account, so an exception would mail anybody.
    """
    try:
        check_mail(address)
    except MailRefused:
        return False
    return True


def _tell_both_addresses(user: User, address: str, **_signal: object) -> None:
    """Tell the old address too: a thief would change it first."""
    if not settings.ACRPORTAL_ACCOUNT_MAIL or not user.is_active:
        return
    for known_address in filter(_may_be_mailed, {address, user.email}):
        _submit_mail(user, _ADDRESS_CHANGED, timezone.now(), to=seal(known_address))


def _submit_mail(person: User, change: str, at: datetime, **details: object) -> None:
    data: dict[str, object] = {"what": change, "at": at.isoformat(), **details}
    submit(ACCOUNT_MAIL, person, data=data)
