"""Admin screen of evidence packs, and the action that builds several."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from reports.evidence import services
from reports.evidence.models import EvidencePack
from reports.evidence.services import EvidenceRefused
from review.models import Match
from web.portal.admin.base import (
    APPLY,
    RoleAdmin,
    action_page,
    all_field_names,
    number,
    short_hash,
    user_of,
)
from web.portal.admin.filters import PickFilter
from web.portal.shared import formats
from web.portal.shared.times import when

if TYPE_CHECKING:
    from django.contrib.admin import ModelAdmin

MOST = 50
PREVIEW_ROWS = 20
REFUSALS_SHOWN = 10


@admin.register(EvidencePack)
class EvidencePackAdmin(RoleAdmin[EvidencePack]):
    """Evidence packs, read-only."""

    list_display = ["case_shown", "status", "size", "seal", "requested_by", "made"]
    list_filter = ["status", ("match__scanned_file__container", PickFilter)]
    list_select_related = ["match__recording", "match__scanned_file", "requested_by"]
    search_fields = ["uid", "sha256", "match__uid"]
    search_help_text = _("Id of the pack or of the match, or a whole SHA-256")
    readonly_fields = all_field_names(EvidencePack, but=["id", "file"])

    @admin.display(description=_("Match"), ordering="match__recording__title")
    def case_shown(self, pack: EvidencePack) -> SafeString:
        """Return the recording's title, with a link to the packs of the match."""
        return format_html(
            '<span class="cell-title">{}</span><a class="cell-sub" href="{}">{}</a>',
            pack.match.recording.full_title,
            reverse("portal:evidence", args=[pack.match.uid]),
            gettext("All packs of this match"),
        )

    @admin.display(description=_("Size"), ordering="size_bytes")
    def size(self, pack: EvidencePack) -> SafeString:
        """Return the size of the ZIP."""
        return number(formats.size(pack.size_bytes) if pack.size_bytes else formats.UNKNOWN)

    @admin.display(description=_("SHA-256"))
    def seal(self, pack: EvidencePack) -> SafeString:
        """Return the start of the hash."""
        return short_hash(pack.sha256)

    @admin.display(description=_("Asked for"), ordering="created_at")
    def made(self, pack: EvidencePack) -> SafeString:
        """Return when the pack was requested."""
        return when(pack.created_at)


def build_many(
    model_admin: ModelAdmin[Match], request: HttpRequest, queryset: QuerySet[Match]
) -> HttpResponse | None:
    """Preview the matches and the options; request the packs after a confirmation."""
    chosen = queryset.order_by("-created_at", "-pk")
    if APPLY in request.POST:
        _build(request, chosen)
        return None
    count = chosen.count()
    if count > MOST:
        messages.error(
            request, gettext("Select at most %(limit)s matches at once.") % {"limit": MOST}
        )
        return None
    return action_page(
        model_admin,
        request,
        "admin/review/match/build_evidence.html",
        title=gettext("Build evidence"),
        subtitle=ngettext("%(count)s match", "%(count)s matches", count) % {"count": count},
        selected=list(chosen.values_list("pk", flat=True)),
        preview=list(chosen[:PREVIEW_ROWS]),
        more=count - PREVIEW_ROWS,
    )


def _build(request: HttpRequest, chosen: QuerySet[Match]) -> None:
    """Request a pack for each match, and show why others were refused."""
    done, refused = 0, []
    for match in chosen[:MOST]:
        try:
            services.request_pack(
                match=match,
                user=user_of(request),
                with_reference_clips="reference_clips" in request.POST,
            )
        except EvidenceRefused as refusal:
            refused.append(f"{match}: {refusal.message}")
        else:
            done += 1
    if done:
        messages.success(
            request,
            ngettext(
                "%(count)s pack is being built by the worker.",
                "%(count)s packs are being built by the worker.",
                done,
            )
            % {"count": done},
        )
    for message in refused[:REFUSALS_SHOWN]:
        messages.warning(request, message)
    if len(refused) > REFUSALS_SHOWN:
        hidden = len(refused) - REFUSALS_SHOWN
        messages.warning(
            request,
            ngettext("%(count)s more was refused.", "%(count)s more were refused.", hidden)
            % {"count": hidden},
        )
