"""Uploading audio and submitting links."""

from __future__ import annotations

from collections.abc import Callable

from django.conf import settings
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods

from base.accounts.models import User
from base.accounts.roles import Action
from base.common import beside_sound
from base.common.bodies import takes_files
from base.common.stored import read_stored
from review.programmes.arrivals import Arrival, arrival_fields, store_arrival
from review.programmes.errors import ProgrammeRefused
from scanning import selectors
from scanning.errors import IntakeRefused, LinkSeen
from scanning.models import Container, ScannedFile
from scanning.services.intake import refuse_too_many_open, submit_link, submit_upload
from web.portal.shared import formats
from web.portal.shared.access import PortalRequest, needs
from web.portal.uploads.forms import ONE_ADDRESS, UploadForm

_DETAILS = (*("programme", "account", "published_at", "territories", "tags"),)
_FORMATS = gettext_lazy(
    "WAV, FLAC, MP3, AAC, Ogg, Opus, video with sound · %(shortest)s to %(longest)s"
)


@takes_files(Action.UPLOAD)
@require_http_methods(["GET", "POST"])
@needs(Action.UPLOAD)
def upload(request: PortalRequest) -> HttpResponseBase:
    """Show the form; submit each file and link separately, with its own outcome."""
    form = UploadForm(request.POST or None, request.FILES or None)
    results: list[dict[str, str]] = []
    if request.method == "POST" and form.is_valid():
        results = _submit_all(request, form)
        initial = {"container": form.cleaned_data["container"]}
        # The details stay only if a link can be sent again.
        if any(result["link"] for result in results):
            initial |= {name: form.cleaned_data[name] for name in (*_DETAILS, *arrival_fields())}
        form = UploadForm(initial=initial)
    return render(
        request,
        "portal/uploads/upload.html",
        {
            "form": form,
            "containers": _containers(),
            "results": results,
            "one_address": ONE_ADDRESS,
            # What a folder holds beside sound; the script leaves it out.
            "beside": {
                "beginnings": beside_sound.BEGINNINGS,
                "names": sorted(beside_sound.NAMES),
                "endings": beside_sound.ENDINGS,
            },
            "limits": {
                "max_bytes": settings.ACRPORTAL_MAX_FILE_BYTES,
                "max_files": settings.DATA_UPLOAD_MAX_NUMBER_FILES,
                "private_links": settings.ACRPORTAL_ALLOW_PRIVATE_ADDRESSES,
                "formats": _FORMATS
                % {
                    "shortest": formats.spoken(settings.ACRPORTAL_MIN_AUDIO_MS),
                    "longest": formats.spoken(settings.ACRPORTAL_MAX_AUDIO_MS),
                },
            },
        },
    )


def _containers() -> list[dict[str, object]]:
    pace = selectors.seconds_per_hour()
    rows = Container.objects.present().prefetch_related("buckets")
    return [
        {
            "pk": row.pk,
            "engine": row.get_engine_display(),
            "buckets": [bucket.name for bucket in row.buckets.all()],
            "hour": formats.spoken(pace[row.pk] * 1000) if row.pk in pace else "",
        }
        for row in rows
    ]


def _submit_all(request: PortalRequest, form: UploadForm) -> list[dict[str, str]]:
    container, details = form.cleaned_data["container"], form.details()
    of_links = {name: value for name, value in details.items() if name != "source_url"}
    arrival = form.arrival
    links = [(link, False) for link in form.cleaned_data["links"]]
    if form.cleaned_data["again"]:
        links.append((form.cleaned_data["again"], True))
    results = [
        _outcome(
            request.user,
            file.name or "upload",
            arrival,
            lambda file=file: (
                submit_upload(  # type: ignore[misc]  # binds the loop's file
                    container=container,
                    upload=file,
                    user=request.user,
                    details=details,
                    waited_for=True,
                ).scanned_file
            ),
        )
        for file in form.cleaned_data["files"]
    ]
    return results + [
        _outcome(
            request.user,
            link,
            arrival,
            lambda link=link, again=again: submit_link(  # type: ignore[misc]  # binds both
                container=container,
                url=link,
                user=request.user,
                details=of_links,
                scan_again=again,
                waited_for=True,
            ),
        )
        for link, again in links
    ]


def _outcome(
    user: User, name: str, arrival: Arrival, submit: Callable[[], ScannedFile]
) -> dict[str, str]:
    """Submit one item; return what the page says of it.

    ``link`` is set if it was scanned before and can be scanned again.
    """
    outcome = {"name": name, **dict.fromkeys(("code", "state", "url", "link"), "")}
    try:
        refuse_too_many_open(user)
        file = submit()
        store_arrival(scanned_file=file, arrival=arrival, user=user)
    except (ProgrammeRefused, IntakeRefused) as error:
        outcome |= {"message": str(error), "code": error.code}
        if isinstance(error, LinkSeen):
            outcome |= {"url": _address(error.earlier), "link": name}
        return outcome
    message = read_stored(file.message)
    return outcome | {
        "name": file.name,
        "message": message,
        "state": file.status,
        "url": _address(file),
    }


def _address(file: ScannedFile) -> str:
    return reverse("portal:file_detail", args=[file.uid])
