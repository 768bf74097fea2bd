"""The list of files, the page of a file and its actions, and the retention page."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.http import HttpResponseBadRequest
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import (
    require_GET,
    require_http_methods,
    require_POST,
    require_safe,
)

from base.accounts.roles import Action
from base.common.bodies import takes_files
from catalogue.selectors import list_holds, searchable_buckets
from operations.retention import outlook
from reports.models import CueEntry
from review import scan_diff
from review.choices import WAITING_STATES, MatchState
from review.filters import FILES, FILTERS, MatchFilter
from review.programmes.selectors import episode_of
from review.services import file_details as details
from review.services.file_details import DetailsOutcome
from review.timeline import timeline
from review.timeline.figures import matched_shares
from scanning import selectors
from scanning.choices import EngineChoice, ScanStatus, SourceType
from scanning.errors import IntakeRefused
from scanning.models import Scan, ScannedFile
from scanning.progress import progress_of
from scanning.retention import remove_audio
from scanning.services.filing import delete_files
from scanning.services.intake import attach_audio
from scanning.services.scans import cancel_scans, request_scan
from scanning.sources.platform_page import read_moment
from scanning.tags import words_of
from scanning.uses import use_of
from web.portal.files.forms import (
    DeleteFileForm,
    EditDetailsForm,
    FileFilterForm,
    RemoveAudioForm,
    RescanForm,
)
from web.portal.files.page import lane_names, segment_rows, segment_times, with_counts
from web.portal.pictures.file import draw_coverage, draw_ribbon, why_no_match
from web.portal.pictures.match import SEGMENTS_SHOWN
from web.portal.shared.access import PortalRequest, needs
from web.portal.shared.asking import Question, ask_before, not_agreed, only_statements
from web.portal.shared.changes import answer_changes, known_rows
from web.portal.shared.columns import columns_shown
from web.portal.shared.lists import count_of, page_of, sorted_by
from web.portal.shared.playback import (
    audio_response,
    audio_url,
    heard_tracks,
    read_track,
    sound_tracks,
)
from web.portal.shared.selectors import files_named, find_file, is_uuid, shown_matches

_SHARED_FILTERS = [filter_.name for filter_ in FILTERS if FILES in filter_.lists]
AHEAD = (0, 7, 30, 90, 365)
_USUAL = 30
_ENTRIES = 20
_COLUMNS = {
    "state": "status",
    "name": "name",
    "container": "container__name",
    "duration": "length_ms",
    "created": "created_at",
}


@require_safe
@needs(Action.VIEW)
def file_list(request: PortalRequest) -> HttpResponseBase:
    """List files by state, container and name."""
    filters, rows = _filter_files(request)
    rows = sorted_by(request, with_counts(rows), _COLUMNS, default="-created")
    page = page_of(request, rows)
    shares = matched_shares(list(page.object_list))
    return render(
        request,
        "portal/files/file_list.html",
        {
            "filters": filters,
            "page_obj": page,
            "rows": [
                {"file": file, "token": _token(file), "matched_pct": shares.get(file.pk)}
                for file in page
            ],
            "columns": columns_shown(request.user, "files"),
        },
    )


def _filter_files(request: PortalRequest) -> tuple[FileFilterForm, QuerySet[ScannedFile]]:
    """Return the filters in the query string and the files that fit them."""
    filters = FileFilterForm(request.GET)
    filters.is_valid()
    values = filters.cleaned_data
    text = values.get("q")
    rows = files_named(text) if text else selectors.files()
    if values.get("state"):
        rows = rows.filter(status=values["state"])
    if values.get("container"):
        rows = rows.filter(container=values["container"])
    if values.get("tag"):
        rows = rows.filter(list_holds("tags", values["tag"]))
    if values.get("late"):
        late = shown_matches().filter(found_late=True)
        rows = rows.filter(Exists(late.filter(scanned_file=OuterRef("pk"))))
    shared = MatchFilter.from_query(request.GET).only(*_SHARED_FILTERS)
    return filters, rows.filter(shared.file_condition())


def _token(file: Any) -> str:  # Any: a file with the counts of ``_with_counts``
    """Return a text that differs as soon as the file's row looks different."""
    parts = (file.status, file.progress, file.match_count, file.waiting_count)
    return "-".join("" if part is None else str(part) for part in parts)


