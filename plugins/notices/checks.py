"""Which matches a notice may name, and whether a notice still holds."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, partial
from itertools import combinations
from urllib.parse import urlsplit

from django.utils.translation import gettext as _

from base.common.phrases import lowered
from catalogue.models import Recording
from catalogue.owners.choices import ConflictKind, Right, ShareKind
from catalogue.owners.models import Conflict, Party
from catalogue.owners.selectors import OwnedShare, Rights, names_of
from catalogue.owners.texts import folded
from plugins.notices.models import (
    NOTICE,
    STANDING_NOTICES,
    ClaimedRight,
    NoticeItem,
    TakedownNotice,
)
from reports.cells import clock
from review import rule_names
from review.choices import WAITING_STATES, MatchState
from review.coverage import Cover, LicencesInForce, checks
from review.intervals import are_together
from review.models import Match
from review.selectors import with_segments
from review.subjects import Subject, rights_at_use
from scanning.models import ScannedFile
from statements.models import StatementFact

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


def owners_of(match: Match, right: ClaimedRight) -> list[str]:
    """Return the owners of the claimed right, in the words of the document."""
    return [_owner(row) for row in owned(rights_at_use(match), right)]


def _owner(row: OwnedShare, name: str = "") -> str:
    """Return an owner in words."""
    percent = "share of unknown size"
    if row.percent is not None:
        percent = f"{row.percent.normalize():f} %"
    return f"{name or row.party}, {percent} of {_RIGHTS[row.right]}"


def unfit(
    matches: Iterable[Match], *, right: ClaimedRight, beside: TakedownNotice | None = None
) -> list[UnfitMatch]:
    """Return the matches that no notice may name now, each with the reason.

    ``beside`` is the notice that has the matches already, if there is one.
    """
    rows = list(matches)
    licences, taken = LicencesInForce(), _open_notices(rows)
    refused = []
    for match in rows:
        open_notices = [open_notice for open_notice in taken[match.pk] if open_notice != beside]
        rights = cache(partial(rights_at_use, match))
        message = _wrong_state(match, STANDING) or _why_unfit(
            match, rights, right, beside, licences, open_notices
        )
        if message:
            refused.append(UnfitMatch(match, message))
    return refused


def _why_unfit(
    match: Match,
    rights: Callable[[], Rights],
    right: ClaimedRight,
    notice: TakedownNotice | None,
    licences: LicencesInForce,
    open_notices: Sequence[TakedownNotice],
) -> str:
    return (
        _no_address(match.scanned_file)
        or _taken_by(open_notices)
        or _licensed(match, licences)
        or _nothing_counted(match)
        or _doubtful(rights(), right)
        or _owns_nothing(rights(), right, notice)
    )


def items_of(*notices: TakedownNotice) -> list[NoticeItem]:
    """Return the matches of notices in the order of their documents."""
    rows = NoticeItem.objects.filter(notice__in=notices).select_related(*_ROWS)
    return list(rows.order_by("pk"))


def changed_since_signed(notice: TakedownNotice) -> list[str]:
    """Return what the signed document says that does not hold any more."""
    changes = changes_since_signed([notice])[notice.pk]
    return [f"{item.match}: {text}" for item, text in changes]


def changes_since_signed(
    notices: Collection[TakedownNotice],
) -> dict[int, list[tuple[NoticeItem, str]]]:
    """Return what each signed document says wrongly of which of its items.

    Once a notice is sent, a dispute is an answer to it, and another notice may name the
    match.
    """
    changes: dict[int, list[tuple[NoticeItem, str]]] = {row.pk: [] for row in notices}
    standing = {row.pk: row for row in notices if row.state in STANDING_NOTICES}
    items = items_of(*standing.values())
    if not items:
        return changes
    matches = with_segments(item.match for item in items)
    licences, taken = LicencesInForce(), _open_notices(matches)
    facts = StatementFact.objects.filter(
        statement__kind=NOTICE, statement__subject__in=[row.uid for row in standing.values()]
    )
    stated = {
        (fact.statement.subject, fact.match): fact for fact in facts.select_related("statement")
    }
    # A limit on buckets may hide a recording that was merged into one that people see.
    named = Recording._base_manager.filter(uid__in={fact.recording for fact in facts})
    stands_for = {row.uid: row.stands_for_it for row in named.select_related("merged_into")}
    for item in items:
        match, notice = item.match, standing[item.notice_id]
        right, is_sent = notice.claimed_right, notice.sent_at is not None
        open_notices = [open_notice for open_notice in taken[match.pk] if open_notice != notice]
        rights = cache(partial(rights_at_use, match))
        text = (
            why_lapsed(item)
            or _wrong_state(match, _CLAIMED if is_sent else STANDING)
            or _why_unfit(match, rights, right, notice, licences, () if is_sent else open_notices)
            or _differs(item, rights(), right, stated[notice.uid, item.match_uid], stands_for)
        )
        if text:
            changes[notice.pk].append((item, text))
    return changes


def _differs(
    item: NoticeItem,
    rights: Rights,
    right: ClaimedRight,
    stated: StatementFact,
    stands_for: Mapping[str, Recording],
) -> str:
    """Return what a document says otherwise of a match than the portal does now."""
    match = item.match
    if stands_for.get(stated.recording) != match.recording.stands_for_it:
        return _("the match is of another recording now: %(recording)s.") % {
            "recording": match.recording.full_title
        }
    if item.url != match.scanned_file.source_url:
        return _("its file has another address now: %(address)s.") % {
            "address": match.scanned_file.source_url
        }
    if printed_times(stated.cells["intervals"]) != printed_times(match.tally.counted):
        return _("other seconds of it count than when the notice was signed.")
    rows = owned(rights, right)
    today = {_owner(row, name): _owner(row) for row in rows for name in names_of(row.party)}
    owners = [today.get(owner, owner) for owner in stated.cells["owners"]]
    if sorted(owners) != sorted(_owner(row) for row in rows):
        return _("the catalogue names other owners than when the notice was signed.")
    return ""


def printed_times(intervals: Iterable[Iterable[int]]) -> list[list[str]]:
    """Return the times of intervals as the document states them."""
    return [[clock(at) for at in interval] for interval in intervals]


def why_lapsed(item: NoticeItem) -> str:
    """Return why the item no longer holds; empty while it does."""
    match = item.match
    if match.state in _CLAIMED:
        return ""
    return _("The match is %(state)s now.") % {"state": lowered(match.get_state_display())}


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
    return _("The file has no address. State on its page where the use is on the web.")


def _open_notices(matches: Iterable[Match]) -> Mapping[int, list[TakedownNotice]]:
    """Return the open notices of each match."""
    items = NoticeItem.objects.filter(is_open=True, match__in=[match.pk for match in matches])
    taken: dict[int, list[TakedownNotice]] = defaultdict(list)
    for item in items.select_related("notice").order_by("pk"):
        taken[item.match_id].append(item.notice)
    return taken


def _taken_by(open_notices: Sequence[TakedownNotice]) -> str:
    if not open_notices:
        return ""
    return _("Another open notice names it: %(notice)s.") % {"notice": open_notices[-1]}


def _licensed(match: Match, licences: LicencesInForce) -> str:
    for check in checks(subject=Subject.of(match), licences=licences):
        if check.cover == Cover.FULL:
            return _("The licence %(number)s covers this use. Decide the match again.") % {
                "number": rule_names.licence_number(check.licence.number)
            }
    return ""


def _nothing_counted(match: Match) -> str:
    if not match.wholly_excluded:
        return ""
    return _("Exclusions cover the whole match, so that none of it counts.")


def _doubtful(rights: Rights, right: ClaimedRight) -> str:
    if any(_concerns(conflict, right) for conflict in rights.conflicts):
        return _("The shares are in doubt, because a rights conflict is open. Settle it first.")
    if right == ClaimedRight.RECORDING and rights.exceeds(Right.MASTER):
        return _(
            "The shares are in doubt, because its ISRCs together have owners of more "
            "than 100 %. Correct the shares first."
        )
    return ""


def owned(rights: Rights, right: ClaimedRight) -> list[OwnedShare]:
    """Return who owns shares of the claimed right."""
    return [row for row in rights.owners if _is_owned(row.right, row.kind, right)]


def _owns_nothing(rights: Rights, right: ClaimedRight, notice: TakedownNotice | None) -> str:
    """Return that the owner whom the notice names owns nothing where the use was."""
    if notice is None or not notice.owner.strip():
        return ""
    owners = owned(rights, right)
    owner = {"owner": notice.owner.strip()}
    if owners:
        named = (name for row in owners for holder in _holders(row) for name in names_of(holder))
        if folded(notice.owner) in map(folded, named):
            return ""
        names = dict.fromkeys(str(row.party) for row in owners)
        return _(
            "%(owner)s owns no share of it on this day in these territories. As far as "
            "the portal knows, its owners are: %(names)s. Correct the owner of the right, "
            "or the shares."
        ) % {**owner, "names": ", ".join(names)}
    if not any(_is_owned(*group, right) for group in rights.claimed):
        # Nobody has said anything that contradicts.
        return ""
    return (
        _(
            "As far as the portal knows, nobody owns a share of it on this day in these "
            "territories, so %(owner)s does not. Correct the shares, or take the match out."
        )
        % owner
    )


def _holders(row: OwnedShare) -> list[Party]:
    """Return whoever may claim a share: its owner, and who collects for the owner."""
    collector = row.share.controlled_by
    return [row.party, *([collector] if collector is not None else [])]


def _is_owned(right: str, kind: str, claimed: ClaimedRight) -> bool:
    is_master = right == Right.MASTER
    return kind == ShareKind.OWNERSHIP and is_master == (claimed == ClaimedRight.RECORDING)


def heard_together(notice: TakedownNotice) -> list[str]:
    """Return which of a notice's matches of one file are claimed for the same seconds."""
    items = items_of(notice)
    with_segments(item.match for item in items)
    sentences = []
    for earlier, later in combinations(items, 2):
        first, second = earlier.match, later.match
        if first.scanned_file_id != second.scanned_file_id:
            continue
        if are_together(first.tally.counted, second.tally.counted):
            sentences.append(
                _("%(one)s and %(other)s are claimed for the same seconds of %(file)s.")
                % {
                    "one": first.recording,
                    "other": second.recording,
                    "file": first.scanned_file.name,
                }
            )
    return sentences


def _concerns(conflict: Conflict, right: ClaimedRight) -> bool:
    """Tell whether a conflict makes it doubtful who owns the claimed right."""
    if right == ClaimedRight.RECORDING:
        return conflict.recording_id is not None and conflict.kind in _ABOUT_SHARES
    kinds = {*_ABOUT_SHARES, ConflictKind.WRITERS}
    return conflict.work_id is not None and conflict.kind in kinds
