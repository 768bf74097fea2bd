"""Admin screens of moved objects and trials; pages hold their actions."""

from __future__ import annotations

from collections.abc import Collection

from django.contrib import admin

from base.accounts.roles import Action
from base.audit.labels import case_label
from plugins.moving.importing.streams import kinds_here
from plugins.moving.models import EngineTrial, Moved, TrialFile, TrialRow
from plugins.moving.pages.lists import TRIALS
from web.portal.admin.base import RoleAdmin, all_field_names, register_records, two_lines
from web.portal.admin.filters import HereFilter, PickFilter
from web.portal.shared import formats


class MovedKindFilter(HereFilter):
    """Filters by what was moved, as far as this portal has it."""

    def here(self) -> Collection[str]:
        """Return the kinds."""
        return kinds_here()


@admin.register(Moved)
class MovedAdmin(RoleAdmin[Moved]):
    """What was read in accounts, and what became of it."""

    view_action = Action.CONFIGURE
    list_display = [*("name", "kind", "remote_id", "outcome", "code", "account", "moved_at")]
    list_filter = [("kind", MovedKindFilter), "outcome", ("account", PickFilter)]
    search_fields = ["=remote_id", "=case", "name"]
    readonly_fields = (*all_field_names(Moved, but=["id", "theirs", "ours", "case"]), "case_shown")

    @admin.display(description=Moved._meta.get_field("case").verbose_name)
    def case_shown(self, moved: Moved) -> str:
        """Return what was made here, in words and with its id."""
        return two_lines(*case_label(moved.case)) if moved.case else formats.UNKNOWN


# Trials of this portal beside an account.
register_records(
    EngineTrial,
    view_action=Action.CONFIGURE,
    list_display=TRIALS.admin_columns,
    list_filter=["state"],
    search_fields=["=uid", "account__name"],
    hidden=["seed", "report", "their_buckets", "stream_days"],
)


# Files that both engines have scanned.
register_records(
    TrialFile,
    view_action=Action.CONFIGURE,
    list_display=[*("scanned_file", "trial", "own_catalogue", "not_in_both", "below_floor")],
    list_select_related=["scanned_file", "trial__account"],
    search_fields=["scanned_file__name"],
)


# What the engines found in them, and what people heard.
register_records(
    TrialRow,
    view_action=Action.CONFIGURE,
    list_display=["recording", "file", "kind", "sampled", "judged", "judged_at"],
    list_filter=["kind", "judged"],
    list_select_related=["recording", "file__scanned_file"],
    search_fields=["recording__title"],
    hidden=["draw"],
)
