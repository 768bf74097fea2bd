"""Converts the codes in events and decisions of a match to words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy

from base.audit.labels import action_label
from base.audit.models import Event
from base.common.reading import read_clock, read_interval
from catalogue.models import ExclusionReason
from review import rule_names
from review.choices import (
    BY_LICENCE,
    MORE_COUNTS,
    POLICY_ENDED,
    STATED_REASON,
    DisputeCode,
    DisputeStatus,
    MatchState,
    QueueReason,
    RejectCode,
    Verb,
)

Json = dict[str, Any]  # Any: as an event keeps it

# Each text follows the name of the person or system.
_DONE = {
    "found": lazy("found it"),
    "found_too": lazy("found it too"),
    "lost": lazy("did not find it again"),
    "scanned_again": lazy("scanned it again"),
    "found_again": lazy("found it again"),
    "asked_again": lazy("asks again, because a later scan differs"),
    "named_otherwise": lazy("named the recording that now stands for it"),
    "joined": lazy("joined another match of the file with it"),
    "joined_into": lazy("joined it with another match of the file"),
    "parted": lazy("parted the joined matches again"),
    "engines_disagree": lazy("– the engines disagree here"),
    "take": lazy("opened it"),
    "release": lazy("handed it back"),
    "lock_ended": lazy("– the lock ended"),
    "note": lazy("added a note"),
    "propose": lazy("confirmed it, pending a second approval"),
    Verb.CONFIRM: lazy("confirmed it"),
    Verb.CLEAR: lazy("cleared it"),
    Verb.REJECT: lazy("rejected it"),
    Verb.CHOOSE: lazy("chose the version"),
    "named_by_answer": lazy("named the version that stands for both"),
    "version_found": lazy("found another version that fits equally"),
    Verb.ESCALATE: lazy("escalated it"),
    Verb.REOPEN: lazy("reopened it"),
    Verb.UNDO: lazy("undid the last decision"),
    "application_undone": lazy("undid the change by a policy or licence"),
    Verb.DISPUTE: lazy("recorded a dispute"),
    Verb.UPHOLD: lazy("upheld the claim"),
    Verb.WITHDRAW: lazy("recorded that the dispute was withdrawn"),
    Verb.RELEASE: lazy("released the claim"),
    "excluded": lazy("– nothing is left outside the excluded interval"),
    "unsuppressed": lazy("returned it to the queue: no policy suppresses it now"),
    "licensed": lazy("applied a licence, which cleared it"),
    "licence_ended": lazy("ended, so it waits again"),
    POLICY_ENDED: lazy("returned it to the queue: no policy confirms it now"),
    MORE_COUNTS: lazy("returned it to the queue: more of it counts than was decided"),
}
_ABOUT_AN_EXCLUSION = {
    "exclude": lazy("excluded %(interval)s"),
    "propose_exclusion": lazy("proposed to exclude %(interval)s"),
    "approve_exclusion": lazy("approved the exclusion of %(interval)s"),
    "refuse_exclusion": lazy("refused the exclusion of %(interval)s"),
}
# Some codes occur in several enumerations; the last one here names them.
_REASONS: Mapping[str, str | Promise] = {
    str(code): code.label
    for kind in (QueueReason, DisputeStatus, DisputeCode, ExclusionReason, RejectCode)
    for code in kind
} | {str(RejectCode.OTHER): lazy("Other")}
_OWN_REASONS = {Verb.DISPUTE: DisputeCode, "excluded": QueueReason}
# Other parts of the event already tell these: the note, the licence, the action.
_UNSAID = frozenset({"", STATED_REASON, BY_LICENCE})


def done(event: Event) -> str:
    """Return what happened, to be read after the actor's name."""
    after = event.after
    if event.action == "found":
        return _describe_detection(after)
    if event.action in _ABOUT_AN_EXCLUSION:
        proposes = after.get("state") == MatchState.ESCALATED
        action = "propose_exclusion" if proposes else event.action
        interval = read_interval(*after["span"])
        return str(_ABOUT_AN_EXCLUSION[action]) % {"interval": interval}
    if event.action in _OF_GROUNDS:
        return _OF_GROUNDS[event.action](event.before, after)
    if event.action == Verb.UNDO and (undone := event.before.get("state")):
        return _("undid the decision “%(state)s”") % {"state": state_label(undone)}
    if event.action == "licensed" and event.actor_id is None:
        return _("cleared it")
    if event.action == "assign":
        to = after.get("assignee")
        if to:
            return _("assigned it to %(user)s") % {"user": to}
        return _("removed its assignee")
    if event.action == "rule_applied":
        return _rule_applied(after)
    text = _DONE.get(event.action)
    return action_label(event.action) if text is None else str(text)


