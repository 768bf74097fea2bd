"""The portal's own entries in the menu and in the palette."""

from __future__ import annotations

from typing import Final

from django.utils.translation import gettext_lazy as _

from base.accounts.models import ApiToken
from base.accounts.roles import Action
from dedup.models import PairLink
from review.models import Licence, Match, Policy
from scanning.models import Drop, Watch
from statements.models import Statement
from statements.selectors import count_to_correct
from web.portal.shared.context_processors import count_waiting
from web.portal.shared.menu import MenuEntry, PageLink, Section, entries, pages, verbs

SECOND_FACTORS: Final = (
    "mfa_index",
    "mfa_activate_totp",
    "mfa_deactivate_totp",
    "mfa_list_webauthn",
    "mfa_add_webauthn",
    "mfa_edit_webauthn",
    "mfa_remove_webauthn",
    "mfa_view_recovery_codes",
    "mfa_generate_recovery_codes",
)
ENTRIES: Final = (
    MenuEntry(
        section=Section.WORK,
        place=10,
        label=_("Dashboard"),
        icon="dashboard",
        page="portal:dashboard",
        goto="dashboard",
    ),
    MenuEntry(
        section=Section.WORK,
        place=20,
        label=_("Upload"),
        icon="upload",
        page="portal:upload",
        pages=("portal:links", "portal:link_feed", "portal:link_feed_items"),
        action=Action.UPLOAD,
        goto="upload",
    ),
    MenuEntry(
        section=Section.WORK,
        place=30,
        label=_("Watches"),
        icon="eye",
        page="portal:watch_list",
        pages=(
            "portal:watch_create",
            "portal:watch_detail",
            "portal:watch_edit",
            "portal:watch_delete",
        ),
        lead=_("New items of feeds and channels are fetched and scanned as they appear."),
        uses=Watch.objects.all,
    ),
    MenuEntry(
        section=Section.WORK,
        place=40,
        label=_("Drops"),
        icon="download",
        page="portal:drop_list",
        pages=(
            "portal:drop_create",
            "portal:drop_detail",
            "portal:drop_edit",
            "portal:drop_delete",
        ),
        lead=_("Files that other programs put into a folder or a bucket are scanned."),
        uses=Drop.objects.all,
    ),
    MenuEntry(
        section=Section.WORK,
        place=50,
        label=_("Review queue"),
        icon="queue",
        page="portal:queue",
        pages=(
            "portal:queue_files",
            "portal:dispute_list",
            "portal:match_list",
            "portal:match",
            "portal:match_use",
            "portal:decide_many",
            "portal:evidence",
        ),
        goto="matches",
        count=count_waiting,
    ),
    MenuEntry(
        section=Section.WORK,
        place=60,
        label=_("Statements to correct"),
        icon="edit",
        page="portal:statement_list",
        pages=("portal:statement", "portal:statement_keep", "portal:statement_withdraw"),
        goto="statements",
        count=count_to_correct,
        lead=_("Cue sheets, reports and packs that went out and are no longer true."),
        uses=Statement.objects.all,
    ),
    MenuEntry(
        section=Section.WORK,
        place=70,
        label=_("Files"),
        icon="files",
        page="portal:file_list",
        pages=(
            "portal:file_detail",
            "portal:file_details",
            "portal:file_delete",
            "portal:file_remove_audio",
            "portal:cue_sheet",
            "portal:cue_sheet_entry",
            "portal:file_review",
            "portal:file_range",
            "portal:file_range_recording",
        ),
        goto="files",
    ),
    MenuEntry(
        section=Section.LIBRARY,
        place=10,
        label=_("Containers"),
        icon="container",
        page="portal:container_list",
        pages=("portal:container_create", "portal:container_edit"),
    ),
    MenuEntry(
        section=Section.LIBRARY,
        place=20,
        label=_("Catalogue"),
        icon="catalogue",
        page="portal:catalogue",
        pages=(
            "portal:unfindable_recordings",
            "portal:bucket_detail",
            "portal:bucket_create",
            "portal:recording_detail",
            "portal:recording_add",
            "portal:recording_edit",
            "portal:recording_retire",
            "portal:exclusion_add",
            "portal:exclusion_approve",
            "portal:retro_start",
            "portal:retro_search",
        ),
        goto="catalogue",
    ),
    MenuEntry(
        section=Section.LIBRARY,
        place=30,
        label=_("Duplicates"),
        icon="duplicates",
        page="portal:duplicates",
        pages=(
            "portal:duplicate_group",
            "portal:duplicate_act",
            "portal:duplicate_pair",
            "portal:duplicate_loop",
            "portal:duplicate_compare",
            "portal:duplicate_bulk",
        ),
        lead=_("Recordings that share sound, to merge or to keep apart."),
        uses=PairLink.objects.all,
    ),
    MenuEntry(
        section=Section.LIBRARY,
        place=50,
        label=_("Policies"),
        icon="policies",
        page="portal:policy_list",
        pages=("portal:policy_create", "portal:policy_edit", "portal:policy_dry_run"),
        lead=_("Rules that assign, suppress or decide matches by themselves."),
        uses=Policy.objects.all,
    ),
    MenuEntry(
        section=Section.LIBRARY,
        place=60,
        label=_("Licences"),
        icon="shield",
        page="portal:licence_list",
        pages=("portal:licence_create", "portal:licence_edit", "portal:licence_preview"),
        lead=_("Permissions that clear the uses which they cover."),
        uses=lambda: Licence.objects.filter(built_in=False),
    ),
    MenuEntry(
        section=Section.LIBRARY,
        place=90,
        label=_("Reports"),
        icon="reports",
        page="portal:reports",
        pages=("portal:report_run", "portal:report_summary", "portal:report_schedules"),
        goto="reports",
    ),
    MenuEntry(
        section=Section.FOOT,
        place=10,
        label=_("My decisions"),
        icon="undo",
        page="portal:my_decisions",
        action=Action.DECIDE,
        goto="decisions",
        lead=_("Your last decisions, each with its undo."),
        uses=lambda: Match.objects.filter(decided_by__isnull=False),
    ),
    MenuEntry(
        section=Section.FOOT,
        place=20,
        label=_("Jobs"),
        icon="clock",
        page="portal:jobs",
        pages=("portal:retention",),
    ),
    MenuEntry(
        section=Section.FOOT,
        place=30,
        label=_("API tokens"),
        icon="lock",
        page="portal:tokens",
        pages=("portal:project_create",),
        lead=_("Keys with which other programs use the API."),
        uses=ApiToken.objects.all,
    ),
    MenuEntry(
        section=Section.FOOT,
        place=50,
        label=_("Guides"),
        icon="info",
        page="portal:guides",
        pages=("portal:guide",),
    ),
    MenuEntry(
        section=Section.FOOT,
        place=60,
        label=_("Your account"),
        icon="user",
        page="mfa_index",
        action=None,
        pages=(*SECOND_FACTORS, "usersessions_list", "account_change_password", "account_language"),
    ),
)

