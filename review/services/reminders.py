"""Reminds managers of due disputes, with at most one digest a day."""

from __future__ import annotations

import logging
from datetime import timedelta
from smtplib import SMTPException, SMTPRecipientsRefused

from django.conf import settings
from django.core.mail import send_mail
from django.db import IntegrityError, transaction
from django.utils import timezone, translation
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts.models import User
from accounts.reach import working_for
from audit.models import Event
from audit.services import record
from common.databases import violates
from common.reading import read_date
from common.receivers import MailRefused, check_mail
from review import selectors
from review.approval import APPROVERS
from review.models import Dispute

logger = logging.getLogger(__name__)

CASE = "digest:disputes"
AHEAD = timedelta(days=7)
_LISTED = 50


def remind() -> int:
    """Announce disputes that are overdue or due within a week, once a day; count them.

    The event marks the day's digest as done; mail follows if it is enabled.
    """
    try:
        due = _note_due()
    except IntegrityError as error:
        # Another worker wrote the day's event first.
        if not violates(error, Event, "event_case_sequence_unique"):
            raise
        return 0
    if due and settings.ACRPORTAL_DISPUTE_MAIL:
        _send(due)
    return len(due)


@transaction.atomic
def _note_due() -> list[Dispute]:
    """Write the day's event and return its disputes; nothing if it exists."""
    last = Event.objects.select_for_update().filter(case=CASE).first()
    now = timezone.now()
    if last is not None and timezone.localdate(last.at) >= timezone.localdate(now):
        return []
    due = list(selectors.open_disputes().filter(due_at__lt=now + AHEAD))
    if due:
        record(
            case=CASE,
            action="disputes.due",
            after={
                "overdue": [each.uid for each in due if each.is_overdue],
                "due_soon": [each.uid for each in due if not each.is_overdue],
            },
        )
    return due


def _send(due: list[Dispute]) -> None:
    """Mail each manager the disputes within that person's access limits."""
    readers = User.objects.filter(groups__name__in=APPROVERS, is_active=True)
    keys = [each.pk for each in due]
    for reader in readers.exclude(email="").distinct().order_by("email"):
        # Managers with access limits must not learn of other matches.
        with working_for(reader):
            seen = list(selectors.open_disputes().filter(pk__in=keys))
        if not seen:
            continue
        # Without an own zone, dates are in the portal's.
        zone = timezone.override(reader.time_zone or settings.TIME_ZONE)
        with translation.override(reader.language or settings.LANGUAGE_CODE), zone:
            subject, body = _digest(seen)
        try:
            check_mail(reader.email)
            send_mail(subject, body, None, [reader.email])
        except (SMTPRecipientsRefused, MailRefused):
            # Only this address is wrong; the others still get theirs.
            logger.warning("the dispute digest of user %s was refused", reader.pk)
        except (SMTPException, OSError):
            # The event stands; the list on the pages is the reminder that counts.
            logger.exception("the dispute digest could not be sent")
            return


def _digest(seen: list[Dispute]) -> tuple[str, str]:
    """Return subject and body in the current language."""
    title = ngettext(
        "%(count)d dispute to answer, %(late)d overdue",
        "%(count)d disputes to answer, %(late)d overdue",
        len(seen),
    ) % {"count": len(seen), "late": sum(each.is_overdue for each in seen)}
    parts = [
        _(
            "These disputes are overdue or due within 7 days. Open a link to answer. "
            "Dates are in %(zone)s."
        )
        % {"zone": timezone.get_current_timezone_name()},
        *map(_entry, seen[:_LISTED]),
    ]
    if len(seen) > _LISTED:
        more = len(seen) - _LISTED
        parts.append(_("… and %(more)d more.") % {"more": more})
    return f"{settings.ACRPORTAL_SITE_NAME}: {title}", "\n\n".join(parts) + "\n"


def _entry(dispute: Dispute) -> str:
    words = _("Overdue since %(day)s") if dispute.is_overdue else _("Due %(day)s")
    return "\n".join(
        [
            f"{words % {'day': read_date(dispute.due_at, 'dated')}}: {dispute.match}",
            _("Grounds: %(grounds)s") % {"grounds": dispute.get_code_display()},
            f"{settings.ACRPORTAL_BASE_URL}{dispute.match.review_url}",
        ]
    )