@require_safe
@never_cache
@needs(Action.VIEW)
def file_changes(request: PortalRequest) -> HttpResponseBase:
    """Return what changed in an open list of files; 304 if nothing did."""
    page_tokens = known_rows(request)
    uids = [uid for uid in page_tokens if is_uuid(uid)]
    files_by_uid = {
        str(file.uid): file for file in with_counts(selectors.files().filter(uid__in=uids))
    }

    def draw(names: Sequence[str]) -> dict[str, str]:
        files = [files_by_uid[name] for name in names]
        shares = matched_shares(files)
        template = "portal/files/_file_row.html"
        context = {"columns": columns_shown(request.user, "files")}
        return {
            str(file.uid): render_to_string(
                template,
                context
                | {
                    "row": {"file": file, "token": _token(file), "matched_pct": shares.get(file.pk)}
                },
                request,
            )
            for file in files
        }

    return answer_changes(
        request,
        page_tokens=page_tokens,
        now={uid: _token(file) for uid, file in files_by_uid.items()},
        draw=draw,
        counts=lambda: {"total": count_of(_filter_files(request)[1])},
    )


@require_safe
@needs(Action.VIEW)
def file_detail(request: PortalRequest, uid: uuid.UUID) -> HttpResponseBase:
    """Show one file: progress, player, ribbon, matches and segments."""
    file = get_object_or_404(selectors.files().select_related("uploaded_by"), uid=uid)
    scans = list(file.scans.full()[:20])
    done = next((scan for scan in scans if scan.status == ScanStatus.SUCCEEDED), None)
    line = timeline(file)
    matches = line.matches
    visible = [match for match in matches if match.state != MatchState.SUPPRESSED]
    waiting = [match for match in visible if match.state in WAITING_STATES]
    track = read_track(request)
    return render(
        request,
        "portal/files/file_detail.html",
        {
            "file": file,
            "scan": scans[0] if scans else None,
            "progress": progress_of(scans[:1]).get(scans[0].pk) if scans else None,
            "scans": list(file.scans.all()[:20]),
            **_comparison(scans, request.GET.get("compare", "")),
            "matches": matches,
            "match_count": len(visible),
            "suppressed_count": len(matches) - len(visible),
            "segments": Paginator(segment_rows(visible), SEGMENTS_SHOWN).get_page(
                request.GET.get("page")
            ),
            "segment_times": segment_times(visible),
            "lane_names": lane_names(visible),
            "ribbon": draw_ribbon(file, line, request.GET),
            "coverage": draw_coverage(file, line),
            "why": why_no_match(file, done, line) if done else {},
            "audio_url": audio_url(file, track),
            "track": track,
            "heard_tracks": heard_tracks(file),
            **sound_tracks(file),
            "platform_read_at": read_moment(file.platform_facts.get("read_at", "")),
            "used": use_of(file),
            "tags": words_of(file.tags),
            "episode": episode_of(file),
            "entries": CueEntry.objects.filter(scanned_file=file)[:_ENTRIES],
            "waiting_count": len(waiting),
            "other_buckets": []
            if file.lacks_sound
            else searchable_buckets().exclude(containers=file.container),
            "may_send": _may_be_sent(file),
        },
    )


def _may_be_sent(file: ScannedFile) -> bool:
    """Say whether one scan of the file may go to the container's cloud account."""
    container = file.container
    return (
        container.cloud_account_id is not None
        and container.engine == EngineChoice.EMBEDDED
        and file.source_type != SourceType.STREAM
    )


def _comparison(scans: list[Scan], scan_uid: str) -> dict[str, object]:
    """Return the scans that have an earlier one by the same engine, and one comparison.

    The comparison is of the scan ``scan_uid``, or else of the newest.
    """
    done = [scan for scan in scans if scan.status == ScanStatus.SUCCEEDED]
    later = [
        scan
        for number, scan in enumerate(done)
        if any(before.engine == scan.engine for before in done[number + 1 :])
    ]
    compared = next((scan for scan in later if scan.uid == scan_uid), None)
    if compared is None and later:
        compared = later[0]
    return {
        "comparable": [scan.uid for scan in later],
        "diff": scan_diff.compare(compared) if compared else None,
    }


@require_POST
@needs(Action.UPLOAD)
def file_rescan(request: PortalRequest, uid: uuid.UUID) -> HttpResponseBase:
    """Queue another scan, with further buckets or by ACRCloud if chosen."""
    file = find_file(uid)
    form = RescanForm(request.POST)
    if not form.is_valid():
        return HttpResponseBadRequest(_("Choose a bucket or engine that you may use."))
    try:
        request_scan(
            scanned_file=file,
            user=request.user,
            waited_for=True,
            also=form.cleaned_data["also"],
            engine=form.cleaned_data["engine"] or None,
        )
    except IntakeRefused as error:
        messages.error(request, str(error))
    return redirect("portal:file_detail", uid=uid)


@require_POST
@needs(Action.UPLOAD)
def file_cancel(request: PortalRequest, uid: uuid.UUID) -> HttpResponseBase:
    """Cancel the file's scans."""
    file = find_file(uid)
    cancel_scans(scanned_file=file, user=request.user)
    return redirect("portal:file_detail", uid=uid)