PAGES: Final = (
    PageLink(_("All matches"), "portal:match_list"),
    PageLink(_("Disputes"), "portal:dispute_list"),
    PageLink(_("Files without a match"), "portal:queue_files"),
    PageLink(_("Report summary"), "portal:report_summary"),
    PageLink(_("Scheduled reports"), "portal:report_schedules", Action.REPORT),
    PageLink(_("Retention"), "portal:retention", Action.DELETE),
    PageLink(_("More"), "portal:more"),
    PageLink(_("Language and time zone"), "account_language", None),
)
VERBS: Final = (
    PageLink(_("Upload audio or links"), "portal:upload", Action.UPLOAD),
    PageLink(_("Submit many links"), "portal:links", Action.UPLOAD),
    PageLink(_("Watch a feed or channel"), "portal:watch_create", Action.UPLOAD),
    PageLink(_("Add a drop"), "portal:drop_create", Action.UPLOAD),
    PageLink(_("Add a licence"), "portal:licence_create", Action.APPROVE),
    PageLink(_("Add a policy"), "portal:policy_create", Action.APPROVE),
    PageLink(_("Add a recording"), "portal:recording_add", Action.EDIT_CATALOGUE),
    PageLink(_("Compare two recordings"), "portal:duplicate_compare"),
    PageLink(_("Create a bucket"), "portal:bucket_create", Action.EDIT_CATALOGUE),
    PageLink(_("Create a container"), "portal:container_create", Action.CONFIGURE),
)


def register() -> None:
    """Add what the portal itself offers to the menu and the palette."""
    for entry in ENTRIES:
        entries.register(entry)
    for page in PAGES:
        pages.register(page)
    for verb in VERBS:
        verbs.register(verb)
