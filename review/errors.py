"""Exceptions of the review package; their messages tell people what to do."""

from __future__ import annotations

from datetime import datetime

from django.utils.translation import gettext as _

from base.common.api_errors import Refused
from base.common.reading import read_date


class ReviewError(Refused):
    """A refused change to a match."""

    code = "refused"


class StaleMatch(ReviewError):
    """The match changed, or another person took it, after the person loaded it."""

    code = "stale"

    def __init__(
        self, *, user: str, at: datetime, rescanned: bool = False, taken: bool = False
    ) -> None:
        text = _("Changed by %(user)s at %(clock)s; nothing was saved.")
        if rescanned:
            text = _("A later scan changed what you see at %(clock)s; nothing was saved.")
        elif taken:
            text = _("Taken over by %(user)s at %(clock)s, who reviews it now; nothing was saved.")
        super().__init__(text % {"user": user, "clock": read_date(at, "moment")})


class MatchJoined(ReviewError):
    """The id is that of a former match, which is one with another now."""

    code = "stale"

    def __init__(self, *, former: str, uid: str) -> None:
        super().__init__(
            _(
                "This match was joined with another one, because their recordings were "
                "merged; nothing was saved. Look at the joined match."
            )
        )
        self.former, self.uid = former, uid


class MatchLocked(ReviewError):
    """Another person is reviewing the match."""

    code = "locked"

    def __init__(self, *, user: str, until: datetime) -> None:
        super().__init__(
            _("%(user)s is reviewing this until %(clock)s.")
            % {"user": user, "clock": read_date(until, "moment")}
        )


class TakenBack(ReviewError):
    """The person took the decision back before it arrived."""

    code = "taken_back"

    def __init__(self) -> None:
        super().__init__(_("You took this decision back before it arrived; nothing was saved."))


class NotAllowed(ReviewError):
    """The person's role does not permit the change."""

    code = "not_allowed"


class NotPossible(ReviewError):
    """The match's state does not allow the change."""

    code = "not_possible"


class ReasonMissing(ReviewError):
    """The decision needs a code or a note; ``field`` names which."""

    code = "reason_missing"

    def __init__(self, message: str, *, field: str = "note") -> None:
        super().__init__(message)
        self.field = field


class EmptyScope(ReviewError):
    """A licence or policy names nothing that it applies to."""

    code = "empty_scope"


class RuleUnreachable(ReviewError):
    """An earlier policy takes every match that the policy is for."""

    code = "rule_unreachable"


class NoteTooLong(ReviewError):
    """The note exceeds the limit."""

    code = "note_too_long"


class NothingToUndo(ReviewError):
    """The last change of the match cannot be undone."""

    code = "nothing_to_undo"


class BulkLimit(ReviewError):
    """More matches than this person may decide at once."""

    code = "bulk_limit"

    def __init__(self, *, limit: int) -> None:
        super().__init__(_("Select at most %(limit)s matches at once.") % {"limit": limit})
