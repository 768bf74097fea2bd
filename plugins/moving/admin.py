"""Admin screens of moved objects and trials; pages hold their actions."""

from __future__ import annotations

from collections.abc import Collection

from django.contrib import admin

from base.accounts.roles import Action
from base.audit.labels import case_label
from plugins.moving.importing.streams import kinds_here
from plugins.moving.models import EngineTrial, Moved, TrialFile, TrialRow
from web.portal.admin.base import RoleAdmin, all_field_names, two_lines
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
    list_select_related = ["account"]
    search_fields = ["=remote_id", "=case", "name"]
    readonly_fields = (*all_field_names(Moved, but=["id", "theirs", "ours", "case"]), "case_shown")

    @admin.display(description=Moved._meta.get_field("case").verbose_name)
    def case_shown(self, moved: Moved) -> str:
        """Return what was made here, in words and with its id."""
        return two_lines(*case_label(moved.case)) if moved.case else formats.UNKNOWN


@admin.register(EngineTrial)
class EngineTrialAdmin(RoleAdmin[EngineTrial]):
    """Trials of this portal beside an account."""

    view_action = Action.CONFIGURE
    list_display = ["account", "state", "begins_at", "ends_at", "keeps"]
    list_filter = ["state"]
    list_select_related = ["account"]
    search_fields = ["=uid", "account__name"]
    readonly_fields = all_field_names(
        EngineTrial, but=["id", "seed", "report", "their_buckets", "stream_days"]
    )


@admin.register(TrialFile)
class TrialFileAdmin(RoleAdmin[TrialFile]):
    """Files that both engines have scanned."""

    view_action = Action.CONFIGURE
    list_display = [*("scanned_file", "trial", "own_catalogue", "not_in_both", "below_floor")]
    list_select_related = ["scanned_file", "trial__account"]
    search_fields = ["scanned_file__name"]
    readonly_fields = all_field_names(TrialFile, but=["id"])


@admin.register(TrialRow)
class TrialRowAdmin(RoleAdmin[TrialRow]):
    """What the engines found in them, and what people heard."""

    view_action = Action.CONFIGURE
    list_display = ["recording", "file", "kind", "sampled", "judged", "judged_at"]
    list_filter = ["kind", "judged"]
    list_select_related = ["recording", "file__scanned_file"]
    search_fields = ["recording__title"]
    readonly_fields = all_field_names(TrialRow, but=["id", "draw"])
