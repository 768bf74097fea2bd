"""Shared parts of a notice's steps: permission, row, missing facts, event."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

import base.audit.services
from base.accounts.models import User
from base.accounts.reach import count_hidden, person_at_work, why_unseen
from base.accounts.roles import Action
from base.common.phrases import lowered
from plugins.notices.checks import UnfitMatch, items_of, unfit
from plugins.notices.errors import NoticeRefused
from plugins.notices.models import NOTICE, NoticeItem, NoticeLaw, NoticeState, TakedownNotice
from review.models import Match
from statements.choices import StatementState
from statements.models import Statement
from statements.services import advance

# What the form asks for, with its name; US law asks for a postal address and a phone.
FILLED: Final[Mapping[str, Any]] = {  # Any: lazy texts
    "recipient": gettext_lazy("Recipient"),
    "recipient_contact": gettext_lazy("Where it is sent"),
    "owner": gettext_lazy("Owner of the right"),
    "contact_name": gettext_lazy("Name"),
    "contact_email": gettext_lazy("Email"),
    "reasons": gettext_lazy("Why the use is illegal"),
    "fair_use": gettext_lazy("Why no exception applies"),
}


FILLED_US: Final[Mapping[str, Any]] = {  # Any: lazy texts
    "contact_address": gettext_lazy("Postal address"),
    "contact_phone": gettext_lazy("Telephone"),
}


class NoticeStep(StrEnum):
    """The events of a notice."""

    PREPARED = "notice.prepared"
    FILLED = "notice.filled"
    MATCH_TAKEN_OUT = "notice.match_taken_out"
    SUBMITTED = "notice.submitted"
    GIVEN_BACK = "notice.given_back"
    SIGNED = "notice.signed"
    SENT = "notice.sent"
    ANSWERED = "notice.answered"
    WITHDRAWN = "notice.withdrawn"
    DOWNLOADED = "notice.downloaded"


def require(user: User, action: Action) -> None:
    """Raise ``NoticeRefused`` unless the user's role permits the action."""
    if not user.has_perm(action):
        raise NoticeRefused("not_allowed", _("Your role does not allow this step of a notice."))


def locked(notice: TakedownNotice, version: int, *states: NoticeState) -> TakedownNotice:
    """Return the row, locked, if it has the version that the person saw.

    Raises ``NoticeRefused`` if the person may not see all of its matches.
    """
    row = TakedownNotice.objects.select_for_update(of=("self",)).get(pk=notice.pk)
    items = NoticeItem.objects.filter(notice=row)
    if why := why_unseen(count_hidden(person_at_work(), items)):
        raise NoticeRefused("limited", why)
    if row.version != version:
        raise NoticeRefused(
            "stale",
            _("Somebody has changed this notice since you opened it. Check it, then try again."),
        )
    if row.state not in states:
        raise NoticeRefused(
            "wrong_state",
            _("This notice is %(state)s, so this step is not possible.")
            % {"state": lowered(row.get_state_display())},
        )
    return row


def change(row: TakedownNotice, values: Mapping[str, object]) -> None:
    """Write values to a locked notice, as its next version."""
    for name, value in values.items():
        setattr(row, name, value)
    row.version += 1
    row.save()


def record_step(
    notice: TakedownNotice,
    step: NoticeStep,
    user: User,
    after: dict[str, Any],  # Any: JSON
    *,
    before: dict[str, Any] | None = None,  # Any: JSON
    reason: str = "",
    note: str = "",
) -> None:
    """Append the event of a step to the notice's case."""
    base.audit.services.record(
        case=notice.case,
        action=step.value,
        actor=user,
        before=before,
        after=after,
        reason=reason,
        note=note,
    )


def lead_statement(
    notice: TakedownNotice,
    state: StatementState,
    user: User,
    *,
    at: datetime | None = None,
    note: str = "",
) -> None:
    """Lead the statement of a signed notice into a state."""
    statement = Statement.objects.get(kind=NOTICE, subject=notice.uid)
    advance(statement=statement, state=state, user=user, at=at, note=note)


def missing_in(notice: TakedownNotice) -> dict[str, str]:
    """Return the elements that the law asks for and the draft lacks, with the cause."""
    required = dict(FILLED)
    if notice.law == NoticeLaw.US_512C:
        required |= FILLED_US
    missing = {
        name: _("%(label)s is missing.") % {"label": label}
        for name, label in required.items()
        if not str(getattr(notice, name)).strip()
    }
    if notice.contact_email:
        try:
            validate_email(notice.contact_email)
        except ValidationError:
            missing["contact_email"] = _("Enter a valid email address.")
    return missing


def refuse_incomplete(notice: TakedownNotice) -> None:
    """Raise ``NoticeRefused`` while an element that the law asks for is missing."""
    if missing := missing_in(notice):
        raise NoticeRefused(
            "incomplete",
            ngettext(
                "The law requires %(count)s more item.",
                "The law requires %(count)s more items.",
                len(missing),
            )
            % {"count": len(missing)}
            + " "
            + " ".join(missing.values()),
            fields=missing,
        )


def refuse_unfit(notice: TakedownNotice) -> None:
    """Lock the matches, and raise if no notice may name one of them any more."""
    rows = [item.match for item in items_of(notice)]
    # Decisions wait until this step is over.
    list(
        Match.objects.select_for_update(of=("self",))
        .filter(pk__in=[match.pk for match in rows])
        .order_by("pk")
    )
    for match in rows:
        match.refresh_from_db(fields=["state", "lost", "needs_approval", "licence"])
    if refused := unfit(rows, right=notice.claimed_right, beside=notice):
        raise unfit_error(refused)


def unfit_error(refused: Sequence[UnfitMatch]) -> NoticeRefused:
    """Return the refusal that names each match and its reason."""
    reasons = [f"{unfit_match.match}: {unfit_match.message}" for unfit_match in refused]
    return NoticeRefused(
        "unfit_matches",
        " ".join(reasons),
        fields={unfit_match.match.uid: unfit_match.message for unfit_match in refused},
    )
