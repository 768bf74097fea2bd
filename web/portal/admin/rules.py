"""Read-only admin screens of licences, policies, exclusions, disputes and saved views.

The portal's own pages change them, after a preview of the effect.
"""

from __future__ import annotations

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from base.accounts.roles import Action
from catalogue.models import Exclusion
from review.models import Dispute, Licence, MatchAlias, Policy, SavedView, VersionAnswer
from web.portal.admin.base import RoleAdmin, all_field_names, register_records, user_of
from web.portal.admin.filters import DaysFilter, PickFilter
from web.portal.licences.lists import LICENCES, with_cleared
from web.portal.policies.sentence import sentence_of
from web.portal.shared import formats
from web.portal.shared.selectors import bucket_names

_LICENCE_FIELDS = (*all_field_names(Licence, but=("id", "evidence")), *("buckets", "recordings"))
_POLICY_FIELDS = ("in_words", *all_field_names(Policy, but=("id", "conditions")))


@admin.register(Licence)
class LicenceAdmin(RoleAdmin[Licence]):
    """Licences, read-only."""

    list_display = [*LICENCES.admin_columns, "active"]
    list_filter = ["active", "scope", "use_kind", "on_expiry", ("created_at", DaysFilter)]
    search_fields = ["holder", "=uid"]
    ordering = ["-id"]
    readonly_fields = _LICENCE_FIELDS

    def get_queryset(self, request: HttpRequest) -> QuerySet[Licence]:
        """Add how many matches each licence clears."""
        return with_cleared(super().get_queryset(request))


@admin.register(Policy)
class PolicyAdmin(RoleAdmin[Policy]):
    """Policies in their order, read-only."""

    list_display = ["position", "name", "version", "action", "enabled", "owner"]
    list_display_links = ["name"]
    list_filter = ["enabled", "action", ("created_at", DaysFilter)]
    search_fields = ["name", "=uid"]
    readonly_fields = _POLICY_FIELDS

    @admin.display(description=_("In words"))
    def in_words(self, policy: Policy) -> SafeString:
        """Return the conditions and what follows from them as a sentence."""
        return sentence_of(policy, buckets=bucket_names())


# Exclusions; the recording's page changes them.
register_records(
    Exclusion,
    list_display=[
        "recording",
        "start_ms",
        "end_ms",
        "reason",
        "approved",
        "created_by",
        "removed_at",
    ],
    list_filter=[
        "approved",
        "reason",
        ("recording__bucket", PickFilter),
        ("created_at", DaysFilter),
    ],
    search_fields=["recording__title", "=uid"],
    ordering=["-id"],
)


@admin.register(Dispute)
class DisputeAdmin(RoleAdmin[Dispute]):
    """Disputes; the page of the match records and answers them."""

    list_display = [
        *("match", "code", "status", "overdue", "due_at"),
        *("recorded_by", "answered_by"),
    ]
    list_filter = [
        *("status", "code", "is_appeal"),
        ("match__scanned_file__container", PickFilter),
        ("received_at", DaysFilter),
    ]
    list_select_related = ["match__recording", "match__scanned_file", "recorded_by", "answered_by"]
    search_fields = ["match__recording__title", "=uid", "=match__uid"]
    ordering = ["due_at", "id"]
    readonly_fields = all_field_names(Dispute, but=("id",))

    @admin.display(description=_("Overdue"))
    def overdue(self, dispute: Dispute) -> str:
        """Return whether the time to answer has passed."""
        return gettext("Overdue") if dispute.is_overdue else formats.UNKNOWN


# Former ids of matches that are one with another now.
register_records(
    MatchAlias,
    list_display=["uid", "match", "recording", "joined_at"],
    list_filter=[("joined_at", DaysFilter)],
    list_select_related=[*("match__recording", "match__scanned_file"), "recording"],
    search_fields=["=uid", "=match__uid", "recording__title"],
    date_hierarchy="joined_at",
    fields=["uid", "match", "recording", "merge", "joined_at"],
    readonly_fields=["uid", "match", "recording", "merge", "joined_at"],
)


# Answers which of two versions stands for both; the page of a match gives them.
register_records(
    VersionAnswer,
    list_display=["one", "other", "stands", "answered_by", "answered_at"],
    list_filter=[("answered_at", DaysFilter)],
    search_fields=["one__title", "other__title", "=one__uid", "=other__uid"],
    date_hierarchy="answered_at",
)


@admin.register(SavedView)
class SavedViewAdmin(RoleAdmin[SavedView]):
    """Saved views of the queue; the queue's page creates and removes them."""

    list_display = ["name", "owner", "query", "is_shared", "is_default"]
    list_filter = ["is_shared", "is_default"]
    search_fields = ["name", "owner__username", "=uid"]
    readonly_fields = all_field_names(SavedView, but=("id",))

    def get_queryset(self, request: HttpRequest) -> QuerySet[SavedView]:
        """Leave out private views of other users unless the user is an admin."""
        rows = super().get_queryset(request)
        if request.user.has_perm(Action.CONFIGURE):
            return rows
        return rows.filter(Q(owner=user_of(request)) | Q(is_shared=True))
