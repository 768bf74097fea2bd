"""The catalogue: buckets and recordings."""

from __future__ import annotations

from django.contrib import messages
from django.db.models import Count, Q, QuerySet
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_safe

from accounts.roles import Action
from catalogue import selectors
from catalogue.models import Bucket, Recording, RecordingStatus
from catalogue.services import create_bucket
from dedup.intake import AlreadyInCatalogue, add_recording
from portal import file_page, pictures
from portal.access import PortalRequest, needs
from portal.forms import BucketForm, RecordingFilterForm, RecordingForm
from portal.pages import page_of, sorted_by
from review import selectors as review_selectors
from review.filters import MatchFilter

_COLUMNS = {
    "title": "title",
    "bucket": "bucket__name",
    "duration": "duration_ms",
    "state": "status",
    "created": "created_at",
}


@require_safe
@needs(Action.VIEW)
def catalogue(request: PortalRequest) -> HttpResponseBase:
    """Show the buckets, and the recordings that fit the filters."""
    filters = RecordingFilterForm(request.GET)
    rows = _filtered(filters)
    page = page_of(request, sorted_by(request, rows, _COLUMNS, default="title"))
    buckets = Bucket.objects.annotate(
        recording_count=Count("recordings"),
        ready_count=Count(
            "recordings", filter=Q(recordings__status=RecordingStatus.READY)
        ),
    )
    return render(
        request,
        "catalogue/catalogue.html",
        {
            "buckets": buckets,
            "filters": filters,
            "page_obj": page,
            "total": page.paginator.count,
            "any_active": any(
                row.status in {RecordingStatus.WAITING, RecordingStatus.PROCESSING}
                for row in page
            ),
        },
    )


def _filtered(filters: RecordingFilterForm) -> QuerySet[Recording]:
    filters.is_valid()
    told = filters.cleaned_data
    rows = selectors.search_recordings(text=told.get("q") or "")
    return rows.filter(bucket=told["bucket"]) if told.get("bucket") else rows


@require_safe
@needs(Action.VIEW)
def recording_detail(request: PortalRequest, uid: str) -> HttpResponseBase:
    """Show one recording: waveform, metadata, and where it was found."""
    recording = get_object_or_404(Recording.objects.select_related("bucket"), uid=uid)
    found = review_selectors.matches(filters=MatchFilter(recording=uid))
    waveform = file_page.load_waveform(recording)
    return render(
        request,
        "catalogue/recording_detail.html",
        {
            "recording": recording,
            "wave": pictures.wave_paths(waveform),
            "ribbon": pictures.ribbon(
                duration_ms=recording.duration_ms, lanes=[], waveform=waveform
            )
            if recording.duration_ms
            else None,
            "matches": review_selectors.with_segments(found[:50]),
            "match_total": found.count(),
            "audio_url": reverse("portal:recording_audio", args=[uid])
            if recording.audio
            else "",
        },
    )


@require_http_methods(["GET", "POST"])
@needs(Action.EDIT_CATALOGUE)
def recording_add(request: PortalRequest) -> HttpResponseBase:
    """Add a recording with its audio."""
    form = RecordingForm(
        request.POST or None,
        request.FILES or None,
        initial={"bucket": request.GET.get("bucket")},
    )
    if request.method == "POST" and form.is_valid():
        try:
            recording = add_recording(
                bucket=form.cleaned_data["bucket"],
                details=form.details(),
                audio=form.cleaned_data["audio"],
                user=request.user,
            )
        except AlreadyInCatalogue as error:
            form.add_error(error.field, str(error))
        else:
            messages.success(
                request, f"{recording.title} is added and being fingerprinted."
            )
            return redirect("portal:recording_detail", uid=recording.uid)
    return render(request, "catalogue/recording_form.html", {"form": form})


@require_http_methods(["GET", "POST"])
@needs(Action.EDIT_CATALOGUE)
def bucket_create(request: PortalRequest) -> HttpResponseBase:
    """Make a bucket."""
    form = BucketForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        bucket = create_bucket(
            name=form.cleaned_data["name"],
            intake_rule=form.cleaned_data["intake_rule"],
            user=request.user,
        )
        messages.success(request, f"Bucket {bucket.name} is made.")
        return redirect("portal:catalogue")
    return render(request, "catalogue/bucket_form.html", {"form": form})
