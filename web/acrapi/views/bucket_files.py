"""Audio files of a bucket: ``/api/buckets/{id}/files``."""

from __future__ import annotations

from drf_spectacular.utils import OpenApiParameter
from rest_framework.request import Request
from rest_framework.response import Response

from base.accounts.roles import Action
from base.common.api_requests import valid_data
from catalogue.changes import move_recordings, retire_recordings, update_recording
from catalogue.models import Bucket, Recording
from web.acrapi.auth import user_of
from web.acrapi.errors import invalid
from web.acrapi.idempotency import once
from web.acrapi.lookup import (
    bucket_of,
    listed_recordings,
    named_recordings,
    recordings_of,
    shown_recordings,
)
from web.acrapi.pagination import paged
from web.acrapi.parsers import fields_of
from web.acrapi.recordings import add_from_request, details_of
from web.acrapi.schema import IDEMPOTENT, PAGE, UNFIT, UNKNOWN, described
from web.acrapi.serializers.buckets import (
    AudioFileCreatedSerializer,
    AudioFileRequestSerializer,
    AudioFileSerializer,
    AudioFileUpdateSerializer,
    IdsRequestSerializer,
    MoveRequestSerializer,
    audio_file_shapes,
    created_audio_file,
)
from web.acrapi.serializers.envelopes import (
    ErrorSerializer,
    InvalidSerializer,
    enveloped,
    list_page,
)
from web.acrapi.serializers.fields import as_id
from web.acrapi.states import LISTED_RECORDING_STATUSES, recording_statuses
from web.acrapi.views.base import WireView
from web.acrapi.views.containers import query_text
from web.acrapi.views.files import request_fields

_TAG = "bucket files"
_WRITES = {
    "POST": Action.EDIT_CATALOGUE,
    "PUT": Action.EDIT_CATALOGUE,
    "DELETE": Action.EDIT_CATALOGUE,
}
_SORTS = {"id": "id", "status": "status"}


def _place(bucket: Bucket) -> str:
    return f"Bucket {bucket.pk}"


class BucketFilesView(WireView):
    """All files of a bucket."""

    actions = _WRITES
    file_methods = frozenset({"POST"})

    @described(
        _TAG,
        "List the files of a bucket",
        {200: list_page(AudioFileSerializer)} | UNKNOWN,
        parameters=[
            *PAGE,
            OpenApiParameter("search", str, description="Part of the title."),
            OpenApiParameter("keyword", str, description="The same."),
            OpenApiParameter("sort", str, description="id or status"),
            OpenApiParameter("order", str, description="asc or desc"),
            OpenApiParameter("state", str, description="0, 1 or -1"),
        ],
        name="list_bucket_files",
    )
    def get(self, request: Request, bucket_id: str) -> Response:
        """Return a page of files."""
        rows = listed_recordings(bucket_of(bucket_id))
        for name in ("search", "keyword"):
            if text := query_text(request, name):
                rows = rows.filter(title__icontains=text)
        state = query_text(request, "state").strip()
        if state in {"0", "1", "-1"}:
            rows = rows.filter(status__in=recording_statuses(int(state)))
        column = _SORTS.get(query_text(request, "sort").lower(), "id")
        sign = "-" if query_text(request, "order").lower() == "desc" else ""
        rows = rows.order_by(f"{sign}{column}", f"{sign}id")
        return Response(paged(request, rows, audio_file_shapes))

    @described(
        _TAG,
        "Add a file to a bucket",
        {200: enveloped(AudioFileCreatedSerializer), 413: ErrorSerializer} | UNKNOWN | UNFIT,
        request=AudioFileRequestSerializer,
        parameters=IDEMPOTENT,
        name="add_bucket_file",
    )
    def post(self, request: Request, bucket_id: str) -> Response:
        """Add audio, a fingerprint, a link, or a recording that this server knows."""
        bucket = bucket_of(bucket_id)
        fields = request_fields(request)
        # Some clients name the field audio_type.
        if "audio_type" in fields:
            fields.setdefault("data_type", fields["audio_type"])
        validated = valid_data(AudioFileRequestSerializer(data=fields))

        def add() -> Response:
            recording = add_from_request(bucket, validated, user_of(request))
            return Response({"data": created_audio_file(recording)})

        return once(request, add)

    @described(
        _TAG,
        "Delete files of a bucket",
        {204: None} | UNKNOWN | UNFIT,
        request=IdsRequestSerializer,
        name="delete_bucket_files",
    )
    def delete(self, request: Request, bucket_id: str) -> Response:
        """Delete the files listed in the body."""
        bucket = bucket_of(bucket_id)
        ids = fields_of(request).get("ids")
        if not ids:
            raise invalid("ids", 'List the files to delete, as {"ids": [20, 13]}.')
        _retire(request, bucket, ids)
        return Response(status=204)


