"""Admin screens of trials; pages hold their actions."""

from __future__ import annotations

from django.contrib import admin

from accounts.roles import Action
from portal.admin.base import RoleAdmin, all_field_names
from reports.models import EngineTrial, TrialFile, TrialRow


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
    list_display = [
        *("scanned_file", "trial", "own_catalogue", "not_in_both", "below_floor")
    ]
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
