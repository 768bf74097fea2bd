"""What this capability registers in the lists of the tests."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial
from typing import Any

from plugins.notices import services as notices
from plugins.notices import signing
from plugins.notices.models import NoticeItem, NoticeState, TakedownNotice
from plugins.notices.services import Sending
from plugins.notices.tests import rows
from plugins.notices.tests.factories import TYPED
from tests.security.admin_screens import SCREENS, SHOWN_ELSEWHERE, Screen
from tests.security.forms import TOLD
from tests.security.noted import NOTED
from tests.security.nowhere import NOWHERE
from tests.security.scopes import SCOPES
from tests.security.world import OBJECTS
from tests.security.writing import LISTED, PARTS, SIGNED, Shared

OBJECTS.register(
    {
        "notices/<str:uid>": lambda desk, _: {"uid": rows.notice(desk).uid},
        "api/portal/v1/notices/<str:uid>": lambda desk, _: {"uid": rows.notice(desk).uid},
    }
)
SCREENS.register({"notices.TakedownNotice": Screen(lambda desk: rows.notice(desk))})
SHOWN_ELSEWHERE.register(
    {"notices.NoticeItem": "the page of a notice", "notices.NoticeAnswer": "the page of a notice"}
)
SCOPES.register(
    {
        "api/portal/v1/notices/": {"GET": "read report", "POST": "report"},
        "api/portal/v1/notices/<str:uid>/": {"GET": "read report"},
        "api/portal/v1/notices/<str:uid>/sign/": {"POST": "decide"},
        "api/portal/v1/notices/<str:uid>/answers/": {"POST": "decide"},
    }
)
NOWHERE.register({"notices.TakedownNotice": "for who may see all of its matches"})

TOLD.register(
    {
        ("post", "/api/portal/v1/notices/", "owner"): "whose right a notice claims",
        ("post", "/api/portal/v1/notices/{uid}/sign/", "version"): "only compared",
        ("post", "/api/portal/v1/notices/{uid}/answers/", "version"): "only compared",
    }
)

NOTED.register({r"^/notices/[^/]+/text$": (('INSERT INTO "audit_event"',), "a download")})


_SIGNED_STATES = (NoticeState.SIGNED, NoticeState.SENT)
_SIGNATURE: dict[str, object] = {
    "number": 1,
    "year": 2026,
    "signed_at": datetime(2026, 1, 1, tzinfo=UTC),
    "sent_at": datetime(2026, 1, 1, tzinfo=UTC),
    "pdf": "notice.pdf",
    "signature": "A. Muster",
}


class Noticed:
    """A notice about matches of both desks."""

    def __init__(self, shared: Shared) -> None:
        self._user = shared.user
        self.notice = rows.notice(shared.own)
        NoticeItem.objects.create(
            notice=self.notice,
            match=shared.hidden_line,
            match_uid=shared.hidden_line.uid,
            url="https://video.example/2",
        )

    def notice_in(self, state: NoticeState) -> dict[str, Any]:  # Any: arguments
        """Return who acts on which version of the notice, in a state."""
        TakedownNotice.objects.filter(pk=self.notice.pk).update(
            **(_SIGNATURE if state in _SIGNED_STATES else {}), state=state
        )
        return {"notice": self.notice, "version": self.notice.version, "user": self._user}


PARTS.register({"notices": Noticed})
_NOTICE = "of a notice whose matches the person may all see: notices.selectors"
SIGNED.register(
    {
        "submit a notice": lambda it: partial(
            notices.submit, **it.part(Noticed).notice_in(NoticeState.DRAFT)
        ),
        "sign a notice": lambda it: partial(
            signing.sign, **it.part(Noticed).notice_in(NoticeState.REVIEW), signing=TYPED
        ),
        "send a notice": lambda it: partial(
            notices.mark_sent,
            **it.part(Noticed).notice_in(NoticeState.SIGNED),
            sending=Sending(at=datetime(2026, 1, 1, tzinfo=UTC), to="-", how="-"),
        ),
        "withdraw a notice": lambda it: partial(
            notices.withdraw, **it.part(Noticed).notice_in(NoticeState.SENT), why="-"
        ),
    }
)
LISTED.register(
    {
        **dict.fromkeys(
            (
                *("plugins.notices.answers.answer", "plugins.notices.signing.sign"),
                *(
                    f"plugins.notices.services.{name}"
                    for name in (
                        *("ask_for_evidence", "fill", "give_back", "mark_sent"),
                        *("record_download", "submit", "take_out", "withdraw"),
                    )
                ),
            ),
            _NOTICE,
        )
    }
)
