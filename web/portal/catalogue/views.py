"""The catalogue: buckets, recordings, and the actions on a recording."""

from __future__ import annotations

from django.contrib import messages
from django.db.models import Q
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from base.accounts.roles import Action
from base.common.bodies import takes_files
from base.common.phrases import label_of
from catalogue import selectors
from catalogue.changes import (
    ChangeRefused,
    delete_bucket,
    may_refingerprint,
    move_recordings,
    refingerprint,
    refuse_unready,
    retire_recordings,
    update_recording,
    waits_for_audio,
)
from catalogue.models import ACRCLOUD_MUSIC_BUCKET_ID, Bucket, Recording, RecordingStatus
from catalogue.services import create_bucket
from dedup.intake import AlreadyInCatalogue, add_recording, prepare, replace_audio
from dedup.models import DedupMember
from review import selectors as review_selectors
from review.filters import MatchFilter
from review.services import exclusions
from web.portal.catalogue.forms import (
    CANNOT_BE_FOUND,
    BucketForm,
    MoveForm,
    RecordingEditForm,
    RecordingFilterForm,
    RecordingForm,
    ReplaceAudioForm,
)
from web.portal.pictures.waveform import load_waveform, wave_paths
from web.portal.shared.access import PortalRequest, needs
from web.portal.shared.asking import Question, ask_before, not_agreed
from web.portal.shared.columns import columns_shown
from web.portal.shared.fields import sentence_of
from web.portal.shared.lists import count_of, page_of, sorted_by
from web.portal.shared.playback import audio_response, audio_url
from web.portal.shared.selectors import count_per_row, shown_matches

_COLUMNS = {"title": "title", "duration": "duration_ms", "status": "status"}
_SHOWN_MATCHES = 50
_SHOWN_APART = ("title", "artists", "isrc", "notes")
_CODES = ("custom_id", "upc", "iswc")


@require_safe
@needs(Action.VIEW)
def bucket_detail(request: PortalRequest, pk: int) -> HttpResponseBase:
    """List the recordings of one bucket."""
    bucket = get_object_or_404(Bucket.objects.present(), pk=pk)
    filters = RecordingFilterForm(request.GET)
    filters.is_valid()
    values = filters.cleaned_data
    rows = selectors.search_recordings(text=values.get("q") or "").filter(bucket=bucket)
    if values.get("state") == CANNOT_BE_FOUND:
        rows = rows.filter(selectors.cannot_be_found())
    elif values.get("state"):
        rows = rows.filter(status=values["state"])
    matches = shown_matches()
    rows = rows.annotate(
        match_count=count_per_row(matches, "recording")
        + count_per_row(matches, "recording__merged_into")
    )
    page = page_of(request, sorted_by(request, rows, _COLUMNS, default="title"))
    return render(
        request,
        "portal/catalogue/recording_list.html",
        {
            "bucket": bucket,
            "filters": filters,
            "page_obj": page,
            "columns": columns_shown(request.user, "recordings"),
            "is_reserved": bucket.pk == ACRCLOUD_MUSIC_BUCKET_ID,
            "waits_for_audio": bucket.pk != ACRCLOUD_MUSIC_BUCKET_ID
            and bucket.recordings.filter(status=RecordingStatus.STUB).exists(),
        },
    )


@require_http_methods(["GET", "POST"])
@needs(Action.EDIT_CATALOGUE)
def bucket_delete(request: PortalRequest, pk: int) -> HttpResponseBase:
    """Show what the end of a bucket changes, then delete it."""
    shared = Bucket.objects.present().exclude(pk=ACRCLOUD_MUSIC_BUCKET_ID)
    bucket = get_object_or_404(shared, pk=pk)

    def delete() -> None:
        delete_bucket(bucket=bucket, user=request.user)

    confirmation = ask_before(
        request,
        delete,
        about=Q(recording__bucket=bucket),
        question=Question(
            title=_("Delete the bucket %(name)s") % {"name": bucket.name},
            text=_(
                "Scans that start from now on will not find its recordings. Their "
                "matches, decisions and history stay."
            ),
            submit=_("Delete the bucket"),
            crumbs=[
                (_("Catalogue"), reverse("portal:catalogue")),
                (bucket.name, reverse("portal:bucket_detail", args=[pk])),
            ],
        ),
    )
    if confirmation is not None:
        return confirmation
    delete()
    messages.success(request, _("%(name)s was deleted.") % {"name": bucket.name})
    return redirect("portal:catalogue")


