"""Which matches a notice may name, and whether a notice still holds."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any
from urllib.parse import urlsplit

from django.db.models import Q
from django.utils.translation import gettext as _

from common.words import lowered
from notices.models import ClaimedRight, NoticeItem, NoticeState, TakedownNotice
from review import rule_names
from review.choices import WAITING_STATES, MatchState
from review.coverage import Cover, LicencesInForce, checks
from review.models import Match
from review.selectors import with_segments
from review.services.intervals import are_together
from review.subjects import Subject
from rights.choices import ConflictKind, ConflictState, Right, ShareKind
from rights.models import Conflict, Party
from rights.records import rights_records
from rights.selectors import OwnedShare, Rights, names_of, rights_of
from rights.texts import folded
from scanning.models import ScannedFile

_ROWS = (
    *("match__recording__bucket", "match__scanned_file__container", "match__scan"),
    *("match__licence", "pack__match"),
)
STANDING = (MatchState.CONFIRMED, MatchState.UPHELD)
"""The states of matches that a notice may name."""
_CLAIMED = (*STANDING, MatchState.DISPUTED)
_RIGHTS = {
    Right.MASTER: "the master right",
    Right.PERFORMING: "the performing right",
    Right.MECHANICAL: "the mechanical right",
    Right.SYNCHRONISATION: "the synchronisation right",
}
_ABOUT_SHARES = {ConflictKind.OVER, ConflictKind.OVERLAP, ConflictKind.LAPSED}


@dataclass(frozen=True, slots=True)
class UnfitMatch:
    """A match that a notice may not name, and why."""

    match: Match
    message: str


def site_of(file: ScannedFile) -> str:
    """Return the platform of a file, or the host of its address."""
    host = urlsplit(file.source_url).hostname or ""
    return file.platform or host.removeprefix("www.")


def rights_at_use(match: Match) -> Rights:
    """Return who owns what on the day and in the territories of the use."""
    subject = Subject.of(match)
    return rights_of(
        match.recording, day=subject.used_on, territories=sorted(subject.territories)
    )


def owners_of(match: Match, right: ClaimedRight) -> list[str]:
    """Return the owners of the claimed right, in the words of the document."""
    return [_owner(row) for row in owned(match, right)[1]]


def _owner(row: OwnedShare, name: str = "", *, zeros: bool = False) -> str:
    """Return an owner in words; earlier documents have zeros: 50.0000 %."""
    percent = "share of unknown size"
    if row.percent is not None:
        percent = f"{row.percent if zeros else row.percent.normalize():f} %"
    return f"{name or row.party}, {percent} of {_RIGHTS[row.right]}"


def unfit(
    found: Iterable[Match],
    *,
    right: ClaimedRight,
    beside: TakedownNotice | None = None,
    is_sent: bool = False,
) -> list[UnfitMatch]:
    """Return the matches that no notice may name now, each with the reason.

    ``beside`` is the notice that has the matches already, if there is one; ``is_sent``
    asks whether it still holds, not whether it may be sent.
    """
    rows = list(found)
    licences = LicencesInForce()
    taken = {} if is_sent else _find_open_notices(rows, beside)
    refused = []
    for match in rows:
        message = (
            _wrong_state(match, _CLAIMED if is_sent else STANDING)
            or _no_address(match.scanned_file)
            or _taken_by(taken.get(match.pk))
            or _licensed(match, licences)
            or _nothing_counted(match)
            or _doubtful(match, right)
            or _owns_nothing(match, right, beside)
        )
        if message:
            refused.append(UnfitMatch(match, message))
    return refused


def items_of(notice: TakedownNotice) -> list[NoticeItem]:
    """Return the notice's matches in the order of the document."""
    return list(
        NoticeItem.objects.filter(notice=notice).select_related(*_ROWS).order_by("pk")
    )


def changed_since_signed(notice: TakedownNotice) -> list[str]:
    """Return what the signed document says that does not hold any more."""
    changes = changes_since_signed(notice)
    return [f"{match}: {text}" for match, text in changes.values()]


