"""Uploading audio and submitting links."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from django.conf import settings
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from accounts.models import User
from accounts.roles import Action
from portal import formats
from portal.access import PortalRequest, needs
from portal.forms import UploadForm
from scanning.errors import IntakeRefused
from scanning.models import Container, ScannedFile
from scanning.services.intake import submit_link, submit_upload
from scanning.services.open_files import refuse_too_many_open

_FORMATS = "WAV, FLAC, MP3, AAC, Ogg, Opus, video with sound"


@dataclass(frozen=True, slots=True)
class ItemResult:
    """What became of one item of a submit."""

    name: str
    message: str
    code: str = ""
    state: str = ""
    url: str = ""


@require_http_methods(["GET", "POST"])
@needs(Action.UPLOAD)
def upload(request: PortalRequest) -> HttpResponseBase:
    """Show the form; take a plain submit item by item, each with its own outcome."""
    form = UploadForm(request.POST or None, request.FILES or None)
    results: list[ItemResult] = []
    if request.method == "POST" and form.is_valid():
        results = _submit_all(request, form)
        form = UploadForm(initial={"container": form.cleaned_data["container"]})
    longest = formats.spoken(settings.ACRPORTAL_MAX_AUDIO_MS)
    return render(
        request,
        "portal/upload.html",
        {
            "form": form,
            "containers": Container.objects.all(),
            "results": results,
            "limits": {
                "max_bytes": settings.ACRPORTAL_MAX_FILE_BYTES,
                "max_files": settings.DATA_UPLOAD_MAX_NUMBER_FILES,
                "formats": f"{_FORMATS} · 3 s to {longest}",
            },
        },
    )


def _submit_all(request: PortalRequest, form: UploadForm) -> list[ItemResult]:
    container, details = form.cleaned_data["container"], form.details()
    results = [
        _outcome(
            request.user,
            file.name or "upload",
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
            lambda link=link: submit_link(  # type: ignore[misc]  # binds the loop's link
                container=container,
                url=link,
                user=request.user,
                details=details,
                scan_again=False,
                waited_for=True,
            ),
        )
        for link in form.cleaned_data["links"]
    ]


def _outcome(user: User, name: str, submit: Callable[[], ScannedFile]) -> ItemResult:
    try:
        refuse_too_many_open(user)
        file = submit()
    except IntakeRefused as error:
        return ItemResult(name, str(error), code=error.code)
    url = reverse("portal:file_detail", args=[file.uid])
    return ItemResult(file.name, file.message, state=file.status, url=url)
