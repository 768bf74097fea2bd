"""The list and the page of matches, where detections are reviewed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.template.loader import render_to_string
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from accounts.roles import Action
from portal import formats, pictures
from portal.admin import claims, match_decisions
from portal.admin import evidence as evidence_admin
from portal.admin.base import RoleAdmin, badge, score, two_lines, user_of, when
from portal.admin.filters import AgeFilter, LockFilter, ScoreBandFilter, StateFilter
from portal.admin.match_page import evidence
from reports import services as reports
from reports.files import CONTENT_TYPES
from reports.layouts import Layout
from review import selectors
from review.choices import Verb
from review.filters import search_condition
from review.models import Match

NAME_CHARS = 20


class MatchList(ChangeList):
    """The list, with the plays of the rows it shows."""

    def get_results(self, request: HttpRequest) -> None:
        """Fetch the segments of the page with one query."""
        super().get_results(request)
        self.result_list = selectors.with_segments(self.result_list)


@admin.register(Match)
class MatchAdmin(RoleAdmin[Match]):
    """Matches; nothing is typed in here, everything is decided through services.

    The age filter stands in for a date hierarchy, which reads the whole table.
    """

    change_form_template = "admin/review/match/change_form.html"
    change_list_template = "admin/review/match/change_list.html"
    list_display = [
        "recording_title",
        "state_shown",
        "score_shown",
        "reason",
        "source",
        "places",
        "found",
    ]
    list_filter = [
        StateFilter,
        "queue_reason",
        "scanned_file__container",
        "recording__bucket",
        ScoreBandFilter,
        "relation",
        AgeFilter,
        LockFilter,
        "found_late",
        "lost",
    ]
    list_select_related = [
        "recording__bucket",
        "scanned_file__container",
        "scan",
        "locked_by",
        "decided_by",
    ]
    search_fields = ["recording__title"]
    search_help_text = "Title, artist, file name, or a whole id or ISRC"
    ordering = ["-created_at", "-id"]
    actions = [
        "confirm_matches",
        "clear_matches",
        "reject_matches",
        "escalate_matches",
        "reopen_matches",
        "undo_matches",
        "assign_matches",
        "export_matches",
        "build_evidence",
    ]

    def get_changelist(
        self,
        request: HttpRequest,
        **kwargs: Any,  # Any: Django's own signature
    ) -> type[ChangeList]:
        """Return the list that knows the plays."""
        return MatchList

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Match], search_term: str
    ) -> tuple[QuerySet[Match], bool]:
        """Search as the portal's own list does."""
        term = search_term.strip()
        return (queryset.filter(search_condition(term)) if term else queryset), False

    def get_urls(self) -> list[URLPattern]:
        """Add the pages on which decisions are made, and the export."""
        wrap = self.admin_site.admin_view
        return [
            path("export/", wrap(self.export_list), name="review_match_export"),
            path(
                "<int:pk>/decide/<str:verb>/",
                wrap(match_decisions.decide_one),
                {"model_admin": self},
                name="review_match_decide",
            ),
            path(
                "<int:pk>/claim/<str:verb>/",
                wrap(claims.claim),
                {"model_admin": self},
                name="review_match_claim",
            ),
            *super().get_urls(),
        ]

    @admin.display(description="Recording", ordering="recording__title")
    def recording_title(self, match: Match) -> SafeString:
        """Return title and artists."""
        return two_lines(match.recording.title, match.recording.artist_names)

    @admin.display(description="State", ordering="state")
    def state_shown(self, match: Match) -> SafeString:
        """Return the badge."""
        return badge(match.state)

    @admin.display(description="Why here", ordering="queue_reason")
    def reason(self, match: Match) -> SafeString:
        """Return why the match waits or waited, and how the sounds relate."""
        return format_html(
            '<span class="cell-name">{}</span><span class="cell-sub">{}</span>',
            match.get_queue_reason_display(),
            match.get_relation_display(),
        )

    @admin.display(description="Source", ordering="scanned_file__name")
    def source(self, match: Match) -> SafeString:
        """Return file and container."""
        name = match.scanned_file.name
        return format_html(
            '<span class="cell-name" title="{}">{}</span><span class="cell-sub">{}</span>',
            name,
            formats.middle(name, NAME_CHARS),
            match.scanned_file.container.name,
        )

    @admin.display(description="Where, matched", ordering="matched_ms")
    def places(self, match: Match) -> SafeString:
        """Draw where in the source the plays lie, and say how long they are."""
        plays = [
            pictures.Segment(segment.start_ms, segment.end_ms, match.state)
            for segment in match.segments
        ]
        length = match.scanned_file.duration_ms or match.last_end_ms
        mini = pictures.mini_ribbon(duration_ms=length, segments=plays)
        return format_html(
            '{}<span class="cell-sub">{}</span>',
            render_to_string("components/_mini.html", {"mini": mini}),
            formats.clock(match.matched_ms, digits=1),
        )

    @admin.display(description="Score", ordering="score")
    def score_shown(self, match: Match) -> SafeString:
        """Return the score with its scale."""
        return score(match.score, match.score_scale)

    @admin.display(description="Found", ordering="created_at")
    def found(self, match: Match) -> SafeString:
        """Return when the match was found."""
        return when(match.created_at)

    def changelist_view(
        self,
        request: HttpRequest,
        extra_context: dict[str, Any] | None = None,  # Any: Django's own signature
    ) -> HttpResponse:
        """Offer the export to those who may have it."""
        context = {
            **(extra_context or {}),
            "can_export": self.has_export_permission(request),
        }
        return super().changelist_view(request, context)

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,  # Any: Django's own signature
    ) -> HttpResponse:
        """Show the evidence and the buttons."""
        match = self.get_object(request, object_id)
        context = dict(extra_context or {})
        if match is not None:
            shown = evidence(
                match=match,
                user=user_of(request),
                chosen=request.GET.get("segment", ""),
            )
            context |= {
                **shown,
                "title": "Match",
                "can_export": self.has_export_permission(request),
                "source_url": reverse(
                    "portal:file_detail", args=[match.scanned_file.uid]
                ),
                "recording_url": reverse(
                    "portal:recording_detail", args=[match.recording.uid]
                ),
            }
        return super().change_view(request, object_id, form_url, context)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Match]:
        """Fetch what list and page show of each match."""
        return super().get_queryset(request).select_related(*self.list_select_related)

    def has_decide_permission(self, request: HttpRequest) -> bool:
        """Let those decide whose role says so."""
        return request.user.has_perm(Action.DECIDE)

    def has_approve_permission(self, request: HttpRequest) -> bool:
        """Let managers open decisions again."""
        return request.user.has_perm(Action.APPROVE)

    def has_export_permission(self, request: HttpRequest) -> bool:
        """Let those export who run reports."""
        return request.user.has_perm(Action.REPORT)

    @admin.action(description="Confirm the selected as ours", permissions=["decide"])
    def confirm_matches(
        self, request: HttpRequest, queryset: QuerySet[Match]
    ) -> HttpResponse | None:
        """Ask, then confirm."""
        return match_decisions.decide_many(self, request, queryset, Verb.CONFIRM)

    @admin.action(description="Clear the selected…", permissions=["decide"])
    def clear_matches(
        self, request: HttpRequest, queryset: QuerySet[Match]
    ) -> HttpResponse | None:
        """Ask, then clear."""
        return match_decisions.decide_many(self, request, queryset, Verb.CLEAR)

    @admin.action(description="Reject the selected…", permissions=["decide"])
    def reject_matches(
        self, request: HttpRequest, queryset: QuerySet[Match]
    ) -> HttpResponse | None:
        """Ask, then reject."""
        return match_decisions.decide_many(self, request, queryset, Verb.REJECT)

    @admin.action(description="Escalate the selected…", permissions=["decide"])
    def escalate_matches(
        self, request: HttpRequest, queryset: QuerySet[Match]
    ) -> HttpResponse | None:
        """Ask, then escalate."""
        return match_decisions.decide_many(self, request, queryset, Verb.ESCALATE)

    @admin.action(description="Reopen the selected…", permissions=["approve"])
    def reopen_matches(
        self, request: HttpRequest, queryset: QuerySet[Match]
    ) -> HttpResponse | None:
        """Ask, then reopen."""
        return match_decisions.decide_many(self, request, queryset, Verb.REOPEN)

    @admin.action(
        description="Undo the last decision on the selected", permissions=["decide"]
    )
    def undo_matches(
        self, request: HttpRequest, queryset: QuerySet[Match]
    ) -> HttpResponse | None:
        """Ask, then undo."""
        return match_decisions.decide_many(self, request, queryset, Verb.UNDO)

    @admin.action(description="Assign the selected…", permissions=["decide"])
    def assign_matches(
        self, request: HttpRequest, queryset: QuerySet[Match]
    ) -> HttpResponse | None:
        """Ask to whom, then assign."""
        return match_decisions.assign_many(self, request, queryset)

    @admin.action(
        description="Export the selected as a match report (CSV)",
        permissions=["export"],
    )
    def export_matches(
        self, request: HttpRequest, queryset: QuerySet[Match]
    ) -> HttpResponseBase:
        """Send the report of the selection."""
        return _csv(
            reports.stream_report(
                layout=Layout(), matches=queryset, user=user_of(request)
            )
        )

    @admin.action(
        description="Build evidence for the selected…", permissions=["export"]
    )
    def build_evidence(
        self, request: HttpRequest, queryset: QuerySet[Match]
    ) -> HttpResponse | None:
        """Ask, then have the worker build packs."""
        return evidence_admin.build_many(self, request, queryset)

    def export_list(self, request: HttpRequest) -> HttpResponseBase:
        """Send the report of everything that the list's filters let pass."""
        if not self.has_export_permission(request):
            raise PermissionDenied
        listed = self.get_changelist_instance(request).get_queryset(request)
        return _csv(
            reports.stream_report(
                layout=Layout(), matches=listed, user=user_of(request)
            )
        )


def _csv(pieces: Iterator[bytes]) -> StreamingHttpResponse:
    layout = Layout()
    return StreamingHttpResponse(
        pieces,
        content_type=CONTENT_TYPES[layout.format],
        headers={"Content-Disposition": f'attachment; filename="{layout.file_name}"'},
    )
