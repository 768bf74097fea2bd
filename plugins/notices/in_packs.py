"""What the evidence pack of a match says of its notices."""

from __future__ import annotations

from base.accounts.reach import working_for
from plugins.notices.selectors import notices_of
from reports.evidence.parts import PackPart, Row, time_text
from review.models import Match


def notices_about(match: Match) -> list[Row]:
    """Return all notices about a match or one that it replaced, oldest first."""
    with working_for(None):  # a pack is the same for everybody
        notices = notices_of(match)
    return [
        {
            "notice_id": notice.uid,
            "number": notice.reference,
            "law": notice.law,
            "platform": notice.platform,
            "state": notice.state,
            "signed_at": time_text(notice.signed_at),
            "sent_at": time_text(notice.sent_at),
        }
        for notice in reversed(notices)
    ]


NOTICES = PackPart("notices", notices_about)