def changes_since_signed(notice: TakedownNotice) -> dict[int, tuple[Match, str]]:
    """Return, by item, the match of today and what the document says wrongly of it.

    Once the notice is sent, a dispute is an answer to it, and another notice may name
    the match.
    """
    if notice.is_unsigned or notice.state == NoticeState.WITHDRAWN:
        return {}
    items = items_of(notice)
    rows = with_segments(
        Match.objects.filter(pk__in=[item.match_id for item in items]).select_related(
            *("recording__bucket", "scanned_file__container", "scan", "licence")
        )
    )
    matches = {match.pk: match for match in rows}
    right, is_sent = notice.claimed_right, notice.sent_at is not None
    refused = {
        each.match.pk: each.message
        for each in unfit(rows, right=right, beside=notice, is_sent=is_sent)
    }
    signed = {each["match"]: each for each in notice.content.get("items", ())}
    changes = {}
    for item in items:
        match = matches[item.match_id]
        signed_item = signed.get(item.match_uid)
        text = (
            why_lapsed(item)
            or refused.get(match.pk, "")
            or (_differs(match, right, signed_item) if signed_item is not None else "")
        )
        if text:
            changes[item.pk] = (match, text)
    return changes


# Any: JSON.
def _differs(match: Match, right: ClaimedRight, said: Mapping[str, Any]) -> str:
    """Return what a document says otherwise of a match than the portal does now."""
    if said["intervals"] != [list(each) for each in match.tally.counted]:
        return _("other seconds of it count than when the notice was signed.")
    rows = owned(match, right)[1]
    today = {
        _owner(row, name, zeros=zeros): _owner(row)
        for row in rows
        for name in names_of(row.party)
        for zeros in (True, False)
    }
    owners = [today.get(owner, owner) for owner in said["owners"]]
    if sorted(owners) != sorted(_owner(row) for row in rows):
        return _("the catalogue names other owners than when the notice was signed.")
    return ""


def why_lapsed(item: NoticeItem) -> str:
    """Return why the item no longer holds; empty while it does."""
    match = item.match
    if match.state in _CLAIMED:
        return ""
    return _("The match is %(state)s now.") % {
        "state": lowered(match.get_state_display())
    }


def _wrong_state(match: Match, allowed: Collection[MatchState]) -> str:
    state = MatchState(match.state)
    if state in allowed:
        return _("A later scan no longer finds the recording.") if match.lost else ""
    if state in WAITING_STATES:
        return _("Nobody has decided this match yet. Decide it first.")
    if state == MatchState.CLEARED:
        if match.licence:
            return _("The licence %(number)s cleared this use.") % {
                "number": rule_names.licence_number(match.licence.number)
            }
        return _("This use was cleared.")
    if state == MatchState.DISPUTED:
        return _("This match is disputed. Answer the dispute first.")
    return _("This match is %(state)s.") % {"state": lowered(state.label)}


def _no_address(file: ScannedFile) -> str:
    if urlsplit(file.source_url).scheme in ("http", "https"):
        return ""
    return _("The file has no address. A notice can only name files found at a link.")


def _find_open_notices(
    rows: Sequence[Match], beside: TakedownNotice | None
) -> dict[int, TakedownNotice]:
    """Return the other open notice of each match."""
    items = NoticeItem.objects.filter(
        is_open=True, match__in=[row.pk for row in rows]
    ).select_related("notice")
    if beside is not None:
        items = items.exclude(notice=beside)
    return {item.match_id: item.notice for item in items}


def _taken_by(notice: TakedownNotice | None) -> str:
    if notice is None:
        return ""
    return _("Another open notice names it: %(notice)s.") % {"notice": notice}


