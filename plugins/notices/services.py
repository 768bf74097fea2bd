"""The steps of a notice, each with its event: prepared, filled in, sent, withdrawn.

Nothing here sends anything: people send a notice, and say when and to whom.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from base.accounts.models import User
from base.accounts.roles import Action
from base.common.databases import violates
from plugins.notices.checks import changed_since_signed, items_of, site_of, unfit
from plugins.notices.errors import NoticeRefused
from plugins.notices.models import ClaimedRight, NoticeItem, NoticeLaw, NoticeState, TakedownNotice
from plugins.notices.selectors import matches_without_pack
from plugins.notices.steps import (
    FILLED,
    FILLED_US,
    NoticeStep,
    change,
    lead_statement,
    locked,
    record_step,
    refuse_incomplete,
    refuse_unfit,
    require,
    unfit_error,
)
from reports.evidence.services import EvidenceRefused, request_pack
from reports.evidence.statement import hand_over
from review.models import Match
from statements.choices import StatementState

MOST_MATCHES: Final = 50
_OF_SENDER: Final = (
    *("owner", "contact_name", "contact_address", "contact_phone", "contact_email"),
)
_OF_RECIPIENT: Final = ("recipient", "recipient_contact")


@dataclass(frozen=True, slots=True, kw_only=True)
class Sending:
    """How a person sent the notice; ``despite`` the changes since the signature."""

    at: datetime
    to: str
    how: str
    despite: bool = False


def refuse_together(matches: Sequence[Match]) -> str:
    """Return why these matches cannot be in one notice; empty if they can."""
    if not matches:
        return _("Choose at least one match.")
    if len(matches) > MOST_MATCHES:
        return _("Choose at most %(limit)s matches for one notice.") % {"limit": MOST_MATCHES}
    sites = sorted({site_of(match.scanned_file) for match in matches}, key=str.casefold)
    if len({site.casefold() for site in sites}) > 1:
        return _(
            "A notice goes to one platform or site. You chose matches from "
            "several: %(sites)s. Prepare one notice for each."
        ) % {"sites": ", ".join(sites)}
    return ""


def prepare(
    *, matches: Sequence[Match], law: NoticeLaw, right: ClaimedRight, user: User
) -> TakedownNotice:
    """Begin a notice about matches of one platform, and ask for their evidence.

    Raises ``NoticeRefused`` with the reason for each match that no notice may name.
    """
    notice = begin(matches=matches, law=law, right=right, user=user)
    ask_for_evidence(notice=notice, user=user)
    return notice


@transaction.atomic
def begin(
    *, matches: Sequence[Match], law: NoticeLaw, right: ClaimedRight, user: User
) -> TakedownNotice:
    """Begin a notice, as ``prepare`` does, without asking for evidence."""
    require(user, Action.REPORT)
    if problem := refuse_together(matches):
        raise NoticeRefused("wrong_matches", problem)
    # Decisions update these rows, so they wait until the notice is there.
    keys = [match.pk for match in matches]
    rows = list(
        Match.objects.filter(pk__in=keys)
        .select_for_update(of=("self",))
        .select_related("recording__bucket", "scanned_file__container", "scan")
        .order_by("pk")
    )
    if refused := unfit(rows, right=right):
        raise unfit_error(refused)
    accounts = {match.scanned_file.account for match in rows}
    platform = site_of(rows[0].scanned_file)[:300]
    notice = TakedownNotice.objects.create(
        law=law,
        right=right,
        platform=platform,
        account=accounts.pop() if len(accounts) == 1 else "",
        prepared_by=user,
        **_as_before(platform, law, user),
    )
    try:
        with transaction.atomic():
            NoticeItem.objects.bulk_create(
                NoticeItem(
                    notice=notice,
                    match=match,
                    match_uid=match.uid,
                    url=match.scanned_file.source_url,
                )
                for match in rows
            )
    except IntegrityError as error:
        if not violates(error, NoticeItem, "notice_match_in_one_open_notice"):
            raise
        raise NoticeRefused(
            "taken", _("Another notice took one of these matches just now. Reload.")
        ) from error
    record_step(
        notice,
        NoticeStep.PREPARED,
        user,
        {
            "law": law.value,
            "right": right.value,
            "platform": notice.platform,
            "matches": [match.uid for match in rows],
        },
    )
    return notice


def _as_before(platform: str, law: NoticeLaw, user: User) -> dict[str, str]:
    """Return the sender of the person's last notice, and the platform's last recipient.

    People type the statements anew; who they are seldom changes.
    """
    notices = TakedownNotice.objects.order_by("-pk")
    own = notices.filter(prepared_by=user).exclude(owner="").values(*_OF_SENDER)
    there = notices.filter(platform=platform, law=law).exclude(recipient="")
    return {**(own.first() or {}), **(there.values(*_OF_RECIPIENT).first() or {})}


def ask_for_evidence(*, notice: TakedownNotice, user: User) -> str:
    """Ask for the packs that the notice lacks; return why one was refused, or "".

    Call it outside of transactions, because it reads the signing key.
    """
    require(user, Action.REPORT)
    why = ""
    for match in matches_without_pack(items_of(notice)):
        try:
            request_pack(match=match, user=user)
        except EvidenceRefused as refused:
            why = refused.message
    return why


@transaction.atomic
def fill(
    *, notice: TakedownNotice, version: int, values: Mapping[str, str], user: User
) -> TakedownNotice:
    """Write a person's values into a draft; empty ones may follow later."""
    require(user, Action.REPORT)
    row = locked(notice, version, NoticeState.DRAFT)
    columns = {**FILLED, **FILLED_US}
    before = {name: getattr(row, name) for name in columns}
    after = {name: str(values.get(name, before[name])).strip() for name in columns}
    changed = {name: after[name] for name in columns if after[name] != before[name]}
    if not changed:
        return row
    change(row, changed)
    record_step(
        row, NoticeStep.FILLED, user, changed, before={name: before[name] for name in changed}
    )
    return row


