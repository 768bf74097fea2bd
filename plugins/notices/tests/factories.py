"""Matches that a notice may name, and notices at each step."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from base.accounts.models import User
from base.jobs.choices import Pool
from base.jobs.runner import run_next
from plugins.notices import services, signing
from plugins.notices.models import ClaimedRight, NoticeLaw, TakedownNotice
from plugins.notices.notice_text import ACCURACY, GOOD_FAITH
from plugins.notices.services import Sending
from plugins.notices.signing import Signing
from reports.evidence import signing as sealing
from review.models import Match
from scanning.choices import SourceType
from scanning.models import ScannedFile
from tests.factories import deciding
from tests.factories.review import make_match

FILLED_IN = {
    "recipient": "Video Example, designated agent",
    "recipient_contact": "copyright@video.example",
    "owner": "Example Music Ltd",
    "contact_name": "A. Muster",
    "contact_address": "1 Example Street\nLondon",
    "contact_phone": "+44 20 0000 0000",
    "contact_email": "rights@label.example",
    "reasons": "The video has our recording as its music, without a licence.",
    "fair_use": "The whole recording is played; there is no comment or quotation.",
}
TYPED = Signing(good_faith=GOOD_FAITH, accuracy=ACCURACY, signature="A. Muster")


def make_claim(
    user: User, *, url: str = "https://video.example/v/1", account: str = "channel"
) -> Match:
    """Return a match that the user confirmed, in a file that came from an address."""
    match = make_match()
    at_address(match, url, account)
    return deciding.confirm(match=match, user=user, version=match.version)


def at_address(match: Match, url: str, account: str = "channel") -> None:
    """Let a match's file come from an address."""
    ScannedFile.objects.filter(pk=match.scanned_file_id).update(
        source_type=SourceType.LINK, source_url=url, platform="Video Example", account=account
    )
    match.scanned_file.refresh_from_db()


def make_draft(
    matches: Sequence[Match], user: User, *, law: NoticeLaw = NoticeLaw.US_512C
) -> TakedownNotice:
    """Return a complete draft about these matches."""
    notice = services.prepare(matches=matches, law=law, right=ClaimedRight.RECORDING, user=user)
    return services.fill(notice=notice, version=notice.version, values=FILLED_IN, user=user)


def make_submitted(
    matches: Sequence[Match], user: User, *, law: NoticeLaw = NoticeLaw.US_512C
) -> TakedownNotice:
    """Return a notice in review, with the evidence of its matches."""
    if not sealing.key_path().exists():
        sealing.create_key()
    draft = make_draft(matches, user, law=law)
    while run_next(Pool.WORK):
        pass
    return services.submit(notice=draft, version=draft.version, user=user)


def make_signed(
    matches: Sequence[Match], user: User, signer: User, *, law: NoticeLaw = NoticeLaw.US_512C
) -> TakedownNotice:
    """Return a signed notice."""
    notice = make_submitted(matches, user, law=law)
    return signing.sign(notice=notice, version=notice.version, signing=TYPED, user=signer)


def make_sent(
    matches: Sequence[Match], user: User, signer: User, *, law: NoticeLaw = NoticeLaw.US_512C
) -> TakedownNotice:
    """Return a notice that somebody sent."""
    notice = make_signed(matches, user, signer, law=law)
    return services.mark_sent(
        notice=notice,
        version=notice.version,
        sending=Sending(at=datetime.now(tz=UTC), to="copyright@video.example", how="E-mail"),
        user=user,
    )
