"""The names of policies and licences that acted, as the viewer may see them.

Matches and events keep the name of each rule. A viewer who may not see a rule learns
that one acted, but not which; see ``base.accounts.reach``.
"""

from __future__ import annotations

from django.utils.translation import gettext as _

import base.audit.labels
from base.accounts.reach import hidden_keys
from base.audit.models import Event
from review.choices import POLICY_ENDED
from review.models import Licence, Match, Policy
from review.models.licence import NUMBER_PREFIX


def hidden_label() -> str:
    """Return the text in place of a name that the viewer may not see."""
    return _("(not visible to you)")


def policy_name(name: str) -> str:
    """Return the name of a policy, with or without its version."""
    return hidden_label() if _is_hidden_policy(name) else name


def licence_number(number: str) -> str:
    """Return the number of a licence."""
    return hidden_label() if _is_hidden_licence(number) else number


def actor_label(name: str) -> str:
    """Return the label of an actor, as ``base.audit.labels`` does."""
    kind, _colon, own = name.partition(":")
    if kind == "policy" and own:
        name = f"{kind}:{policy_name(own)}"
    elif kind == "licence" and own:
        name = f"{kind}:{licence_number(own)}"
    return base.audit.labels.actor_label(name)


def policy_of(match: Match) -> str:
    """Return the name of the policy that treated a match; "" without one."""
    if match.policy_id in hidden_keys(Policy):
        return hidden_label()
    return match.policy_name


def licence_of(match: Match) -> Licence | None:
    """Return the licence that cleared a match, if the viewer may see it."""
    return None if match.licence_id in hidden_keys(Licence) else match.licence


def decider_of(match: Match) -> str:
    """Return who decided a match; of a rule out of sight only the kind: "policy:"."""
    name = match.decided_by_name
    kind, _colon, own = name.partition(":")
    is_hidden = (kind == "policy" and match.policy_id in hidden_keys(Policy)) or (
        kind == "licence" and _is_hidden_licence(own)
    )
    return f"{kind}:" if is_hidden else name


def actor_of(event: Event) -> str:
    """Return who acted; of a rule out of sight only the kind: "policy:"."""
    kind, _colon, own = event.actor_name.partition(":")
    is_hidden = _IS_HIDDEN.get(kind)
    return f"{kind}:" if is_hidden and is_hidden(own) else event.actor_name


def note_of(event: Event) -> str:
    """Return the note of an event, which of some actions is the name of a rule."""
    if event.action == "licence_ended":
        return licence_number(event.note)
    if event.action in ("unsuppressed", POLICY_ENDED):
        return policy_name(event.note)
    return event.note


def names_hidden_rule(event: Event) -> bool:
    """Return whether an event of a match names a rule that the viewer may not see."""
    if not (hidden_keys(Policy) or hidden_keys(Licence)):
        return False
    full = base.audit.labels.actor_label(event.actor_name), event.note
    if (actor_label(event.actor_name), note_of(event)) != full:
        return True
    return any(
        is_hidden(state.get(kind))
        for state in (event.before, event.after)
        for kind, is_hidden in _IS_HIDDEN.items()
    )


def _is_hidden_licence(licence: str | int | None) -> bool:
    """Return whether the licence with a number or key is out of sight."""
    key = str(licence or "").removeprefix(NUMBER_PREFIX)
    return key.isdecimal() and int(key) in hidden_keys(Licence)


def _is_hidden_policy(policy: str | int | None) -> bool:
    """Return whether the policy with a name or key is out of sight.

    A name that no policy in sight has may be an earlier one of any policy.
    """
    if not policy or not hidden_keys(Policy):
        return False
    if isinstance(policy, int):
        return policy in hidden_keys(Policy)
    name = policy
    plain, _v, version = name.rpartition(" v")
    names = {name, plain} if version.isdecimal() else {name}
    return not Policy.objects.filter(name__in=names).exists()


_IS_HIDDEN = {"policy": _is_hidden_policy, "licence": _is_hidden_licence}
