"""Reminds managers of due disputes, with at most one digest a day."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from django.conf import settings
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from base.audit.digests import Digest, send_daily
from base.common.reading import read_date
from review import selectors
from review.approval import APPROVERS
from review.models import Dispute

CASE = "digest:disputes"
AHEAD = timedelta(days=7)


def remind() -> int:
    """Announce disputes that are overdue or due within a week, once a day; count them.

    The event marks the day's digest as done; mail follows if it is enabled.
    """
    return send_daily(_DISPUTES, is_mailed=settings.ACRPORTAL_DISPUTE_MAIL)


def _due() -> QuerySet[Dispute]:
    return selectors.open_disputes().filter(due_at__lt=timezone.now() + AHEAD)


def _as_event(due: Sequence[Dispute]) -> dict[str, object]:
    return {
        "overdue": [dispute.uid for dispute in due if dispute.is_overdue],
        "due_soon": [dispute.uid for dispute in due if not dispute.is_overdue],
    }


def _title(seen: Sequence[Dispute]) -> str:
    return ngettext(
        "%(count)d dispute to answer, %(late)d overdue",
        "%(count)d disputes to answer, %(late)d overdue",
        len(seen),
    ) % {"count": len(seen), "late": sum(dispute.is_overdue for dispute in seen)}


def _intro() -> str:
    return _(
        "These disputes are overdue or due within 7 days. Open a link to answer. "
        "Dates are in %(zone)s."
    ) % {"zone": timezone.get_current_timezone_name()}


def _entry(dispute: Dispute) -> str:
    words = _("Overdue since %(day)s") if dispute.is_overdue else _("Due %(day)s")
    return "\n".join(
        [
            f"{words % {'day': read_date(dispute.due_at, 'dated')}}: {dispute.match}",
            _("Grounds: %(grounds)s") % {"grounds": dispute.get_code_display()},
            f"{settings.ACRPORTAL_BASE_URL}{dispute.match.review_url}",
        ]
    )


_DISPUTES = Digest(
    case=CASE,
    action="disputes.due",
    groups=APPROVERS,
    rows=_due,
    as_event=_as_event,
    title=_title,
    intro=_intro,
    entry=_entry,
)