@transaction.atomic
def take_out(*, notice: TakedownNotice, version: int, match: str, user: User) -> TakedownNotice:
    """Take one match, given by its uid, out of a draft that has others."""
    require(user, Action.REPORT)
    row = locked(notice, version, NoticeState.DRAFT)
    items = items_of(row)
    item = next((candidate for candidate in items if candidate.match_uid == match), None)
    if item is None:
        raise NoticeRefused("unknown_match", _("The notice does not name this match."))
    if len(items) == 1:
        raise NoticeRefused("last_match", _("This is the only match. Withdraw the notice instead."))
    item.delete()
    change(row, {})
    record_step(row, NoticeStep.MATCH_TAKEN_OUT, user, {"match": match})
    return row


@transaction.atomic
def submit(*, notice: TakedownNotice, version: int, user: User) -> TakedownNotice:
    """Submit a complete draft for review and signature."""
    require(user, Action.REPORT)
    row = locked(notice, version, NoticeState.DRAFT)
    refuse_incomplete(row)
    refuse_unfit(row)
    change(row, {"state": NoticeState.REVIEW, "prepared_by": user})
    record_step(row, NoticeStep.SUBMITTED, user, {"state": row.state})
    return row


@transaction.atomic
def give_back(*, notice: TakedownNotice, version: int, why: str, user: User) -> TakedownNotice:
    """Return a notice in review to its draft."""
    require(user, Action.REPORT)
    row = locked(notice, version, NoticeState.REVIEW)
    change(row, {"state": NoticeState.DRAFT})
    record_step(row, NoticeStep.GIVEN_BACK, user, {"state": row.state}, note=why.strip()[:1000])
    return row


@transaction.atomic
def mark_sent(
    *, notice: TakedownNotice, version: int, sending: Sending, user: User
) -> TakedownNotice:
    """Record that a person sent the signed notice: when, how and to whom.

    Raise ``NoticeRefused`` if what the notice stands on has changed since the signature,
    unless the person says that it was sent all the same.
    """
    require(user, Action.REPORT)
    row = locked(notice, version, NoticeState.SIGNED)
    if not sending.to.strip() or not sending.how.strip():
        raise NoticeRefused("incomplete", _("Say how the notice was sent, and to whom."))
    if sending.at > datetime.now(tz=UTC):
        raise NoticeRefused(
            "in_future", _("The notice cannot have been sent in the future. Correct the time.")
        )
    if row.signed_at is not None and sending.at < row.signed_at.replace(second=0, microsecond=0):
        raise NoticeRefused(
            "before_signed", _("The notice was signed later than that. Correct the time.")
        )
    changed = changed_since_signed(row)
    if changed and not sending.despite:
        raise NoticeRefused(
            "ground_changed",
            " ".join(changed),
            fields={"despite": _("Tick this if it was sent all the same.")},
        )
    # A form knows minutes, so the minute of the signature may begin before it.
    at = max(sending.at, row.signed_at or sending.at)
    values = {"sent_at": at, "sent_to": sending.to, "sent_how": sending.how}
    change(row, {"state": NoticeState.SENT, **values})
    lead_statement(row, StatementState.SENT, user, at=at)
    for item in items_of(row):
        if item.pack is not None:
            hand_over(pack=item.pack, user=user)
    record_step(
        row,
        NoticeStep.SENT,
        user,
        {
            "state": row.state,
            "at": at.isoformat(),
            "to": sending.to,
            "how": sending.how,
            **({"despite": changed} if changed else {}),
        },
    )
    return row


def why_not_withdraw(notice: TakedownNotice, user: User) -> str:
    """Return why the user cannot withdraw a notice, as a sentence; empty if they can."""
    if notice.state == NoticeState.WITHDRAWN:
        return _("It is withdrawn already.")
    return "" if notice.is_unsigned else why_not_withdraw_signed(user)


def why_not_withdraw_signed(user: User) -> str:
    """Return that only managers withdraw what was signed; empty for them."""
    return (
        "" if user.has_perm(Action.APPROVE) else _("Only a manager may withdraw a signed notice.")
    )


@transaction.atomic
def withdraw(*, notice: TakedownNotice, version: int, why: str, user: User) -> TakedownNotice:
    """Withdraw a notice; a signed one keeps its number, and needs a manager."""
    require(user, Action.REPORT if notice.is_unsigned else Action.APPROVE)
    row = locked(
        notice, version, *(state for state in NoticeState if state != NoticeState.WITHDRAWN)
    )
    if not row.is_unsigned:
        require(user, Action.APPROVE)
    if not why.strip():
        raise NoticeRefused("incomplete", _("Say why the notice is withdrawn."))
    was = row.state
    change(
        row,
        {
            "state": NoticeState.WITHDRAWN,
            "withdrawn_at": datetime.now(tz=UTC),
            "withdrawn_why": why.strip()[:1000],
        },
    )
    row.items.update(is_open=False)
    if row.number is not None:
        lead_statement(row, StatementState.WITHDRAWN, user, note=row.withdrawn_why)
    record_step(
        row,
        NoticeStep.WITHDRAWN,
        user,
        {"state": row.state},
        before={"state": was},
        note=why.strip()[:1000],
    )
    return row


def record_download(*, notice: TakedownNotice, ending: str, user: User) -> None:
    """Record a download before the file leaves; ``ending`` is that of the file."""
    record_step(notice, NoticeStep.DOWNLOADED, user, {"file": f"{notice.file_name}.{ending}"})