@require_http_methods(["GET", "POST"])
@needs(Action.UPLOAD)
def file_details(request: PortalRequest, uid: uuid.UUID) -> HttpResponseBase:
    """Change a file's details; its waiting matches are evaluated again."""
    file = find_file(uid)
    form = EditDetailsForm(request.POST or None, file=file)
    if request.method == "POST" and form.is_valid():
        confirmation = ask_before(
            request,
            lambda: details.change(
                scanned_file=find_file(uid), details=form.details(), user=request.user
            ),
            about=Q(scanned_file=file),
            question=Question(
                title=_("These statements change"),
                text=_("Nothing is saved yet."),
                submit=_("Save"),
                crumbs=[(file.name, reverse("portal:file_details", args=[uid]))],
            ),
            asks=only_statements,
        )
        if confirmation is not None:
            return confirmation
        outcome = details.change(scanned_file=file, details=form.details(), user=request.user)
        if outcome.changed:
            messages.success(request, _details_saved(file, outcome))
        return redirect("portal:file_detail", uid=uid)
    return render(request, "portal/files/file_details.html", {"file": file, "form": form})


def _details_saved(file: ScannedFile, outcome: DetailsOutcome) -> str:
    parts = [_("The details of %(name)s were saved.") % {"name": file.name}]
    if outcome.evaluated:
        parts.append(
            ngettext(
                "%(count)s waiting match was decided or routed by a licence or policy.",
                "%(count)s waiting matches were decided or routed by a licence or policy.",
                outcome.evaluated,
            )
            % {"count": outcome.evaluated}
        )
    if outcome.reopened:
        parts.append(
            ngettext(
                "%(count)s match is no longer covered by its licence.",
                "%(count)s matches are no longer covered by their licences.",
                outcome.reopened,
            )
            % {"count": outcome.reopened}
        )
    return " ".join(parts)


@require_http_methods(["GET", "POST"])
@needs(Action.DELETE)
def file_delete(request: PortalRequest, uid: uuid.UUID) -> HttpResponseBase:
    """Delete a file with a reason; its decisions and audit trail stay."""
    file = find_file(uid)
    form = DeleteFileForm(request.POST or None)
    consequences = not_agreed(
        request,
        lambda: delete_files(files=[file], user=request.user, reason=""),
        about=Q(scanned_file=file),
    )
    if request.method == "POST" and form.is_valid() and consequences is None:
        delete_files(files=[file], user=request.user, reason=form.cleaned_data["reason"])
        messages.success(
            request, _("%(name)s was deleted. Its decisions stay.") % {"name": file.name}
        )
        return redirect("portal:file_list")
    context = {"file": file, "form": form, "consequences": consequences}
    return render(request, "portal/files/file_delete.html", context)


@require_http_methods(["GET", "POST"])
@needs(Action.DELETE)
def file_remove_audio(request: PortalRequest, uid: uuid.UUID) -> HttpResponseBase:
    """Remove a file's audio with a reason; its results stay."""
    file = find_file(uid)
    form = RemoveAudioForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        if remove_audio(scanned_file=file, user=request.user, reason=form.cleaned_data["reason"]):
            messages.success(request, _("The audio of %(name)s was removed.") % {"name": file.name})
            return redirect("portal:file_detail", uid=uid)
        form.add_error(
            None, _("The file is being scanned or has no audio. Try again after the scan.")
        )
    return render(request, "portal/files/file_remove_audio.html", {"file": file, "form": form})


@takes_files(Action.UPLOAD)
@require_POST
@needs(Action.UPLOAD)
def file_attach(request: PortalRequest, uid: uuid.UUID) -> HttpResponseBase:
    """Attach uploaded audio to a file that has none."""
    file = find_file(uid)
    upload = request.FILES.get("file")
    if upload is None:
        messages.error(request, _("Choose the audio file to attach."))
        return redirect("portal:file_detail", uid=uid)
    try:
        attach_audio(scanned_file=file, upload=upload, user=request.user)
    except IntakeRefused as error:
        messages.error(request, str(error))
    return redirect("portal:file_detail", uid=uid)


@require_safe
@needs(Action.VIEW)
def file_audio(request: PortalRequest, uid: uuid.UUID) -> HttpResponseBase:
    """Serve the audio of a file in a form that browsers play."""
    return audio_response(request, find_file(uid))


@never_cache
@require_GET
@needs(Action.DELETE)
def retention(request: PortalRequest) -> HttpResponseBase:
    """List the rules with what each deletes within the chosen number of days."""
    text = request.GET.get("days", "")
    days = next((choice for choice in AHEAD if str(choice) == text), _USUAL)
    by = datetime.now(tz=UTC) + timedelta(days=days)
    context = {"rules": outlook(by=by), "days": days, "ahead": AHEAD, "by": by}
    return render(request, "portal/files/retention.html", context)
