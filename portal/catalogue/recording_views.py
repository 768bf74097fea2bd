"""Actions on the page of a recording: fingerprint again, retire."""

from __future__ import annotations

from django.contrib import messages
from django.db.models import Count
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from accounts.roles import Action
from catalogue.changes import ChangeRefused, refingerprint, retire_recordings
from catalogue.models import Recording, RecordingStatus
from portal.shared.access import PortalRequest, needs
from review.choices import MatchState
from review.models import Match


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
        messages.success(request, f"{recording.title} is being fingerprinted anew.")
    return redirect("portal:recording_detail", uid=uid)


@require_http_methods(["GET", "POST"])
@needs(Action.EDIT_CATALOGUE)
def recording_retire(request: PortalRequest, uid: str) -> HttpResponseBase:
    """Show the matches and containers of a recording, then retire it."""
    recording = get_object_or_404(
        Recording.objects.select_related("bucket").exclude(
            status=RecordingStatus.RETIRED
        ),
        uid=uid,
    )
    if request.method == "POST":
        retire_recordings(recordings=[recording], user=request.user)
        messages.success(
            request, f"{recording.title} is retired: it is not searched any more."
        )
        return redirect("portal:bucket_detail", pk=recording.bucket_id)
    counted = (
        Match.objects.filter(recording=recording)
        .order_by()
        .values_list("state")
        .annotate(total=Count("pk"))
    )
    return render(
        request,
        "portal/catalogue/recording_retire.html",
        {
            "recording": recording,
            "matches": [(MatchState(state).label, total) for state, total in counted],
            "containers": recording.bucket.containers.present(),
        },
    )