@require_safe
@needs(Action.VIEW)
def recording_detail(request: PortalRequest, uid: str) -> HttpResponseBase:
    """Show one recording: waveform, metadata and matches."""
    rows = Recording.objects.select_related("bucket", "merged_into")
    recording = get_object_or_404(rows, uid=uid)
    stays = recording.stands_for_it
    matches = review_selectors.matches(filters=MatchFilter(recording=uid))
    group = DedupMember.objects.filter(recording=recording).values("group")
    same_sound = DedupMember.objects.filter(group__in=group)
    approvals = exclusions.approvals(recording)
    return render(
        request,
        "portal/catalogue/recording_detail.html",
        {
            "recording": recording,
            "details": [
                (label_of(Recording, name), recording.detail_text(name), name in _CODES)
                for name in Recording.DETAILS
                if name not in _SHOWN_APART
            ],
            "waits_for_audio": waits_for_audio(recording),
            "may_refingerprint": may_refingerprint(recording),
            # Access limits may hide it.
            "stays": Recording.objects.filter(pk=stays.pk).exclude(pk=recording.pk).first(),
            "wave": wave_paths(load_waveform(recording)),
            "matches": review_selectors.with_segments(matches[:_SHOWN_MATCHES]),
            "match_count": count_of(matches),
            "same_sound": same_sound.exclude(recording=recording).select_related("recording"),
            "exclusions": [
                (segment, approvals.get(segment.uid))
                for segment in selectors.excluded_segments(recording)
            ],
            "audio_url": audio_url(recording),
        },
    )


@takes_files(Action.EDIT_CATALOGUE)
@require_http_methods(["GET", "POST"])
@needs(Action.EDIT_CATALOGUE)
def recording_add(request: PortalRequest) -> HttpResponseBase:
    """Add a recording with its audio."""
    form = RecordingForm(
        request.POST or None, request.FILES or None, initial={"bucket": request.GET.get("bucket")}
    )
    if request.method == "POST" and form.is_valid():
        try:
            recording = add_recording(
                bucket=form.cleaned_data["bucket"],
                details=form.instance,
                audio=form.cleaned_data["audio"],
                user=request.user,
                answer=form.cleaned_data["if_there"],
            )
        except AlreadyInCatalogue as error:
            form.add_error(error.field, str(error))
            if error.may_add:
                form.add_error(
                    "if_there",
                    _("To add it anyway, choose the file again and set “If it already exists”."),
                )
        except ChangeRefused as refused:
            form.add_error(None, str(refused))
        else:
            messages.success(
                request,
                _("%(title)s is added and being fingerprinted.") % {"title": recording.full_title},
            )
            return redirect("portal:recording_detail", uid=recording.uid)
    return render(request, "portal/catalogue/recording_form.html", {"form": form})


@require_http_methods(["GET", "POST"])
@needs(Action.EDIT_CATALOGUE)
def recording_edit(request: PortalRequest, uid: str) -> HttpResponseBase:
    """Change what is known about a recording; its audio and bucket have own pages."""
    recording = get_object_or_404(Recording.objects.select_related("bucket"), uid=uid)
    form = RecordingEditForm(request.POST or None, instance=recording)
    if request.method == "POST" and form.is_valid():
        if columns := form.changed_columns():
            # Validation has written the new values into the form's own row.
            stored = Recording.objects.get(pk=recording.pk)
            update_recording(recording=stored, columns=columns, user=request.user)
        messages.success(request, _("%(title)s was saved.") % {"title": recording.full_title})
        return redirect("portal:recording_detail", uid=uid)
    title = form.initial["title"]
    context = {"form": form, "recording": recording, "title": title}
    return render(request, "portal/catalogue/recording_edit.html", context)


@require_http_methods(["GET", "POST"])
@needs(Action.EDIT_CATALOGUE)
def bucket_create(request: PortalRequest) -> HttpResponseBase:
    """Create a bucket."""
    form = BucketForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        bucket = create_bucket(**form.cleaned_data, user=request.user)
        messages.success(request, _("Bucket %(name)s was created.") % {"name": bucket.name})
        return redirect("portal:catalogue")
    return render(request, "portal/catalogue/bucket_form.html", {"form": form})


