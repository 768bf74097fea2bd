"""What the evidence pack of a match says of its notices."""

from __future__ import annotations

from evidence.notices import Notice, time_text
from notices.models import TakedownNotice
from review.models import Match


def notices_about(match: Match) -> list[Notice]:
    """Return all notices about a match's file and recording, oldest first."""
    found = TakedownNotice.objects.filter(
        items__match__scanned_file=match.scanned_file_id,
        items__match__recording=match.recording_id,
    )
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
        for notice in found.distinct().order_by("pk")
    ]
