"""The history of an unknown item in words."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from base.audit.models import Event
from base.common.reading import read_clock
from catalogue.models import Recording
from plugins.monitoring.unknown.actions import UNWATCH_ACT, ItemVerb
from plugins.monitoring.unknown.models import IgnoreReason

_ACTION_TEXTS: Final[dict[str, str | Promise]] = {
    "unknown.found": gettext_lazy("found it for the first time"),
    "unknown.changed": gettext_lazy("changed its extent or its best copy"),
    "unknown.closed": gettext_lazy("closed it"),
    "unknown.returned": gettext_lazy("found it again"),
    "unknown.split_off": gettext_lazy("created it by splitting another item"),
    "unknown.took_over": gettext_lazy("merged another item into it"),
    "unknown.rejoined": gettext_lazy("joined it again with the item that it was split off"),
    "unknown.gave_back": gettext_lazy("took the merged item out of it again"),
    ItemVerb.NAME: gettext_lazy("named it"),
    ItemVerb.ALIAS: gettext_lazy("named it as a version of another recording"),
    ItemVerb.IGNORE: gettext_lazy("ignored it"),
    ItemVerb.MERGE: gettext_lazy("merged it into another item"),
    ItemVerb.WATCH: gettext_lazy("watched it"),
    UNWATCH_ACT: gettext_lazy("stopped watching it"),
    ItemVerb.UNDO: gettext_lazy("undid the last action"),
}
_UNDONE_TEXTS: Final[dict[str, str | Promise]] = {
    ItemVerb.SPLIT: gettext_lazy("joined it again with the part that was split off"),
    ItemVerb.MERGE: gettext_lazy("made it an item of its own again"),
}


@dataclass(frozen=True, slots=True)
class HistoryLine:
    """One event: person, time, action and reason."""

    at: datetime
    actor_name: str
    action: str
    note: str


def history_line(event: Event) -> HistoryLine:
    """Return an event of an item in words."""
    return HistoryLine(event.at, event.actor_name, _describe_event(event), event.note)


def _describe_event(event: Event) -> str:
    match event.action:
        case ItemVerb.SPLIT:
            return _("split it at %(time)s") % {"time": read_clock(event.after["at_ms"], digits=1)}
        case ItemVerb.IGNORE if event.after["ignored_as"]:
            reason = IgnoreReason(event.after["ignored_as"]).label
            return _("ignored it: %(reason)s") % {"reason": reason}
        case ItemVerb.NAME if _is_seen(event.after["recording"]):
            return _("named it “%(name)s”") % {"name": event.after["label"]}
        case ItemVerb.UNDO if event.after["undone"] in _UNDONE_TEXTS:
            return str(_UNDONE_TEXTS[event.after["undone"]])
        case action:
            return str(_ACTION_TEXTS[action])


def _is_seen(recording: str) -> bool:
    return Recording.objects.filter(uid=recording).exists()
