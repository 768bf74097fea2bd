"""Saves and orders policies, tries them on existing matches, and applies them.

A dry run evaluates matches exactly as new ones are, with the policy enabled, so it
shows what the policy will do.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from django.db import transaction
from django.db.models import QuerySet
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

import base.audit.services
from base.accounts.models import User
from base.accounts.reach import refuse_limited, working_for
from base.accounts.roles import Action
from base.audit.services import columns_of
from review import errors
from review.choices import DECIDED_STATES, MatchState
from review.conditions import Conditions
from review.coverage import LicencesInForce
from review.models import Match, Policy
from review.services import evaluation, transitions
from review.services.evaluation import Evaluation
from review.services.questions import StatedSeconds
from review.services.treatments import treat
from review.subjects import Subject

LISTED = 200
_CHUNK = 500
_MAY_NOT = _("Only a manager may change policies.")


@dataclass(frozen=True, slots=True)
class Taken:
    """A match that a policy would take, and its new state."""

    match: Match
    to: MatchState


@dataclass(slots=True)
class DryRun:
    """The effect a policy would have had on existing matches.

    ``moves`` counts pairs of present and new state. ``waiting`` lists the first matches
    that applying it changes, ``differing`` the first that are decided otherwise.
    """

    taken: int = 0
    moves: Counter[tuple[MatchState, MatchState]] = field(default_factory=Counter)
    waiting: list[Taken] = field(default_factory=list)
    waiting_count: int = 0
    differing: list[Taken] = field(default_factory=list)
    differing_count: int = 0
    returning: int = 0


@transaction.atomic
def save(*, policy: Policy, user: User) -> list[Policy]:
    """Save a policy; return enabled policies that overlap it with another action.

    Existing matches stay unchanged until ``apply``. Raise ``RuleUnreachable`` if an
    enabled policy could never act.
    """
    transitions.require(user, Action.APPROVE, why=_MAY_NOT)
    # Policies act on all matches, so people with access limits may not change them.
    refuse_limited(user)
    stored = _lock_policies().get(policy.pk) if policy.pk else None
    if stored is None:
        policy.owner = policy.changed_by = user
        policy.position = max((existing.position for existing in _all()), default=0) + 1
    else:
        # Somebody may have moved, switched or changed it since it was read.
        policy.position, policy.enabled = stored.position, stored.enabled
        # Saving without a change creates no new version.
        is_reworded = _terms(policy) != _terms(stored)
        policy.version = stored.version + is_reworded
        policy.changed_by = user if is_reworded else stored.changed_by
    policy.save()
    _refuse_unreachable()
    _record(policy, "policy.changed" if stored else "policy.created", user)
    return overlapping(policy=policy)


@transaction.atomic
def switch(*, policy: Policy, user: User, enabled: bool) -> Policy:
    """Switch a policy on or off; existing matches stay unchanged."""
    transitions.require(user, Action.APPROVE, why=_MAY_NOT)
    refuse_limited(user)
    current = _lock_policies()[policy.pk]
    current.enabled = enabled
    current.save(update_fields=["enabled", "updated_at"])
    _refuse_unreachable()
    _record(current, "policy.on" if enabled else "policy.off", user)
    return current


@transaction.atomic
def move(*, policy: Policy, user: User, up: bool) -> None:
    """Swap the policy with the one before or after it."""
    transitions.require(user, Action.APPROVE, why=_MAY_NOT)
    refuse_limited(user)
    ordered = list(_lock_policies().values())
    here = next(i for i, rule in enumerate(ordered) if rule.pk == policy.pk)
    there = here - 1 if up else here + 1
    if not 0 <= there < len(ordered):
        return
    ordered[here], ordered[there] = ordered[there], ordered[here]
    for position, rule in enumerate(ordered, start=1):
        Policy.objects.filter(pk=rule.pk).exclude(position=position).update(position=position)
    _refuse_unreachable()
    moved = Policy.objects.get(pk=policy.pk)
    _record(moved, "policy.moved", user)


def overlapping(*, policy: Policy) -> list[Policy]:
    """Return other enabled policies with another action that some match fits as well."""
    mine = Conditions.from_json(policy.conditions)
    return [
        rule
        for rule in evaluation.rules_in_force()
        if rule.pk != policy.pk
        and rule.action != policy.action
        and mine.overlaps(Conditions.from_json(rule.conditions))
    ]


def dry_run(*, policy: Policy) -> DryRun:
    """Return the effect the policy would have if it were enabled at its position."""
    run = DryRun()
    for match, outcome in outcomes(policy=policy):
        state = MatchState(match.state)
        if outcome.policy != policy:
            if _comes_back(match, policy):
                run.returning += 1
            continue
        run.taken += 1
        run.moves[(state, outcome.state)] += 1
        if _is_applied_to(match, outcome):
            run.waiting_count += 1
            run.waiting += [Taken(match, outcome.state)][: LISTED - len(run.waiting)]
        elif state in DECIDED_STATES and outcome.state != state:
            run.differing_count += 1
            run.differing += [Taken(match, outcome.state)][: LISTED - len(run.differing)]
    return run


def outcomes(*, policy: Policy) -> Iterator[tuple[Match, Evaluation]]:
    """Yield every live match with its evaluation if the policy were enabled."""
    rules = [rule for rule in _all() if rule.enabled or rule.pk == policy.pk]
    return _evaluated(Match.objects.all(), rules)


def _evaluated(
    matches: QuerySet[Match], rules: Sequence[Policy]
) -> Iterator[tuple[Match, Evaluation]]:
    rows = matches.filter(scanned_file__deleted_at__isnull=True).select_related(
        "recording", "scanned_file__container", "scan"
    )
    licences, statements = LicencesInForce(), StatedSeconds()
    for match in rows.order_by("pk").iterator(chunk_size=_CHUNK):
        subject = Subject.of(match)
        yield (
            match,
            evaluation.evaluate(
                subject=subject, policies=rules, licences=licences, statements=statements
            ),
        )


def touched(*, policy: Policy) -> list[int]:
    """Return the keys of the matches that applying the policy changes."""
    return [
        match.pk
        for match, outcome in _outcomes_in_force()
        if (outcome.policy == policy and _is_applied_to(match, outcome))
        or (outcome.policy != policy and _comes_back(match, policy))
    ]


@transaction.atomic
def apply(*, policy: Policy, user: User) -> int:
    """Apply the policy to waiting matches; return those it no longer suppresses.

    Decisions stay. If the policy requires a second approval, the user gives
    the first. Return how many matches changed.
    """
    transitions.require(user, Action.APPROVE, why=_MAY_NOT)
    refuse_limited(user)
    policy = Policy.objects.select_for_update().get(pk=policy.pk)
    # Collect keys first: changing matches while reading could yield one twice.
    keys = touched(policy=policy)
    act, changed = transitions.new_act(), []
    for first in range(0, len(keys), _CHUNK):
        for match, outcome in _outcomes_in_force(keys[first : first + _CHUNK]):
            if treat(match=match, outcome=outcome, user=user, proposed_by=user, act=act):
                changed.append(match.uid)
    base.audit.services.record(
        case=policy.case,
        action="policy.applied",
        actor=user,
        after={"policy": str(policy), "changed": len(changed), "act": act, "matches": changed},
    )
    return len(changed)


def _outcomes_in_force(keys: list[int] | None = None) -> Iterator[tuple[Match, Evaluation]]:
    """Yield waiting and suppressed matches with their evaluation by current rules."""
    states = (MatchState.PENDING, MatchState.ESCALATED, MatchState.SUPPRESSED)
    rows = Match.objects.filter(state__in=states)
    if keys is not None:
        rows = rows.filter(pk__in=keys)
    return _evaluated(rows, evaluation.rules_in_force())


def _is_applied_to(match: Match, outcome: Evaluation) -> bool:
    """Return whether applying a policy would change the match; decisions stay."""
    if match.state == MatchState.PENDING:
        # This version of the policy may have left the match as it is.
        return not (
            outcome.state == MatchState.PENDING
            and match.policy_id == (outcome.policy and outcome.policy.pk)
            and match.policy_name == str(outcome.policy)
            and match.queue_reason == outcome.queue_reason
        )
    return match.state == MatchState.ESCALATED and outcome.state == MatchState.SUPPRESSED


def _comes_back(match: Match, policy: Policy) -> bool:
    """Return whether this policy suppressed the match, which it no longer takes."""
    return match.state == MatchState.SUPPRESSED and match.policy_id == policy.pk


def _all() -> list[Policy]:
    # A policy's effect depends on those before it, also if the viewer cannot see them.
    with working_for(None):
        return list(Policy.objects.order_by("position", "pk"))


def _lock_policies() -> dict[int, Policy]:
    """Return all policies in order, locked: order and reachability involve them all."""
    rows = Policy.objects.select_for_update(of=("self",)).order_by("position", "pk")
    return {policy.pk: policy for policy in rows}


def _refuse_unreachable() -> None:
    """Raise ``RuleUnreachable`` if an earlier policy takes all of a later one's matches."""
    rules = evaluation.rules_in_force()
    read = [Conditions.from_json(rule.conditions) for rule in rules]
    for later in range(len(rules)):
        for earlier in range(later):
            if read[earlier].contains(read[later]):
                raise errors.RuleUnreachable(
                    gettext(
                        "%(name)s could never act: %(name2)s comes first and takes "
                        "all of its matches. Change the order or narrow %(name2)s."
                    )
                    % {"name": rules[later].name, "name2": rules[earlier].name}
                )


def _terms(policy: Policy) -> dict[str, object]:
    """Return the content of the rule; a change to it increments the version."""
    return columns_of(policy, (*Policy.TERMS, "conditions"))


def _record(policy: Policy, action: str, user: User) -> None:
    """Record the event with the policy's current content."""
    base.audit.services.record(
        case=policy.case,
        action=action,
        actor=user,
        after={
            **_terms(policy),
            "version": policy.version,
            "position": policy.position,
            "enabled": policy.enabled,
        },
    )
