"""Groups of recordings that are the same sound."""

from __future__ import annotations

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from dedup.models import DedupGroup, DedupMember
from portal.admin.base import ReadOnlyInline, RoleAdmin, count_of


class MemberInline(ReadOnlyInline):
    """The recordings of a group, the canonical one first."""

    model = DedupMember
    fk_name = "group"
    readonly_fields = (
        "recording",
        "canonical",
        "kind",
        "linked_to",
        "created_at",
    )
    fields = readonly_fields


@admin.register(DedupGroup)
class DedupGroupAdmin(RoleAdmin[DedupGroup]):
    """Groups as they were found."""

    list_display = ["uid", "canonical", "members_count", "kinds", "updated_at"]
    search_fields = ["=uid", "members__recording__title"]
    date_hierarchy = "updated_at"
    ordering = ["-updated_at", "-id"]
    readonly_fields = (
        "uid",
        "created_at",
        "updated_at",
    )
    fields = readonly_fields
    inlines = [MemberInline]

    def get_queryset(self, request: HttpRequest) -> QuerySet[DedupGroup]:
        """Fetch the members along."""
        groups = super().get_queryset(request)
        return groups.annotate(
            size=count_of(DedupMember.objects.all(), "group")
        ).prefetch_related("members__recording")

    @admin.display(description="Canonical recording")
    def canonical(self, group: DedupGroup) -> str:
        """Return the recording that stands for the group."""
        return next(
            (str(one.recording) for one in group.members.all() if one.canonical), ""
        )

    @admin.display(description="Recordings", ordering="size")
    def members_count(self, group: DedupGroup) -> int:
        """Return how many recordings the group has."""
        return len(group.members.all())

    @admin.display(description="Found as")
    def kinds(self, group: DedupGroup) -> str:
        """Return how the members were found to be the same."""
        found = {one.get_kind_display() for one in group.members.all() if one.kind}
        return ", ".join(sorted(found))
