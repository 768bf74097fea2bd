"""Admin screens of duplicate groups, links, actions, loops and checks."""

from __future__ import annotations

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from base.accounts.roles import Action
from dedup import actions
from dedup.errors import ActionRefused
from dedup.models import (
    CatalogueCheck,
    DedupAction,
    DedupGroup,
    DedupMember,
    GroupKind,
    LoopPlace,
    PairLink,
    SharedLoop,
)
from dedup.selectors import left_by_undo
from web.portal.admin.base import (
    APPLY,
    ReadOnlyInline,
    RoleAdmin,
    action_page,
    register_records,
    user_of,
    within_reach,
)
from web.portal.admin.filters import DaysFilter
from web.portal.duplicates import page
from web.portal.shared import selection
from web.portal.shared.selectors import count_per_row


class MemberInline(ReadOnlyInline):
    """The recordings of a group, the canonical recording first."""

    model = DedupMember
    fk_name = "group"
    readonly_fields = (
        "recording",
        "canonical",
        "pinned",
        "kind",
        "linked_to",
        "bridge",
        "created_at",
    )


@admin.register(DedupGroup)
class DedupGroupAdmin(RoleAdmin[DedupGroup]):
    """Duplicate groups; the list can merge them, their own page decides them."""

    list_display = ["uid", "canonical", "members_count", "kind", "kinds", "updated_at"]
    list_filter = ["kind", ("updated_at", DaysFilter)]
    search_fields = ["=uid", "members__recording__title"]
    readonly_fields = ("uid", "kind", "version", "created_at", "updated_at")
    inlines = [MemberInline]
    actions = ["merge_groups"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[DedupGroup]:
        """Annotate the size, prefetch members, and apply the user's access limits."""
        members = DedupMember.objects.all()
        groups = within_reach(super().get_queryset(request), members, "group", request)
        return groups.annotate(
            size=count_per_row(DedupMember.objects.all(), "group")
        ).prefetch_related("members__recording")

    @admin.display(description=_("Canonical recording"))
    def canonical(self, group: DedupGroup) -> str:
        """Return the canonical recording of the group."""
        return next(
            (str(member.recording) for member in group.members.all() if member.canonical), ""
        )

    @admin.display(description=_("Recordings"), ordering="size")
    def members_count(self, group: DedupGroup) -> int:
        """Return the number of recordings in the group."""
        return len(group.members.all())

    @admin.display(description=_("Found as"))
    def kinds(self, group: DedupGroup) -> str:
        """Return the kinds of duplicate in the group."""
        kinds = {member.get_kind_display() for member in group.members.all() if member.kind}
        return ", ".join(sorted(kinds))

    def has_merge_permission(self, request: HttpRequest) -> bool:
        """Let users merge whose role may edit duplicates."""
        return request.user.has_perm(Action.EDIT_DUPLICATES)

    @admin.action(description=_("Merge into the canonical recording…"), permissions=["merge"])
    def merge_groups(
        self, request: HttpRequest, groups: QuerySet[DedupGroup]
    ) -> HttpResponseBase | None:
        """Preview the merge; merge the groups after a confirmation."""
        same = groups.filter(kind=GroupKind.SAME_SOUND)
        if APPLY not in request.POST:
            context = page.bulk_context(list(same.values_list("pk", flat=True)))
            template = "admin/dedup/dedupgroup/merge.html"
            about = {"title": gettext("Merge groups")} | context
            return action_page(self, request, template, **about)
        done, refused = actions.merge_many(
            versions=selection.unpack(request.POST.getlist("group")), user=user_of(request)
        )
        self.message_user(
            request,
            ngettext("%(count)s group merged.", "%(count)s groups merged.", done) % {"count": done},
        )
        for title, why in refused:
            self.message_user(request, f"{title}: {why}", messages.ERROR)
        return None


# Duplicate links: two recordings that share sound, and whether they stay apart.
register_records(
    PairLink,
    list_display=["uid", "one", "other", "kind", "altered", "confidence", "kept_at"],
    list_filter=["kind", "altered", ("kept_at", admin.EmptyFieldListFilter)],
    search_fields=["=uid", "one__title", "other__title"],
    readonly_fields=(
        *("uid", "one", "other", "kind", "altered", "coverage_one", "coverage_other"),
        *("tempo_ratio", "pitch_cents", "confidence", "engine_version", "runs"),
        *("kept_at", "kept_by", "created_at"),
    ),
)


@admin.register(DedupAction)
class DedupActionAdmin(RoleAdmin[DedupAction]):
    """Actions and proposals on duplicates; the list can undo them."""

    list_display = ["uid", "verb", "title", "state", "made_by", "made_at", "settled_by"]
    list_filter = ["verb", "state"]
    search_fields = ["=uid", "title"]
    readonly_fields = (
        *("uid", "verb", "state", "title", "group_uid", "note", "asked", "before"),
        *("after", "made_by", "made_at", "settled_by", "settled_at"),
    )
    actions = ["undo_actions"]

    def has_merge_permission(self, request: HttpRequest) -> bool:
        """Let users undo whose role may edit duplicates."""
        return request.user.has_perm(Action.EDIT_DUPLICATES)

    @admin.action(description=_("Undo"), permissions=["merge"])
    def undo_actions(self, request: HttpRequest, rows: QuerySet[DedupAction]) -> None:
        """Undo actions, the latest first, because later ones may build on earlier ones."""
        for action in rows.order_by("-pk"):
            remainder = left_by_undo(action)
            try:
                actions.undo(action=action, user=user_of(request))
            except ActionRefused as refused:
                self.message_user(request, f"{action}: {refused.message}", messages.ERROR)
            else:
                done = gettext("%(action)s: undone.") % {"action": action}
                self.message_user(request, f"{done} {remainder}".strip())


@admin.register(SharedLoop)
class SharedLoopAdmin(RoleAdmin[SharedLoop]):
    """Shared loops: intervals that several recordings own."""

    list_display = ["uid", "length_ms", "state", "created_at"]
    list_filter = ["state"]
    readonly_fields = ("uid", "length_ms", "state", "created_at")

    def get_queryset(self, request: HttpRequest) -> QuerySet[SharedLoop]:
        """Leave out loops whose recordings the user may not see."""
        places = LoopPlace.objects.all()
        return within_reach(super().get_queryset(request), places, "loop", request)


# Checks of the catalogue for duplicates, the latest first.
register_records(
    CatalogueCheck,
    list_display=["uid", "status", "done", "total", "pairs", "finished_at"],
    list_filter=["status"],
    readonly_fields=(
        *("uid", "status", "done", "total", "pairs", "skipped", "message"),
        *("requested_by", "created_at", "started_at", "finished_at"),
    ),
)
