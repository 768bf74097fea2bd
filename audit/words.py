"""Readable labels for the actors and actions of events."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Final

from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy

from common.registry import Registry

_ACTORS = {
    "policy": lazy("policy %(name)s"),
    "licence": lazy("licence %(name)s"),
    "filling-rule": lazy("filling rule %(name)s"),
    "command": lazy("command “%(name)s”"),
    "schedule": lazy("schedule %(name)s"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """What events of a package above are about, and what they did.

    ``cases`` are kinds of cases, by the beginning of the case; ``actions`` are those
    whose code does not read as a label.
    """

    cases: Mapping[str, Any] = field(default_factory=dict)  # Any: lazy translations
    actions: Mapping[str, str] = field(default_factory=dict)


words: Final[Registry[Words]] = Registry()

_CASES: Final = {
    "broadcast_import": lazy("broadcast import"),
    "bucket": lazy("bucket"),
    "callback": lazy("callback"),
    "check": lazy("catalogue check"),
    "cloud_account": lazy("cloud account"),
    "claim_file": lazy("file for a platform"),
    "conflict": lazy("conflict"),
    "container": lazy("container"),
    "declaration": lazy("declaration"),
    "discrepancy": lazy("difference from a platform"),
    "declaration-profile": lazy("declaration profile"),
    "dedup": lazy("duplicate group"),
    "drop": lazy("drop"),
    "evidence": lazy("evidence pack"),
    "file": lazy("file"),
    "filling": lazy("filling in"),
    "filling-rule": lazy("filling rule"),
    "group": lazy("role"),
    "import": lazy("import"),
    "installation": lazy("installation"),
    "job": lazy("job"),
    "licence": lazy("licence"),
    "loop": lazy("shared loop"),
    "match": lazy("match"),
    "no_match": lazy("file without a match"),
    "notice": lazy("takedown notice"),
    "open-data": lazy("source of open data"),
    "party": lazy("party"),
    "platform_account": lazy("platform account"),
    "platform_values": lazy("values of platforms"),
    "policy": lazy("policy"),
    "project": lazy("project"),
    "recording": lazy("recording"),
    "release": lazy("release"),
    "report": lazy("report"),
    "report-schedule": lazy("report schedule"),
    "report-summary": lazy("summary"),
    "report-template": lazy("report template"),
    "retro_search": lazy("retro search"),
    "revenue": lazy("revenue"),
    "rights_recording": lazy("recording"),
    "sign-in": lazy("sign-in"),
    "statement": lazy("statement"),
    "station": lazy("station"),
    "stream": lazy("stream"),
    "trial": lazy("trial of both engines"),
    "suggestion": lazy("suggestion"),
    "token": lazy("token"),
    "unknown": lazy("unknown item"),
    "user": lazy("user"),
    "watch": lazy("watch"),
    "work": lazy("work"),
}
# What follows the kind is a code, not an id that somebody could look for.
_WITHOUT_ID = ("installation", "platform_values", "report-summary")

# Actions whose code does not read as a label. The names on the wire stay as they are.
_TEXTS = {
    "application.undone": "Effect undone",
    "claims.answers_import_cancelled": "Import of a platform's answers cancelled",
    "claims.answers_import_started": "Import of a platform's answers started",
    "claims.answers_import_tried_again": "Import of a platform's answers tried again",
    "claims.answers_import_undone": "Import of a platform's answers undone",
    "claims.asset_linked": "Asset linked",
    "claims.dismissed": "Difference dismissed",
    "claims.dispute_dated": "Day of a dispute entered",
    "claims.file_answered": "File answered by the platform",
    "claims.file_made": "File for a platform made",
    "claims.file_sent": "File marked as sent",
    "claims.file_withdrawn": "File for a platform withdrawn",
    "claims.import_cancelled": "Import of a platform's report cancelled",
    "claims.import_columns_changed": "Columns of a platform's report mapped differently",
    "claims.import_started": "Import of a platform's report started",
    "claims.import_tried_again": "Import of a platform's report tried again",
    "claims.import_undone": "Import of a platform's report undone",
    "claims.imported": "Platform's report imported",
    "claims.undone": "Undone",
    "claims.value_explained": "Reported value explained",
    "container.tied_to_cloud": "Container connected to the cloud",
    "container.unknown_policy_changed": "Settings for unknown sound changed",
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
    "enrichment.applied": "Suggestions accepted",
    "enrichment.source_added": "Source of open data added",
    "enrichment.source_deleted": "Source of open data deleted",
    "enrichment.source_read": "Source of open data read",
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
    "statements.differ": "Reminder of statements to correct",
    "statement.kept": "Kept although it differs",
    "take": "Match opened",
    "trial.begun": "Trial of both engines begun",
    "trial.ended": "Trial of both engines ended",
    "trial.judged": "Find of a trial judged",
    "unknown.alias_added": "Unknown item named as a version",
    "unknown.changed": "Unknown item changed",
    "unknown.closed": "Unknown item closed",
    "unknown.found": "Unknown item found",
    "unknown.ignored": "Unknown item ignored",
    "unknown.merged": "Unknown items merged",
    "unknown.named": "Unknown item named",
    "unknown.returned": "Unknown item heard again",
    "unknown.split": "Unknown item split",
    "unknown.split_off": "Unknown item split off",
    "unknown.took_over": "Unknown item took over another",
    "unknown.undone": "Decision about the unknown item undone",
    "unknown.unwatched": "Unknown item no longer watched",
    "unknown.watched": "Unknown item watched",
    "watch.asked": "Check of the watch requested",
    "watch.found": "Watch found items",
    "written": "Report written",
}


@cache
def cases() -> Mapping[str, Any]:  # Any: lazy translations
    """Return the kinds of cases of the audit trail, by the beginning of the case."""
    added = [kind for package in words for kind in package.cases.items()]
    return _CASES | dict(added)


@cache
def _texts() -> Mapping[str, str]:
    added = [text for package in words for text in package.actions.items()]
    return _TEXTS | dict(added)


def actor_label(name: str) -> str:
    """Return the label of an actor: a person's name, or the automatic actor.

    Events hold names such as "policy:Short uses", "licence:LIC-2" or
    "command:run_demo". User names cannot contain a colon.
    """
    kind, colon, own = name.partition(":")
    if not colon:
        return name
    shown = own.replace("_", " ") if kind == "command" else own
    label = _ACTORS.get(kind)
    return label % {"name": shown} if label else f"{kind} {shown}"


def case_label(case: str) -> tuple[str, str]:
    """Return the kind of a case in words, and its id, if any: "Licence", "LIC-1"."""
    kind, _colon, own = case.partition(":")
    return capfirst(str(cases().get(kind, kind))), "" if kind in _WITHOUT_ID else own


def is_case(text: str) -> bool:
    """Tell whether a text is the name of a case, such as "suggestion:sg_…"."""
    return re.fullmatch(r"[a-z]+:[a-z]+_\w+", text) is not None


def via_label(via: str) -> str:
    """Return the label of the API token that was used, if any."""
    token, _space, name = via.partition(" ")
    if token.startswith("token:") and name:
        return _("token “%(name)s”") % {"name": name}
    return via


def action_label(action: str) -> str:
    """Return an action in words: "lock_ended" becomes "Lock ended".

    ``acrportal.translations`` collects the actions, as no text is written out here.
    """
    return _(action_text(action)) if action else ""


def action_text(action: str) -> str:
    return (
        _texts().get(action) or action.replace(".", " ").replace("_", " ").capitalize()
    )
