"""Admin screens that list, show and export matches."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.contrib import admin
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.views.main import ChangeList
from django.core.exceptions import BadRequest, PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.template.loader import render_to_string
from django.urls import URLPattern, path, reverse
from django.utils.decorators import method_decorator
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST

from base.accounts.roles import Action
from base.common.reading import read_clock
from reports import services as reports
from reports.files import CONTENT_TYPES
from reports.layouts import Layout
from review import selectors
from review.choices import WAITING_STATES
from review.filters import search_condition
from review.labels import reason_label
from review.models import Match
from web.portal.admin import evidence as evidence_admin
from web.portal.admin import match_decisions, match_locks
from web.portal.admin.base import RoleAdmin, badge, score, two_lines, user_of
from web.portal.admin.filters import AgeFilter, LockFilter, PickFilter, ScoreBandFilter, StateFilter
from web.portal.admin.match_page import page
from web.portal.admin.own_pages import own_page
from web.portal.pictures import ribbon
from web.portal.shared import formats
from web.portal.shared.downloads import attachment
from web.portal.shared.times import when

NAME_CHARS = 20


class MatchList(ChangeList):
    """The list of matches, with the segments of each row."""

    def get_results(self, request: HttpRequest) -> None:
        """Read the segments of all matches on the page with one query."""
        super().get_results(request)
        self.result_list = selectors.with_segments(self.result_list)


@admin.register(Match)
class MatchAdmin(RoleAdmin[Match]):
    """Matches; their fields are read-only, and only services decide them.

    An age filter replaces the date hierarchy, which would read the whole table.
    """

    change_form_template = "admin/review/match/change_form.html"
    change_list_template = "admin/review/match/change_list.html"
    # They name rules that the reader may not see.
    of_every_bucket = ("policy_name", "decided_by_name")
    list_display = ["recording_title", "state_shown", "score_shown", "source", "places", "found_at"]
    list_filter = [
        StateFilter,
        "queue_reason",
        ("scanned_file__container", PickFilter),
        ("recording__bucket", PickFilter),
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
    search_help_text = _("Title, artist, file name, or a whole id or ISRC")
    actions = [
        *map(match_decisions.action_of, match_decisions.BULK_VERBS),
        "assign_matches",
        "export_matches",
        "build_evidence",
    ]

    def get_changelist(
        self,
        request: HttpRequest,
        **kwargs: Any,  # Any: Django's own signature
    ) -> type[ChangeList]:
        """Return the list class that reads segments."""
        return MatchList

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Match], search_term: str
    ) -> tuple[QuerySet[Match], bool]:
        """Search like the portal's list of matches."""
        term = search_term.strip()
        return (queryset.filter(search_condition(term)) if term else queryset), False

    def get_urls(self) -> list[URLPattern]:
        """Add the decision pages and the export."""
        wrap = self.admin_site.admin_view
        keeps = match_decisions.keeps_typed
        ask = keeps(wrap(match_decisions.ask_decision))
        note = keeps(wrap(match_locks.add_note))
        lock, arguments = wrap(match_locks.change_lock), {"model_admin": self}
        return [
            path("export/", wrap(self.export_list), name="review_match_export"),
            path("<int:pk>/decide/<str:verb>/", ask, arguments, name="review_match_decide"),
            path("<int:pk>/claim/<str:verb>/", ask, arguments, name="review_match_claim"),
            path("<int:pk>/note/", note, arguments, name="review_match_note"),
            path("<int:pk>/lock/", lock, arguments, name="review_match_lock"),
            *super().get_urls(),
        ]

    @admin.display(description=_("Recording"), ordering="recording__title")
    def recording_title(self, match: Match) -> SafeString:
        """Return the title and the artists."""
        return two_lines(match.recording.full_title, match.recording.artist_names)

    @admin.display(description=_("State, reason"), ordering="state")
    def state_shown(self, match: Match) -> SafeString:
        """Return the state's badge, and why the match waits or how it was decided."""
        why = (
            match.get_queue_reason_display()
            if match.state in WAITING_STATES
            else reason_label(match.decision_reason)
        )
        return format_html('{}<span class="cell-sub">{}</span>', badge(match.state), why)

    @admin.display(description=_("Source"), ordering="scanned_file__name")
    def source(self, match: Match) -> SafeString:
        """Return the file and its container, and whether the file was deleted."""
        name, container = match.scanned_file.name, match.scanned_file.container.name
        deleted = match.scanned_file.deleted_at is not None
        return format_html(
            '<span class="cell-name" title="{}">{}</span><span class="cell-sub">{}</span>',
            name,
            formats.middle(name, NAME_CHARS),
            f"{container} · {gettext('Deleted')}" if deleted else container,
        )

    @admin.display(description=_("Where, matched"), ordering="matched_ms")
    def places(self, match: Match) -> SafeString:
        """Draw the segments in the source, with their total length."""
        drawn = [
            ribbon.DrawnSegment(
                segment.start_ms, segment.end_ms, match.state, excluded=segment.excluded
            )
            for segment in match.tally.segments
        ]
        length = match.scanned_file.length_ms or match.last_end_ms
        mini = ribbon.mini_ribbon(duration_ms=length, segments=drawn, state=match.state)
        return format_html(
            '{}<span class="cell-sub">{}</span>',
            render_to_string("components/_mini.html", {"mini": mini}),
            read_clock(match.matched_ms, digits=1),
        )

    @admin.display(description=_("Score"), ordering="score")
    def score_shown(self, match: Match) -> SafeString:
        """Return the score with its scale, and the relation."""
        return format_html(
            '{}<span class="cell-sub">{}</span>',
            score(match.score, match.score_scale),
            match.get_relation_display(),
        )

    @admin.display(description=_("Found"), ordering="created_at")
    def found_at(self, match: Match) -> SafeString:
        """Return when the match was found."""
        return when(match.created_at)

    def changelist_view(
        self,
        request: HttpRequest,
        extra_context: dict[str, Any] | None = None,  # Any: Django's own signature
    ) -> HttpResponse:
        """Show the list, with the export for users who may run reports."""
        context = {**(extra_context or {}), "can_export": self.has_export_permission(request)}
        return super().changelist_view(request, context)

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,  # Any: Django's own signature
    ) -> HttpResponse:
        """Show the evidence of a match and the buttons that decide it."""
        match = self.get_object(request, object_id)
        context = dict(extra_context or {})
        if match is not None:
            page_context = page(
                match=match, user=user_of(request), chosen=request.GET.get("segment", "")
            )
            context |= {
                **page_context,
                "title": gettext("Match"),
                "can_export": self.has_export_permission(request),
                "source_url": own_page(match.scanned_file, user_of(request)),
                "recording_url": reverse("portal:recording_detail", args=[match.recording.uid]),
            }
        return super().change_view(request, object_id, form_url, context)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Match]:
        """Join the rows that the list and the page show of each match."""
        return super().get_queryset(request).select_related(*self.list_select_related)

    def has_decide_permission(self, request: HttpRequest) -> bool:
        """Let users decide whose role allows it."""
        return request.user.has_perm(Action.DECIDE)

    def has_approve_permission(self, request: HttpRequest) -> bool:
        """Let managers reopen decided matches."""
        return request.user.has_perm(Action.APPROVE)

    def has_export_permission(self, request: HttpRequest) -> bool:
        """Let users export who may run reports."""
        return request.user.has_perm(Action.REPORT)

    @admin.action(description=_("Assign the selected…"), permissions=["decide"])
    def assign_matches(
        self, request: HttpRequest, queryset: QuerySet[Match]
    ) -> HttpResponse | None:
        """Assign the selected matches to a person after a preview."""
        return match_decisions.assign_many(self, request, queryset)

    @admin.action(
        description=_("Export the selected as a match report (CSV)"), permissions=["export"]
    )
    def export_matches(self, request: HttpRequest, queryset: QuerySet[Match]) -> HttpResponseBase:
        """Stream a match report of the selected matches as CSV."""
        return _csv(reports.stream_report(layout=Layout(), matches=queryset, user=user_of(request)))

    @admin.action(description=_("Build evidence for the selected…"), permissions=["export"])
    def build_evidence(
        self, request: HttpRequest, queryset: QuerySet[Match]
    ) -> HttpResponse | None:
        """Request evidence packs for the selected matches after a preview."""
        return evidence_admin.build_many(self, request, queryset)

    @method_decorator(require_POST)
    def export_list(self, request: HttpRequest) -> HttpResponseBase:
        """Stream a match report of all matches that fit the list's filters."""
        if not self.has_export_permission(request):
            raise PermissionDenied
        try:
            matches = self.get_changelist_instance(request).get_queryset(request)
        except IncorrectLookupParameters as error:
            raise BadRequest(gettext("The list has no such filter.")) from error
        return _csv(reports.stream_report(layout=Layout(), matches=matches, user=user_of(request)))


def _csv(pieces: Iterator[bytes]) -> StreamingHttpResponse:
    layout = Layout()
    return StreamingHttpResponse(
        pieces, content_type=CONTENT_TYPES[layout.format], headers=attachment(layout.file_name)
    )
