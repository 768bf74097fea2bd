"""Saves licences and applies them to existing matches.

A licence changes existing matches only after a preview. Preview and application use
the same selection, so the preview's counts are exact.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

import base.audit.services
from base.accounts.models import User
from base.accounts.reach import refuse_limited
from base.accounts.roles import Action
from base.audit.services import columns_of
from base.common.zones import office_day
from catalogue.models import Bucket, Recording
from review import coverage, errors
from review.choices import BY_LICENCE, LicenceScope, MatchState, OnExpiry, QueueReason, UseKind
from review.coverage import Cover
from review.models import Licence, Match
from review.services import evaluation, transitions
from review.services.questions import StatedSeconds
from review.services.transitions import Change
from review.services.treatments import treat
from review.subjects import Subject

OFFERED_STATES = (MatchState.CONFIRMED, MatchState.UPHELD)
OWN_ACCOUNTS_UID = "l_OWN_ACCOUNTS"
LISTED = 200
_IN_FORCE = ("active", "withdrawn_at")
_TO_PEOPLE = (MatchState.PENDING, MatchState.ESCALATED)
_AT_ONCE = 500
_TERMS = [name for name in Licence.TERMS if name not in ("recordings", "note")]
_MAY_NOT = _("Only a manager may change licences.")


class Reach(StrEnum):
    """The existing matches to which a licence is applied."""

    ALL = "all"
    CHOSEN = "chosen"
    FUTURE = "future"


@dataclass(frozen=True, slots=True)
class LicencePreview:
    """The effect of applying a licence to existing matches.

    Each list holds the first ``LISTED`` matches. ``held`` counts waiting matches that
    somebody is reviewing; they stay unchanged. ``disputed`` are disputed matches that it
    covers: a person answers their disputes. ``uncovered`` counts waiting matches of
    its recordings that it does not cover, by why not, most first.
    """

    clearing: list[Match]
    clearing_count: int
    offered: list[Match]
    offered_count: int
    disputed: list[Match]
    disputed_count: int
    held: int
    cleared: int
    reopens_on: date | None
    uncovered: list[tuple[str, int]]

    @property
    def reopening(self) -> int:
        """Return how many matches reopen when the licence ends."""
        if self.reopens_on is None:
            return 0
        return self.clearing_count + self.cleared


def own_accounts() -> Licence:
    """Return the built-in licence for own accounts; create it if it is missing."""
    own, _ = Licence.objects.get_or_create(
        built_in=True,
        defaults={
            "uid": OWN_ACCOUNTS_UID,
            "holder": "Own accounts",
            "scope": LicenceScope.ALL,
            "use_kind": UseKind.ACCOUNT,
            "active": True,
        },
    )
    return own


def preview(*, licence: Licence) -> LicencePreview:
    """Return the effect of the licence on existing matches."""
    named: dict[_Touch, list[Match]] = {kind: [] for kind in _Touch}
    counts: Counter[_Touch] = Counter()
    uncovered: Counter[str] = Counter()
    for match, kind, why in _touches(licence):
        if kind is None:
            uncovered[why] += match.state == MatchState.PENDING
            continue
        counts[kind] += 1
        if counts[kind] <= LISTED:
            named[kind].append(match)
    reopens = licence.on_expiry == OnExpiry.REOPEN
    return LicencePreview(
        clearing=named[_Touch.CLEARING],
        clearing_count=counts[_Touch.CLEARING],
        offered=named[_Touch.OFFERED],
        offered_count=counts[_Touch.OFFERED],
        disputed=named[_Touch.DISPUTED],
        disputed_count=counts[_Touch.DISPUTED],
        held=counts[_Touch.HELD],
        cleared=_cleared_by(licence).count(),
        reopens_on=licence.valid_until if reopens else None,
        uncovered=[(why, count) for why, count in uncovered.most_common() if count],
    )


class _Touch(StrEnum):
    """The effect of a licence on a match that it covers in full."""

    CLEARING = "clearing"
    OFFERED = "offered"
    DISPUTED = "disputed"
    HELD = "held"


def _touches(licence: Licence) -> Iterator[tuple[Match, _Touch | None, str]]:
    """Yield the matches in the licence's scope with its effect, or why it has none.

    It answers no question that a match asks.
    """
    kinds = {
        MatchState.PENDING: _Touch.CLEARING,
        MatchState.IN_REVIEW: _Touch.HELD,
        MatchState.DISPUTED: _Touch.DISPUTED,
    }
    states, statements = (*kinds, *OFFERED_STATES), StatedSeconds()
    for match, check in coverage.of_licence(licence=licence, states=states):
        if match.has_open_versions:
            why = gettext("Two versions fit equally, and nobody has chosen one.")
            yield match, None, why
        elif check.cover == Cover.FULL and statements.asking([match]):
            yield match, None, str(QueueReason.NAMES_ENTRY.label)
        elif check.cover == Cover.FULL:
            yield match, kinds.get(MatchState(match.state), _Touch.OFFERED), ""
        else:
            yield match, None, check.why


@transaction.atomic
def save(
    *,
    licence: Licence,
    user: User,
    buckets: Iterable[Bucket] = (),
    recordings: Iterable[Recording] = (),
) -> int:
    """Save the licence's terms; return how many matches it no longer covers.

    A new licence stays a draft until ``apply``. Matches that narrower terms no longer
    cover reopen at once.
    """
    transitions.require(user, Action.APPROVE, why=_MAY_NOT)
    # Licences act on all matches, so people with access limits may not change them.
    refuse_limited(user)
    buckets, recordings = list(buckets), list(recordings)
    _refuse_empty(licence, buckets, recordings)
    is_new, before = licence.pk is None, {}
    if is_new:
        licence.created_by = user
    else:
        before = stated_terms(Licence.objects.get(pk=licence.pk))
        # Somebody may have applied or withdrawn it since it was read.
        locked = Licence.objects.select_for_update()
        licence.refresh_from_db(fields=_IN_FORCE, from_queryset=locked)
    licence.save()
    licence.buckets.set(buckets)
    licence.recordings.set(recordings)
    action = "licence.created" if is_new else "licence.changed"
    _record(licence, action, user, before=before)
    return _reopen_uncovered(licence)


def _refuse_empty(licence: Licence, buckets: list[Bucket], recordings: list[Recording]) -> None:
    """Raise ``EmptyScope`` if the terms cover nothing, or everything everywhere."""
    named: dict[str, object] = {
        LicenceScope.BUCKET: buckets,
        LicenceScope.LABEL: licence.labels,
        LicenceScope.RECORDINGS: recordings,
    }
    if not named.get(licence.scope, True):
        raise errors.EmptyScope(
            gettext("Name at least one bucket, label or recording that the licence is for.")
        )
    if licence.built_in:
        return
    if licence.use_kind != UseKind.ANY and not licence.use_values:
        raise errors.EmptyScope(gettext("Name at least one use that the licence allows."))
    if licence.scope == LicenceScope.ALL and licence.use_kind == UseKind.ANY:
        raise errors.EmptyScope(
            gettext(
                "A licence for every recording in every use would clear everything. "
                "Name the recordings or the uses."
            )
        )


@transaction.atomic
def apply(*, licence: Licence, user: User, reach: Reach, chosen: Collection[str] = ()) -> int:
    """Put the licence in force and clear existing matches; return how many.

    Decided matches are cleared only if ``chosen`` contains their uids;
    ``Reach.CHOSEN`` limits waiting matches to these as well.
    """
    transitions.require(user, Action.APPROVE, why=_MAY_NOT)
    refuse_limited(user)
    licence = Licence.objects.select_for_update().get(pk=licence.pk)
    if licence.withdrawn_at is not None:
        raise errors.NotPossible(gettext("The licence was withdrawn. Create a new one instead."))
    is_draft = not licence.active
    if is_draft:
        Licence.objects.filter(pk=licence.pk).update(active=True)
        licence.active = True
        _record(licence, "licence.in_force", user)
    if reach == Reach.FUTURE:
        return 0
    # Remember the versions: a match that changes from here on is left alone.
    meant = [
        (match.pk, match.version) for match in touched(licence=licence, reach=reach, chosen=chosen)
    ]
    act, cleared = transitions.new_act(), []
    for first in range(0, len(meant), _AT_ONCE):
        some = dict(meant[first : first + _AT_ONCE])
        cleared += [match.uid for match in _clear(some, licence, user, act)]
    base.audit.services.record(
        case=licence.case,
        action="licence.applied",
        actor=user,
        after={
            "licence": licence.number,
            "cleared": len(cleared),
            "put_in_force": is_draft,
            "act": act,
            "matches": cleared,
        },
    )
    return len(cleared)


def touched(*, licence: Licence, reach: Reach, chosen: Collection[str]) -> Iterator[Match]:
    """Yield the matches that ``apply`` clears with the same arguments."""
    if reach == Reach.FUTURE:
        return
    for match, kind, _why in _touches(licence):
        if (kind == _Touch.CLEARING and reach == Reach.ALL) or (
            kind in (_Touch.CLEARING, _Touch.OFFERED) and match.uid in chosen
        ):
            yield match


def _clear(versions: Mapping[int, int], licence: Licence, user: User, act: str) -> list[Match]:
    """Clear these matches, skipping those that changed since; return those cleared."""
    fields = evaluation.cleared_by(licence)
    rows = transitions.locked_rows().filter(pk__in=versions)
    moves = [
        (
            row,
            Change(
                action="licensed",
                to=MatchState.CLEARED,
                fields=fields,
                reason=BY_LICENCE,
                details=transitions.act_details(act, row),
            ),
        )
        for row in rows
        if row.version == versions[row.pk]
    ]
    return transitions.apply_all(moves, actor=user)


def make_draft(*, licence: Licence, user: User) -> None:
    """Take a licence out of force again; all matches that it cleared reopen.

    It counts as never granted, so what it says about its end has no effect. The caller
    checks the role.
    """
    licence = Licence.objects.select_for_update().get(pk=licence.pk)
    if licence.withdrawn_at is not None or licence.built_in:
        return
    licence.active = False
    licence.save(update_fields=["active", "updated_at"])
    _record(licence, "licence.draft_again", user)
    _reopen_those_uncovered(_cleared_by(licence), keeps=False)


@transaction.atomic
def withdraw(*, licence: Licence, user: User, reason: str) -> int:
    """End the licence; return how many matches reopen."""
    transitions.require(user, Action.APPROVE, why=_MAY_NOT)
    refuse_limited(user)
    if licence.built_in:
        raise errors.NotPossible(
            gettext("The list of own accounts cannot be withdrawn. Empty it instead.")
        )
    if not reason.strip():
        raise errors.ReasonMissing(gettext("Say why the licence is withdrawn."))
    licence = Licence.objects.select_for_update().get(pk=licence.pk)
    if licence.withdrawn_at is not None:
        raise errors.NotPossible(gettext("The licence was already withdrawn."))
    licence.withdrawn_at = timezone.now()
    licence.save(update_fields=["withdrawn_at", "updated_at"])
    _record(licence, "licence.withdrawn", user, note=reason.strip())
    return _reopen_uncovered(licence)


def end_expired() -> int:
    """Reopen the matches of expired licences; return how many."""
    ended = Licence.objects.filter(
        on_expiry=OnExpiry.REOPEN, valid_until__lt=office_day(), matches__state=MatchState.CLEARED
    ).distinct()
    return sum(_reopen_uncovered(licence) for licence in ended)


def _cleared_by(licence: Licence) -> QuerySet[Match]:
    return Match.objects.filter(licence=licence, state=MatchState.CLEARED)


def _reopen_uncovered(licence: Licence) -> int:
    """Reopen matches that the licence cleared but no longer covers."""
    return _reopen_those_uncovered(_cleared_by(licence))


def reopen_uncovered(rows: QuerySet[Match]) -> int:
    """Reopen those matches that their licences no longer cover."""
    return _reopen_those_uncovered(rows.filter(state=MatchState.CLEARED, licence__isnull=False))


def _reopen_those_uncovered(rows: QuerySet[Match], *, keeps: bool = True) -> int:
    """Reopen matches; ``keeps`` lets licences protect uses in their period."""
    cleared = list(
        rows.select_related("recording", "scanned_file__container", "scan", "licence").order_by(
            "pk"
        )
    )
    if not cleared:
        return 0
    # A licence can have cleared thousands of matches; read those in force only once.
    in_force = coverage.LicencesInForce()
    return sum(
        _reopen(match, match.licence)
        for match in cleared
        if match.licence and not _still_covers(match.licence, match, in_force, keeps=keeps)
    )


def _still_covers(
    licence: Licence, match: Match, in_force: coverage.LicencesInForce, *, keeps: bool
) -> bool:
    """Return whether the licence covers the match; a part is enough if it was chosen.

    A licence that keeps uses in its period protects them when it ends, but not from
    narrower terms.
    """
    if keeps and licence.on_expiry == OnExpiry.KEEP:
        check = coverage.check_terms(licence, match)
    else:
        check = coverage.check_one(licence, match, in_force)
    if check is None or check.cover == Cover.NONE:
        return False
    return check.cover == Cover.FULL or match.is_decided_alone


@transaction.atomic
def _reopen(match: Match, licence: Licence) -> bool:
    """Reopen a match, unless it changed since.

    Another licence may clear it again. A policy may send it to a person, or ask for a
    second one; it neither confirms nor hides what waits because a licence ended.
    """
    try:
        current = transitions.locked_row(match=match, version=match.version)
    except errors.StaleMatch:
        return False
    fields: dict[str, object] = {
        **transitions.UNDECIDED,
        "queue_reason": QueueReason.LICENCE_ENDED,
        "licence_id": None,
    }
    change = Change(
        action="licence_ended",
        to=MatchState.PENDING,
        fields=fields,
        reason=QueueReason.LICENCE_ENDED,
        note=licence.number,
    )
    actor = evaluation.actor_of(licence)
    reopened = transitions.apply(current=current, change=change, actor=actor)
    outcome = evaluation.evaluate(subject=Subject.of(reopened), is_new=False)
    if outcome.licence is not None:
        again = Change(
            action="licensed",
            to=MatchState.CLEARED,
            fields=evaluation.cleared_by(outcome.licence),
            reason=BY_LICENCE,
        )
        actor = evaluation.actor_of(outcome.licence)
        transitions.apply(current=reopened, change=again, actor=actor)
    elif outcome.policy is not None and outcome.state in _TO_PEOPLE:
        actor = evaluation.actor_of(outcome.policy)
        if outcome.state == MatchState.PENDING:
            outcome = evaluation.keeping_reason(outcome, reopened)
        treat(match=reopened, outcome=outcome, user=actor)
    return True


def stated_terms(licence: Licence) -> dict[str, Any]:  # Any: JSON
    """Return the terms of a licence as events keep them, without its note."""
    return {
        "number": licence.number,
        **columns_of(licence, _TERMS),
        "recordings": [recording.uid for recording in licence.recordings.order_by("pk")],
        "active": licence.active,
    }


def _record(
    licence: Licence,
    action: str,
    user: User,
    *,
    before: dict[str, Any] | None = None,  # Any: JSON
    note: str = "",
) -> None:
    """Record the event with the licence's terms as they are stored now."""
    base.audit.services.record(
        case=licence.case,
        action=action,
        actor=user,
        before=before,
        after=stated_terms(Licence.objects.get(pk=licence.pk)),
        note=note,
    )
