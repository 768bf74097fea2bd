"""What people of the season do with policies, and what must hold afterwards.

A dry run says exactly what applying the policy does, and undoing that puts each match
back that nothing else changed since.
"""

from __future__ import annotations

import random

from base.audit.models import Event
from review.choices import DECIDED_STATES, PolicyAction, Relation
from review.models import Match, Policy
from review.services import applications, policies
from scanning.choices import EngineChoice
from tests.season.invariants import check
from tests.season.people import Person

_UNDONE = "application.undone"


def handle(person: Person, rng: random.Random) -> None:
    """Take a policy one step on; roles and limits may refuse it."""
    rng.choice((_write, _switch, _try, _apply, _apply, _undo, _undo))(person, rng)


def _write(person: Person, rng: random.Random) -> None:
    """Write a policy, or change one."""
    policy = _some(rng)
    is_old = policy is not None and rng.random() < 0.5
    path = f"/policies/{policy.uid}/" if policy and is_old else "/policies/new/"
    fields: dict[str, object] = {
        "name": f"Policy {rng.randrange(6)}",
        "action": rng.choice(PolicyAction.values),
        "priority": rng.randint(0, 9),
        "due_days": rng.choice(["", 0, 3]),
        "score_scale": "0-100:embedded/1",
    }
    conditions: dict[str, object] = {
        "labels": "Tune label",
        "relations": [rng.choice(Relation.values)],
        "engines": [EngineChoice.EMBEDDED.value],
        "found_late": rng.choice(["yes", "no"]),
        "territories": rng.choice(["DE", "FR"]),
        "score_from": "80",
        "matched_s_to": "9",
    }
    for name in rng.sample(list(conditions), rng.randint(0, 2)):
        fields[name] = conditions[name]
    if rng.random() < 0.3:
        fields["second_approval"] = "on"
    person.fill_in(path, **fields)


def _switch(person: Person, rng: random.Random) -> None:
    policy = _some(rng)
    if policy is not None:
        enabled = "no" if policy.enabled else "yes"
        person.fill_in(f"/policies/{policy.uid}/switch/", enabled=enabled)


def _try(person: Person, rng: random.Random) -> None:
    policy = _some(rng)
    if policy is not None:
        person.open(f"/policies/{policy.uid}/dry-run/")


def _apply(person: Person, rng: random.Random) -> None:
    """Apply a policy; it changes what its dry run said, and nothing decided."""
    policy = _some(rng)
    if policy is None:
        return
    run, newest = policies.dry_run(policy=policy), _newest()
    decided = _decided()
    person.fill_in(f"/policies/{policy.uid}/apply/")
    check(_decided() == decided, f"{policy} changed decisions of people")
    act = Event.objects.filter(pk__gt=newest, action="policy.applied").first()
    if act is None:
        return
    waiting_count = run.waiting_count if policy.enabled else 0
    # Those that it no longer suppresses may be suppressed by another rule.
    check(
        waiting_count <= act.after["changed"] <= waiting_count + run.returning,
        f"{policy} changed {act.after['changed']}; {waiting_count} and {run.returning} were said",
    )


def _undo(person: Person, rng: random.Random) -> None:
    """Undo an application of a policy, also one that was undone before."""
    policy = _some(rng)
    acts = applications.applications(policy) if policy else []
    if policy is None or not acts:
        return
    application, newest = rng.choice(acts), _newest()
    person.fill_in(f"/policies/{policy.uid}/undo/", act=application.act)
    undone = Event.objects.filter(pk__gt=newest, action=_UNDONE).first()
    if undone is not None:
        check(application.undone is None, f"{policy}: {application.act} undone twice")
        done = undone.after["taken_back"] + len(undone.after["left"])
        # Matches are never deleted, not even with their files.
        check(done == application.count, f"{policy}: {done}, not {application.count} back")


def _decided() -> dict[int, str]:
    rows = Match._base_manager.filter(state__in=DECIDED_STATES)
    return dict(rows.values_list("pk", "state"))


def _newest() -> int:
    return Event.objects.order_by("-pk").values_list("pk", flat=True).first() or 0


def _some(rng: random.Random) -> Policy | None:
    policies = list(Policy.objects.order_by("pk"))
    return rng.choice(policies) if policies else None
