"""Readable labels for the actors and actions of events.

An app names its own in a module ``audit_words``, which is found by name: ``ACTORS``,
``CASES``, ``ACTIONS`` and ``CODES``, the cases whose id is a code.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import cache
from importlib import import_module
from types import ModuleType
from typing import Final

from django.utils.functional import Promise
from django.utils.module_loading import module_has_submodule
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy

from base.common.attribution import SIGN_ON
from base.common.phrases import own_apps

_ACTORS = {
    "policy": lazy("policy %(name)s"),
    "licence": lazy("licence %(name)s"),
    "command": lazy("command “%(name)s”"),
    "schedule": lazy("schedule %(name)s"),
}

_CASES: Final = {
    "bucket": lazy("bucket"),
    "callback": lazy("callback"),
    "check": lazy("catalogue check"),
    "cloud_account": lazy("cloud account"),
    "container": lazy("container"),
    "dedup": lazy("duplicate group"),
    "drop": lazy("drop"),
    "evidence": lazy("evidence pack"),
    "file": lazy("file"),
    "group": lazy("role"),
    "import": lazy("import"),
    "installation": lazy("installation"),
    "job": lazy("job"),
    "licence": lazy("licence"),
    "licence_import": lazy("licence import"),
    "loop": lazy("shared loop"),
    "match": lazy("match"),
    "no_match": lazy("file without a match"),
    "policy": lazy("policy"),
    "project": lazy("project"),
    "recording": lazy("recording"),
    "report": lazy("report"),
    "report-schedule": lazy("report schedule"),
    "report-summary": lazy("summary"),
    "report-template": lazy("report template"),
    "retro_search": lazy("retro search"),
    "sign-in": lazy("sign-in"),
    "statement": lazy("statement"),
    "token": lazy("token"),
    "user": lazy("user"),
    "watch": lazy("watch"),
}

# What follows the kind is a code, not an id that somebody could look for.
_CODES: Final = frozenset({"installation", "report-summary"})

# Actions whose code does not read as a label. The names on the wire stay as they are.
_ACTIONS = {
    "application.undone": "Effect undone",
    "approve_exclusion": "Exclusion approved",
    "bucket.import_started": "Import of recordings started",
    "bucket.import_undone": "Import of recordings undone",
    "container.tied_to_cloud": "Container connected to the cloud",
    "counted": "Matched time changed",
    "dedup.canonical": "Canonical recording chosen",
    "dedup.changed": "Duplicate group changed",
    "dedup.check_cancelled": "Search for duplicates cancelled",
    "dedup.check_resumed": "Search for duplicates resumed",
    "dedup.check_started": "Search for duplicates started",
    "dedup.ended": "Duplicate group ended",
    "dedup.found": "Duplicates found",
    "dedup.keep": "Duplicates kept apart",
    "dedup.merge": "Duplicates merged",
    "dedup.proposed": "Decision about duplicates proposed",
    "dedup.refused": "Decision about duplicates refused",
    "dedup.retire": "Duplicate retired",
    "dedup.split": "Duplicate group split",
    "dedup.undo": "Decision about duplicates undone",
    "deleted": "Template deleted",
    "dispatch.tried_again": "Delivery tried again",
    "disputes.due": "Reminder of disputes",
    "downloaded": "Report downloaded",
    "drop.asked": "Poll of the drop requested",
    "drop.retried": "Failed files of the drop tried again",
    "drop.took": "Drop took files",
    "ended": "Schedule ended",
    "evidence.built": "Evidence built",
    "evidence.downloaded": "Evidence downloaded",
    "evidence.requested": "Evidence requested",
    "exclusion.added": "Exclusion added",
    "exported": "Report exported",
    "file.remote_id_set": "Id of the file at ACRCloud set",
    "file.source_back": "Source of the file is back",
    "file.source_gone": "Source of the file is gone",
    "found": "Match found",
    "found_too": "Found by another engine too",
    "installation.declared": "Real installation or copy decided",
    "licence.draft_again": "Licence became a draft again",
    "licence.in_force": "Licence put in force",
    "lost": "No longer found",
    "policy.off": "Policy switched off",
    "policy.on": "Policy switched on",
    "recording.cut_from_file": "Recording cut out of a file",
    "recording.refingerprinted": "Recording fingerprinted again",
    "recording.versions_answered": "Which of two versions stands for both answered",
    "refuse_exclusion": "Exclusion refused",
    "rule_applied": "Policy or licence applied",
    "saved": "Template saved",
    "schedule_run": "Scheduled report run at once",
    "scheduled": "Report scheduled",
    "sign_in_failed": "Sign-in failed",
    "signed_in_from_new_place": "Signed in from a new place",
    "single_sign_on.added": "Single sign-on added",
    "single_sign_on.removed": "Single sign-on removed",
    "statement.agrees": "Agrees with the portal again",
    "statement.differs": "Differs from the portal",
    "statement.kept": "Kept although it differs",
    "statements.differ": "Reminder of statements to correct",
    "take": "Match opened",
    "token.created": "Token created",
    "user.group_added": "Role given to a user",
    "user.group_removed": "Role taken from a user",
    "watch.asked": "Check of the watch requested",
    "watch.found": "Watch found items",
    "written": "Report written",
}


_OWN: Final[Mapping[str, Mapping[str, str | Promise]]] = {
    "ACTORS": _ACTORS,
    "CASES": _CASES,
    "ACTIONS": _ACTIONS,
}


@cache
def _modules() -> tuple[ModuleType, ...]:
    """Return the modules with the words of apps."""
    return tuple(
        import_module(f"{config.name}.audit_words")
        for config in own_apps()
        if module_has_submodule(config.module, "audit_words")
    )


@cache
def _labels(name: str) -> Mapping[str, str | Promise]:
    """Return our own labels of a list and those of all apps."""
    labels: dict[str, str | Promise] = dict(_OWN[name])
    for module in _modules():
        labels.update(getattr(module, name, {}))
    return labels


def cases() -> Mapping[str, str | Promise]:
    """Return the kinds of cases of the audit trail, by the beginning of the case."""
    return _labels("CASES")


def actor_label(name: str) -> str:
    """Return the label of an actor: a person's name, or the automatic actor.

    Events hold names such as "policy:Short uses", "licence:LIC-2" or
    "command:run_demo". User names cannot contain a colon.
    """
    kind, colon, own = name.partition(":")
    if not colon:
        return name
    label_name = own.replace("_", " ") if kind == "command" else own
    label = _labels("ACTORS").get(kind)
    return str(label) % {"name": label_name} if label else f"{kind} {label_name}"


def case_label(case: str) -> tuple[str, str]:
    """Return the kind of a case in words, and its id, if any: "Licence", "LIC-1"."""
    kind, _colon, own = case.partition(":")
    codes = _CODES.union(*(getattr(module, "CODES", ()) for module in _modules()))
    return capfirst(str(cases().get(kind, kind))), "" if kind in codes else own


def is_case(text: str) -> bool:
    """Tell whether a text is the name of a case, such as "suggestion:sg_…"."""
    return re.fullmatch(r"[a-z]+:[a-z]+_\w+", text) is not None


def via_label(via: str) -> str:
    """Return the label of the API token or the single sign-on that was used, if any."""
    if via == SIGN_ON:
        return _("single sign-on")
    token, _space, name = via.partition(" ")
    if token.startswith("token:") and name:
        return _("token “%(name)s”") % {"name": name}
    return via


def action_label(action: str) -> str:
    """Return an action in words: "lock_ended" becomes "Lock ended".

    ``acrportal.translations`` collects the actions, as no text is written out here.
    """
    return _(action_text(action)) if action else ""


def named_actions() -> Iterable[str]:
    """Return the actions that have a label of their own."""
    return _labels("ACTIONS")


def action_text(action: str) -> str:
    return (
        str(_labels("ACTIONS").get(action, ""))
        or action.replace(".", " ").replace("_", " ").capitalize()
    )
