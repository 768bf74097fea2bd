"""Mails people once a day what waits for them; an event marks the day as done."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from smtplib import SMTPException, SMTPRecipientsRefused
from typing import Any, Generic, TypeVar

from django.conf import settings
from django.core.mail import send_mail
from django.db import IntegrityError, transaction
from django.db.models import Model, QuerySet
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from base.accounts.models import User
from base.accounts.reach import working_for
from base.audit.models import Event
from base.audit.services import record
from base.common.databases import violates
from base.common.receivers import MailRefused, check_mail

logger = logging.getLogger(__name__)

_LISTED = 50
Row = TypeVar("Row", bound=Model)


@dataclass(frozen=True, slots=True, kw_only=True)
class Digest(Generic[Row]):
    """A mail of one kind: what it lists, who gets it, and how the day's event names it."""

    case: str
    action: str
    groups: Sequence[str]
    """The groups whose members get it."""
    rows: Callable[[], QuerySet[Row]]
    """What waits, within the access limits of whoever reads."""
    as_event: Callable[[Sequence[Row]], dict[str, Any]]  # Any: JSON
    title: Callable[[Sequence[Row]], str]
    intro: Callable[[], str]
    entry: Callable[[Row], str]


def send_daily(digest: Digest[Row], *, is_mailed: bool) -> int:
    """Record what waits once a day, and mail it if that is on; count it."""
    try:
        waiting = _note_day(digest)
    except IntegrityError as error:
        # Another worker wrote the day's event first.
        if not violates(error, Event, "event_case_sequence_unique"):
            raise
        return 0
    if waiting and is_mailed:
        _send(digest, waiting)
    return len(waiting)


@transaction.atomic
def _note_day(digest: Digest[Row]) -> list[Row]:
    """Write the day's event and return what waits; nothing if the event exists."""
    last = Event.objects.select_for_update().filter(case=digest.case).first()
    if last is not None and timezone.localdate(last.at) >= timezone.localdate():
        return []
    waiting = list(digest.rows())
    if waiting:
        record(case=digest.case, action=digest.action, after=digest.as_event(waiting))
    return waiting


def _send(digest: Digest[Row], waiting: Sequence[Row]) -> None:
    """Mail each member of the groups what lies within that person's access limits."""
    readers = User.objects.filter(groups__name__in=digest.groups, is_active=True)
    keys = {row.pk for row in waiting}
    for reader in readers.exclude(email="").distinct().order_by("email"):
        # Without an own zone, dates are in the portal's.
        zone = timezone.override(reader.time_zone or settings.TIME_ZONE)
        language = translation.override(reader.language or settings.LANGUAGE_CODE)
        # People with access limits must not learn of other rows.
        with working_for(reader), language, zone:
            seen = [row for row in digest.rows() if row.pk in keys]
            subject, body = _compose(digest, seen) if seen else ("", "")
        if not seen:
            continue
        try:
            check_mail(reader.email)
            send_mail(subject, body, None, [reader.email])
        except (SMTPRecipientsRefused, MailRefused):
            # Only this address is wrong; the others still get theirs.
            logger.warning("%s: user %s was refused", digest.case, reader.pk)
        except (SMTPException, OSError):
            # The event stands; the list on the pages is the reminder that counts.
            logger.exception("%s could not be sent", digest.case)
            return


def _compose(digest: Digest[Row], seen: Sequence[Row]) -> tuple[str, str]:
    """Return subject and body in the current language."""
    parts = [digest.intro(), *map(digest.entry, seen[:_LISTED])]
    if len(seen) > _LISTED:
        surplus = len(seen) - _LISTED
        parts.append(_("… and %(more)d more.") % {"more": surplus})
    title = digest.title(seen)
    return f"{settings.ACRPORTAL_SITE_NAME}: {title}", "\n\n".join(parts) + "\n"