class BucketFileView(WireView):
    """One file of a bucket by id or acr_id, or several joined by commas."""

    actions = _WRITES

    @described(
        _TAG,
        "Show files of a bucket",
        {200: enveloped(AudioFileSerializer)} | UNKNOWN,
        name="show_bucket_files",
    )
    def get(self, request: Request, bucket_id: str, ids: str) -> Response:
        """Return one file as an object, several as a list."""
        bucket = bucket_of(bucket_id)
        recordings = shown_recordings(bucket, ids, place=_place(bucket))
        shapes = audio_file_shapes(recordings)
        return Response({"data": shapes if "," in ids else shapes[0]})

    @described(
        _TAG,
        "Change a file of a bucket",
        {200: enveloped(AudioFileSerializer)} | UNKNOWN | UNFIT,
        request=AudioFileUpdateSerializer,
        name="update_bucket_file",
    )
    def put(self, request: Request, bucket_id: str, ids: str) -> Response:
        """Change title or user-defined data."""
        bucket = bucket_of(bucket_id)
        recording = named_recordings(recordings_of(bucket), ids, place=_place(bucket))[0]
        validated = valid_data(AudioFileUpdateSerializer(data=request.data))
        columns: dict[str, object] = {}
        if validated.get("title"):
            columns["title"] = validated["title"]
        if "user_defined" in validated:
            # Names in user-defined data fill our columns too.
            details = details_of("", validated["user_defined"])
            columns["user_defined"] = details.user_defined
            for name in ("artists", "album", "label"):
                if value := getattr(details, name):
                    columns[name] = value
        update_recording(recording=recording, columns=columns, user=user_of(request))
        return Response({"data": audio_file_shapes([recording])[0]})

    @described(_TAG, "Delete files by URL", {204: None} | UNKNOWN, name="delete_bucket_file")
    def delete(self, request: Request, bucket_id: str, ids: str) -> Response:
        """Delete the files."""
        _retire(request, bucket_of(bucket_id), ids)
        return Response(status=204)


class BucketDumpView(WireView):
    """Every file of a bucket at once."""

    @described(
        _TAG,
        "Dump all files of a bucket",
        {200: enveloped(AudioFileSerializer, many=True)} | UNKNOWN,
        name="dump_bucket_files",
    )
    def get(self, request: Request, bucket_id: str) -> Response:
        """Return all files at once."""
        rows = listed_recordings(bucket_of(bucket_id)).order_by("id")
        return Response({"data": audio_file_shapes(list(rows))})


class MoveHereView(WireView):
    """The documented way to move files: the URL names the destination."""

    actions = _WRITES

    @described(
        _TAG,
        "Move files into this bucket",
        {200: enveloped(AudioFileSerializer, many=True), 422: InvalidSerializer} | UNKNOWN,
        name="move_files_here",
    )
    def put(self, request: Request, bucket_id: str, ids: str) -> Response:
        """Move files here from any bucket."""
        rows = Recording.objects.filter(
            status__in=LISTED_RECORDING_STATUSES, bucket__deleted_at__isnull=True
        )
        recordings = named_recordings(rows, ids, place="No bucket that you see")
        return _move(request, recordings, bucket_of(bucket_id))


class MoveAwayView(WireView):
    """The official command line's way to move files: the URL names the source."""

    actions = _WRITES

    @described(
        _TAG,
        "Move files from this bucket to another",
        {200: enveloped(AudioFileSerializer, many=True)} | UNKNOWN | UNFIT,
        request=MoveRequestSerializer,
        name="move_files_away",
    )
    def post(self, request: Request, bucket_id: str) -> Response:
        """Move files from this bucket."""
        bucket = bucket_of(bucket_id)
        validated = valid_data(MoveRequestSerializer(data=request.data))
        target_id = as_id(validated["target_bucket_id"])
        target = Bucket.objects.present().filter(pk=target_id or 0).first()
        if target is None:
            raise invalid("target_bucket_id", "There is no such bucket.", code="unknown_bucket")
        recordings = named_recordings(recordings_of(bucket), validated["ids"], place=_place(bucket))
        return _move(request, recordings, target)


def _move(request: Request, recordings: list[Recording], target: Bucket) -> Response:
    move_recordings(recordings=recordings, target=target, user=user_of(request))
    now = Recording.objects.in_bulk([recording.pk for recording in recordings])
    return Response({"data": audio_file_shapes([now[row.pk] for row in recordings])})


def _retire(request: Request, bucket: Bucket, ids: object) -> None:
    recordings = named_recordings(recordings_of(bucket), ids, place=_place(bucket))
    retire_recordings(recordings=recordings, user=user_of(request))