@require_POST
@needs(Action.EDIT_CATALOGUE)
def recording_refingerprint(request: PortalRequest, uid: str) -> HttpResponseBase:
    """Fingerprint the recording again from its audio."""
    recording = get_object_or_404(Recording, uid=uid)
    try:
        refingerprint(recording=recording, user=request.user)
    except ChangeRefused as error:
        messages.error(request, str(error))
    else:
        messages.success(
            request, _("%(title)s gets a new fingerprint.") % {"title": recording.full_title}
        )
    return redirect("portal:recording_detail", uid=uid)


@takes_files(Action.EDIT_CATALOGUE)
@require_POST
@needs(Action.EDIT_CATALOGUE)
def recording_replace_audio(request: PortalRequest, uid: str) -> HttpResponseBase:
    """Replace the recording's audio with a file, and fingerprint it again."""
    recording = get_object_or_404(Recording, uid=uid)
    form = ReplaceAudioForm(request.POST, request.FILES)
    if not form.is_valid():
        messages.error(request, sentence_of(form))
        return redirect("portal:recording_detail", uid=uid)
    try:
        refuse_unready(recording)
        same = replace_audio(
            recording=recording,
            newcomer=prepare(bucket=recording.bucket, audio=form.cleaned_data["audio"]),
            user=request.user,
        )
    except ChangeRefused as refused:
        messages.error(request, str(refused))
    else:
        done = _("%(title)s has new audio. It is searchable once it has a fingerprint.")
        messages.success(request, done % {"title": recording.full_title})
        if same is not None:
            message = _("The catalogue has this audio already, as %(name)s (%(id)s).")
            known_as = {"name": same, "id": same.custom_id or same.uid}
            messages.warning(request, message % known_as)
    return redirect("portal:recording_detail", uid=uid)


@require_http_methods(["GET", "POST"])
@needs(Action.EDIT_CATALOGUE)
def recording_retire(request: PortalRequest, uid: str) -> HttpResponseBase:
    """Show the matches and containers of a recording, then retire it."""
    recording = get_object_or_404(
        Recording.objects.select_related("bucket").exclude(status=RecordingStatus.RETIRED), uid=uid
    )
    consequences = not_agreed(
        request,
        lambda: retire_recordings(recordings=[recording], user=request.user),
        about=Q(recording=recording),
    )
    if consequences is None:
        retire_recordings(recordings=[recording], user=request.user)
        messages.success(
            request,
            _("%(title)s is retired; scans no longer search for it.")
            % {"title": recording.full_title},
        )
        return redirect("portal:bucket_detail", pk=recording.bucket_id)
    return render(
        request,
        "portal/catalogue/recording_retire.html",
        {
            "recording": recording,
            "consequences": consequences,
            "containers": recording.bucket.containers.present(),
            "licences": recording.licences.filter(withdrawn_at=None),
        },
    )


@require_http_methods(["GET", "POST"])
@needs(Action.EDIT_CATALOGUE)
def recording_move(request: PortalRequest, uid: str) -> HttpResponseBase:
    """Choose another bucket for a recording, see what changes, and move it."""
    recording = get_object_or_404(
        Recording.objects.select_related("bucket").exclude(status=RecordingStatus.RETIRED), uid=uid
    )
    form = MoveForm(request.POST or request.GET or None, recording=recording)
    context: dict[str, object] = {"recording": recording, "form": form}
    if form.is_valid():

        def move() -> None:
            target = form.cleaned_data["bucket"]
            move_recordings(recordings=[recording], target=target, user=request.user)

        try:
            consequences = not_agreed(request, move, about=Q(recording=recording))
            if consequences is None:
                move()
                done = _("%(title)s is in %(bucket)s now.")
                named = {"title": recording.full_title, "bucket": form.cleaned_data["bucket"].name}
                messages.success(request, done % named)
                return redirect("portal:recording_detail", uid=uid)
            context["consequences"] = consequences
        except ChangeRefused as refused:
            form.add_error("bucket", str(refused))
    return render(request, "portal/catalogue/recording_move.html", context)


@require_safe
@needs(Action.VIEW)
def recording_audio(request: PortalRequest, uid: str) -> HttpResponseBase:
    """Serve the audio of a recording in a form that browsers play."""
    return audio_response(request, get_object_or_404(Recording, uid=uid))