def _licensed(match: Match, licences: LicencesInForce) -> str:
    for check in checks(subject=Subject.of(match), licences=licences):
        if check.cover == Cover.FULL:
            return _(
                "The licence %(number)s covers this use. Decide the match again."
            ) % {"number": rule_names.licence_number(check.licence.number)}
    return ""


def _nothing_counted(match: Match) -> str:
    if not match.wholly_excluded:
        return ""
    return _("Exclusions cover the whole match, so that none of it counts.")


def _doubtful(match: Match, right: ClaimedRight) -> str:
    records = rights_records(match.recording)
    found = Conflict.objects.filter(state=ConflictState.OPEN).filter(
        Q(recording__in=records) | Q(work__recordings__in=records)
    )
    if any(_concerns(conflict, right) for conflict in found):
        return _(
            "The shares are in doubt, because a rights conflict is open. "
            "Settle it first."
        )
    if right == ClaimedRight.RECORDING and rights_at_use(match).exceeds(Right.MASTER):
        return _(
            "The shares are in doubt, because its ISRCs together have owners of more "
            "than 100 %. Correct the shares first."
        )
    return ""


def owned(match: Match, right: ClaimedRight) -> tuple[Rights, list[OwnedShare]]:
    """Return the rights at the use, and who owns shares of the claimed right there."""
    rights = rights_at_use(match)
    owners = [row for row in rights.owners if _is_owned(row.right, row.kind, right)]
    return rights, owners


def _owns_nothing(
    match: Match, right: ClaimedRight, notice: TakedownNotice | None
) -> str:
    """Return that the owner whom the notice names owns nothing where the use was."""
    if notice is None or not notice.owner.strip():
        return ""
    rights, owners = owned(match, right)
    said = {"owner": notice.owner.strip()}
    if owners:
        named = (
            name for row in owners for each in _holders(row) for name in names_of(each)
        )
        if folded(notice.owner) in map(folded, named):
            return ""
        names = dict.fromkeys(str(row.party) for row in owners)
        return _(
            "%(owner)s owns no share of it on this day in these territories. As far as "
            "the portal knows, its owners are: %(names)s. Correct the owner of the right, "
            "or the shares."
        ) % {**said, "names": ", ".join(names)}
    if not any(_is_owned(*group, right) for group in rights.claimed):
        # Nobody has said anything that contradicts.
        return ""
    return (
        _(
            "As far as the portal knows, nobody owns a share of it on this day in these "
            "territories, so %(owner)s does not. Correct the shares, or take the match out."
        )
        % said
    )


def _holders(row: OwnedShare) -> list[Party]:
    """Return whoever may claim a share: its owner, and who collects for the owner."""
    collector = row.share.controlled_by
    return [row.party, *([collector] if collector is not None else [])]


def _is_owned(right: str, kind: str, claimed: ClaimedRight) -> bool:
    is_master = right == Right.MASTER
    return kind == ShareKind.OWNERSHIP and is_master == (
        claimed == ClaimedRight.RECORDING
    )


def heard_together(notice: TakedownNotice) -> list[str]:
    """Return which of a notice's matches of one file are claimed for the same seconds."""
    items = items_of(notice)
    with_segments(item.match for item in items)
    found = []
    for one, other in combinations(items, 2):
        first, second = one.match, other.match
        if first.scanned_file_id != second.scanned_file_id:
            continue
        if are_together(first.tally.counted, second.tally.counted):
            found.append(
                _("%(one)s and %(other)s are claimed for the same seconds of %(file)s.")
                % {
                    "one": first.recording,
                    "other": second.recording,
                    "file": first.scanned_file.name,
                }
            )
    return found


def _concerns(conflict: Conflict, right: ClaimedRight) -> bool:
    """Tell whether a conflict makes it doubtful who owns the claimed right."""
    if right == ClaimedRight.RECORDING:
        return conflict.recording_id is not None and conflict.kind in _ABOUT_SHARES
    kinds = {*_ABOUT_SHARES, ConflictKind.WRITERS}
    return conflict.work_id is not None and conflict.kind in kinds
