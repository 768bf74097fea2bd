"""Files of a container: ``/api/fs-containers/{id}/files``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePosixPath
from typing import Any, NamedTuple
from urllib.parse import parse_qs, unquote, urlsplit

from django.core.files.base import File
from django.db.models import Q
from drf_spectacular.utils import OpenApiParameter
from rest_framework.request import Request
from rest_framework.response import Response

from base.accounts.models import User
from base.accounts.roles import Action
from base.common.api_requests import valid_data
from base.common.fingerprint_files import looks_like_fingerprint
from base.common.outside_text import one_line
from scanning.choices import SourceType
from scanning.errors import IntakeRefused
from scanning.models import Container, ScannedFile
from scanning.services.filing import delete_files
from scanning.services.intake import submit_fingerprint, submit_link, submit_upload
from scanning.services.scans import request_scan
from web.acrapi.auth import user_of
from web.acrapi.errors import invalid
from web.acrapi.idempotency import once
from web.acrapi.lookup import container_of, files_of, named_files, with_container
from web.acrapi.pagination import paged
from web.acrapi.parsers import fields_of
from web.acrapi.schema import IDEMPOTENT, PAGE, UNFIT, UNKNOWN, described
from web.acrapi.serializers.envelopes import ErrorSerializer, enveloped, list_page
from web.acrapi.serializers.files import FileRequestSerializer, FileSerializer, file_shapes
from web.acrapi.states import file_state_filter
from web.acrapi.uploads import claimed, opened
from web.acrapi.views.base import WireView
from web.acrapi.views.containers import query_text

_PLATFORMS = {
    "youtube.com": "youtube",
    "youtu.be": "youtube",
    "youtube-nocookie.com": "youtube",
    "vimeo.com": "vimeo",
    "dailymotion.com": "dailymotion",
    "facebook.com": "facebook",
    "instagram.com": "instagram",
    "tiktok.com": "tiktok",
    "twitter.com": "twitter",
    "x.com": "twitter",
    "soundcloud.com": "soundcloud",
    "twitch.tv": "twitch",
}


_TAG = "files"
_TRUE = {"1", "true", "yes"}
# Other texts in the filter by state are ignored.
_STATES = {"0", "1", "-1", "-2", "-3"}
# The filters on ``uri`` by its prefix.
_URI_KINDS = {
    "audio:": Q(source_type=SourceType.FILE),
    "fingerprint:": Q(source_type=SourceType.FINGERPRINT),
    "audio_url:": Q(source_type=SourceType.LINK, platform=""),
}


class FilesView(WireView):
    """All files of a container."""

    actions = {"POST": Action.UPLOAD}
    file_methods = frozenset({"POST"})

    @described(
        _TAG,
        "List files, newest first",
        {200: list_page(FileSerializer)} | UNKNOWN,
        parameters=[
            *PAGE,
            OpenApiParameter("search", str, description="Part of name or uri."),
            OpenApiParameter("with_result", int, description="1 adds the results."),
            OpenApiParameter("state", str, description="States, with commas."),
        ],
        name="list_files",
    )
    def get(self, request: Request, container_id: str) -> Response:
        """Return a page of files."""
        container = container_of(container_id)
        with_results = request.query_params.get("with_result", "").lower() in _TRUE

        def shapes(page: Sequence[ScannedFile]) -> list[dict[str, Any]]:  # Any: JSON
            files = with_container(page, container)
            return file_shapes(files, with_results=with_results)

        rows = files_of(container)
        if search := query_text(request, "search"):
            rows = rows.filter(_search(search))
        if state := query_text(request, "state").strip():
            parts = [part.strip() for part in state.split(",")]
            states = [int(part) for part in parts if part in _STATES]
            rows = rows.filter(file_state_filter(states))
        return Response(paged(request, rows, shapes))

    @described(
        _TAG,
        "Submit a file or a link for scanning",
        {201: enveloped(FileSerializer), 413: ErrorSerializer} | UNKNOWN | UNFIT,
        request=FileRequestSerializer,
        parameters=IDEMPOTENT,
        name="submit_file",
    )
    def post(self, request: Request, container_id: str) -> Response:
        """Add audio, a fingerprint, a link or a presigned upload, and scan it."""
        container = container_of(container_id)
        validated = valid_data(FileRequestSerializer(data=request_fields(request)))

        def submit() -> Response:
            file = _submit(container, validated, user_of(request))
            return Response({"data": file_shapes([file])[0]}, status=201)

        return once(request, submit)


class FileView(WireView):
    """One file, or several joined by commas."""

    actions = {"DELETE": Action.DELETE}

    @described(
        _TAG,
        "Show files with their results",
        {200: enveloped(FileSerializer, many=True)} | UNKNOWN,
        name="show_files",
    )
    def get(self, request: Request, container_id: str, ids: str) -> Response:
        """Return the files, always as a list."""
        files = named_files(container_of(container_id), ids)
        return Response({"data": file_shapes(files)})

    @described(_TAG, "Delete files", {204: None} | UNKNOWN, name="delete_files")
    def delete(self, request: Request, container_id: str, ids: str) -> Response:
        """Delete the files."""
        files = named_files(container_of(container_id), ids)
        delete_files(files=files, user=user_of(request), reason="api")
        return Response(status=204)


class RescanView(WireView):
    """Scans files again."""

    actions = {"PUT": Action.UPLOAD}

    @described(
        _TAG,
        "Scan files again",
        {200: enveloped(FileSerializer, many=True)} | UNKNOWN,
        name="rescan_files",
    )
    def put(self, request: Request, container_id: str, ids: str) -> Response:
        """Queue a scan of each file; running scans continue."""
        container = container_of(container_id)
        for file in named_files(container, ids):
            try:
                request_scan(scanned_file=file, user=user_of(request))
            except IntakeRefused as refused:
                # The protocol has no refusal for a scan that is already queued.
                if refused.code != "scan_running":
                    raise
        return Response({"data": file_shapes(named_files(container, ids))})


def request_fields(request: Request) -> dict[str, Any]:  # Any: whatever a client sends
    """Return fields and file of a request; a text instead of a file is ignored."""
    fields = {name: value for name, value in fields_of(request).items() if name != "file"}
    # Real clients send an empty data_type for the default.
    if fields.get("data_type") in ("", None):
        fields.pop("data_type", None)
    if "file" in request.FILES:
        fields["file"] = request.FILES["file"]
    return {name: value for name, value in fields.items() if value is not None}


def _submit(
    container: Container,
    fields: dict[str, Any],
    user: User,  # Any: as above
) -> ScannedFile:
    """Add the file of a valid request."""
    data_type, name = fields["data_type"], fields.get("name", "")
    if data_type in {"audio_url", "platforms"}:
        return _submit_link(container, fields, user)
    upload: File[bytes] | None = fields.get("file")
    if upload is None and fields.get("key"):
        with opened(key=fields["key"], container=container, owner=user) as (staged, waiting):
            name = name or fields.get("filename", "") or staged.file_name
            with claimed(staged):
                return _submit_bytes(container, data_type, waiting, user, name)
    if upload is None:
        raise invalid(
            "file",
            "The file field is required: send the audio as multipart form data in "
            "the field 'file', or submit the key of a presigned upload.",
        )
    return _submit_bytes(container, data_type, upload, user, name)


def _submit_bytes(
    container: Container, data_type: str, upload: File[bytes], user: User, name: str
) -> ScannedFile:
    if data_type == "fingerprint" or looks_like_fingerprint(upload):
        return submit_fingerprint(container=container, upload=upload, user=user, name=name)
    return submit_upload(
        container=container, upload=upload, user=user, scan_again=True, name=name
    ).scanned_file


def _submit_link(
    container: Container,
    fields: dict[str, Any],
    user: User,  # Any: as above
) -> ScannedFile:
    url, name = fields.get("url", "").strip(), fields.get("name", "")
    if not url:
        raise invalid("url", "The url field is required for this data_type.")
    if fields["data_type"] == "audio_url":
        return submit_link(container=container, url=url, user=user, name=name)
    try:
        video = _video_of(url)
    except ValueError as error:
        raise invalid("url", "This is not a complete web address.") from error
    details = {"platform": video.platform, "external_id": video.identifier}
    return submit_link(
        container=container, url=url, user=user, details=details, name=name or video.identifier
    )


def _search(text: str) -> Q:
    """Return the condition that a name or uri contains ``text``."""
    condition = (
        Q(name__icontains=text)
        | Q(source_url__icontains=text, platform="")
        | Q(platform__icontains=text)
        | Q(external_id__icontains=text)
    )
    for prefix, kind in _URI_KINDS.items():
        lowered = text.lower()
        if lowered.startswith(prefix):
            name = text[len(prefix) :]
            condition |= kind & (Q(name__istartswith=name) | Q(source_url__istartswith=name))
        elif lowered in prefix:
            condition |= kind
    if ":video:" in text:
        platform, _, identifier = text.partition(":video:")
        condition |= Q(platform=platform, external_id__startswith=identifier)
    return condition


class _Video(NamedTuple):
    """A video on a platform."""

    platform: str
    identifier: str


def _video_of(url: str) -> _Video:
    """Return platform and video id; the host stands in for unknown platforms."""
    parts = urlsplit(url)
    host = (parts.hostname or "").removeprefix("www.").removeprefix("m.")
    platform = next(
        (name for end, name in _PLATFORMS.items() if host == end or host.endswith(f".{end}")), host
    )
    ids = parse_qs(parts.query).get("v") if platform == "youtube" else None
    last = unquote(PurePosixPath(parts.path).name)
    identifier = (ids[0] if ids else last) or host
    return _Video(platform[:60], one_line(identifier, 200))
