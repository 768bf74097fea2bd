"""Words of the audit trail about unknown sound."""

from __future__ import annotations

from typing import Final

from django.utils.translation import gettext_lazy as lazy

CASES: Final = {"unknown": lazy("unknown item")}
ACTIONS: Final = {
    "container.unknown_policy_changed": "Settings for unknown sound changed",
    "unknown.alias_added": "Unknown item named as a version",
    "unknown.changed": "Unknown item changed",
    "unknown.closed": "Unknown item closed",
    "unknown.found": "Unknown item found",
    "unknown.gave_back": "Unknown item gave another one back",
    "unknown.ignored": "Unknown item ignored",
    "unknown.merged": "Unknown items merged",
    "unknown.named": "Unknown item named",
    "unknown.rejoined": "Unknown item joined again",
    "unknown.returned": "Unknown item heard again",
    "unknown.split": "Unknown item split",
    "unknown.split_off": "Unknown item split off",
    "unknown.took_over": "Unknown item took over another",
    "unknown.undone": "Decision about the unknown item undone",
    "unknown.unwatched": "Unknown item no longer watched",
    "unknown.watched": "Unknown item watched",
}