def _describe_counted_time(before: Json, after: Json) -> str:
    was, counts = before["matched_ms"], after["matched_ms"]
    text = (
        _("excluded a part: matched time %(before)s → %(after)s")
        if counts < was
        else _("removed an exclusion: matched time %(before)s → %(after)s")
    )
    return text % {"before": read_clock(was, digits=1), "after": read_clock(counts, digits=1)}


def _parted(before: Json, after: Json) -> str:
    """Say which side of the parted matches it is; earlier events do not know."""
    if "came_back" not in after:
        return str(_DONE["parted"])
    if after["came_back"]:
        return _("made it a match of its own again")
    if before["state"] == after["state"]:
        return _("took the joined match out of it again")
    return _("took the joined match out of it again, and what was decided with it: %(state)s") % {
        "state": state_label(after["state"])
    }


def _named_otherwise(_before: Json, after: Json) -> str:
    """Say whether a merge or its undo changed the name; earlier events do not tell them apart."""
    if "undone" in after:
        return _("undid the merge, so that it names its own recording again")
    return str(_DONE["named_otherwise"])


def _ground_changed(before: Json, after: Json) -> str:
    return _("changed what the rules say about it: %(before)s → %(after)s") % {
        "before": _said_by_rules(before),
        "after": _said_by_rules(after),
    }


def _speech_checked(_before: Json, after: Json) -> str:
    if after["under_speech"]:
        return _("heard speech over most of it")
    return _("heard no speech over most of it")


def _speech_judged(_before: Json, after: Json) -> str:
    if after["under_speech"] is None:
        return _("can no longer tell whether speech lies over it")
    if after["under_speech"]:
        return _("estimates that speech lies over most of it")
    return _("estimates that no speech lies over most of it")


_OF_GROUNDS = {
    "counted": _describe_counted_time,
    "ground_changed": _ground_changed,
    "named_otherwise": _named_otherwise,
    "parted": _parted,
    "speech_checked": _speech_checked,
    "speech_judged": _speech_judged,
}


def _describe_detection(after: Json) -> str:
    text = _("found it, score %(score)s") % {"score": after.get("score") or "–"}
    # A policy that only asks for review needs no mention.
    if after.get("policy_name") and after["state"] != MatchState.PENDING:
        text += "; " + _("policy %(policy)s: %(state)s") % {
            "policy": rule_names.policy_name(after["policy_name"]),
            "state": state_label(after["state"]),
        }
    return text


def _rule_applied(after: Json) -> str:
    """Name the rule that decided; the person only had the rules applied."""
    if after.get("policy_name"):
        return _("applied the policy %(policy)s") % {
            "policy": rule_names.policy_name(after["policy_name"])
        }
    if after.get("licence"):
        return _("re-evaluated it: a licence covers it")
    if after.get("queue_reason") == QueueReason.EXCLUDED:
        return str(_DONE["excluded"])
    if after.get("queue_reason") == QueueReason.NAMES_ENTRY:
        return _("asks about it: a cue is entered in the same seconds")
    return _("re-evaluated it: no policy applies")


def _said_by_rules(ground: Json) -> str:
    """Return which state rules would give a match, and which rule."""
    label = state_label(ground["would_be"])
    rule = rule_names.licence_number(ground["licence"]) or rule_names.policy_name(ground["policy"])
    return f"{label} ({rule})" if rule else label


def event_reason(event: Event) -> str:
    """Return the event's reason in words, unless the action already says it."""
    own = _OWN_REASONS.get(event.action)
    if own is not None and event.reason in own.values:
        return str(own(event.reason).label) if own is DisputeCode else ""
    return reason_label(event.reason)


def decision_reason(reason: str, state: str) -> str:
    """Return the decision's reason in words, unless the state already says it."""
    if reason == state:
        return ""
    return reason_label(reason)


def reason_label(reason: str) -> str:
    """Return the words for a reason code; empty if the note says it instead."""
    if reason in _UNSAID:
        return ""
    return str(_REASONS.get(reason, action_label(reason)))


def state_label(state: str) -> str:
    """Return the label of a state; empty if unknown."""
    return str(MatchState(state).label) if state in MatchState.values else ""
