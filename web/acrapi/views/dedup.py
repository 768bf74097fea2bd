"""Dedup files: ``/api/buckets/{id}/dedup-files``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from drf_spectacular.utils import extend_schema_serializer
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from base.accounts.roles import Action
from base.common.api_requests import valid_data
from catalogue.changes import retire_recordings
from catalogue.models import Bucket, BucketType, Recording
from dedup.track_ids import tracks_by_recording
from web.acrapi.auth import user_of
from web.acrapi.dedup import fingerprint_of, recording_with, submit_track
from web.acrapi.errors import invalid, not_found
from web.acrapi.formats import plain_instant
from web.acrapi.idempotency import once
from web.acrapi.lookup import bucket_of, recordings_of, split_ids
from web.acrapi.pagination import paged
from web.acrapi.schema import IDEMPOTENT, PAGE, UNFIT, UNKNOWN, described
from web.acrapi.serializers.envelopes import (
    ErrorSerializer,
    InvalidSerializer,
    TextMetaSerializer,
    enveloped,
    list_page,
)
from web.acrapi.serializers.fields import FlagField, ShortText
from web.acrapi.views.base import WireView
from web.acrapi.views.files import request_fields

_TAG = "dedup"
_WRITES = {"POST": Action.EDIT_CATALOGUE, "DELETE": Action.EDIT_DUPLICATES}


@extend_schema_serializer(component_name="Dedup")
class DedupRequestSerializer(serializers.Serializer[None]):
    """A track, with the caller's id."""

    id = ShortText(max_length=200)
    file = serializers.FileField(
        required=False, allow_empty_file=True, help_text="A fingerprint, or audio."
    )
    db_if_nodup = FlagField(required=False, default=True)


@extend_schema_serializer(component_name="DedupOutcome")
class DedupOutcomeSerializer(serializers.Serializer[None]):
    """The ids of the same recording, and whether this track was stored."""

    dup_files = serializers.ListField(child=serializers.CharField())
    acr_id = serializers.CharField(allow_blank=True)
    do_db = serializers.BooleanField()


@extend_schema_serializer(component_name="DedupFile")
class DedupFileSerializer(serializers.Serializer[None]):
    """A recording with the ids that callers use for it."""

    dup_files = serializers.ListField(child=serializers.CharField())
    acr_id = serializers.CharField()
    created_at = serializers.CharField()
    updated_at = serializers.CharField()


def _dedup_bucket(bucket_id: str) -> Bucket:
    bucket = bucket_of(bucket_id)
    if bucket.bucket_type != BucketType.DEDUP_FILE:
        raise invalid(
            "bucket",
            f"{bucket.name} is of the type {bucket.bucket_type}; dedup files need a "
            "bucket of the type DedupFile.",
            code="wrong_bucket_type",
        )
    return bucket


def _shapes(recordings: Sequence[Recording]) -> list[dict[str, Any]]:  # Any: JSON
    tracks = tracks_by_recording(recordings)
    return [
        {
            "dup_files": tracks[recording.pk] or [recording.custom_id],
            "acr_id": recording.acr_id,
            "created_at": plain_instant(recording.created_at),
            "updated_at": plain_instant(recording.updated_at),
        }
        for recording in recordings
    ]


class DedupFilesView(WireView):
    """All tracks of a bucket."""

    actions = _WRITES
    file_methods = frozenset({"POST"})

    @described(
        _TAG,
        "List recordings with their ids",
        {200: list_page(DedupFileSerializer, meta=TextMetaSerializer), 422: InvalidSerializer}
        | UNKNOWN,
        parameters=PAGE,
        name="list_dedup_files",
    )
    def get(self, request: Request, bucket_id: str) -> Response:
        """Return a page of recordings."""
        rows = recordings_of(_dedup_bucket(bucket_id)).order_by("-id")
        return Response(paged(request, rows, _shapes, per_page_as_text=True))

    @described(
        _TAG,
        "Submit a track; list its duplicates",
        {200: enveloped(DedupOutcomeSerializer), 413: ErrorSerializer} | UNKNOWN | UNFIT,
        request=DedupRequestSerializer,
        parameters=IDEMPOTENT,
        name="submit_dedup_file",
    )
    def post(self, request: Request, bucket_id: str) -> Response:
        """Compare a track with the bucket, and store it if it is new."""
        bucket = _dedup_bucket(bucket_id)
        fields = request_fields(request)
        identifier = fields.get("id")
        # Some shells leave quotes around the id.
        if (
            isinstance(identifier, str)
            and len(identifier) > 1
            and identifier[0] == identifier[-1] == '"'
        ):
            fields["id"] = identifier[1:-1]
        validated = valid_data(DedupRequestSerializer(data=fields))
        if validated.get("file") is None:
            raise invalid(
                "file",
                "The file field is required: send a fingerprint or audio as multipart "
                "form data in the field 'file'.",
            )

        def submit() -> Response:
            outcome = submit_track(
                bucket=bucket,
                track_id=validated["id"],
                fingerprint=fingerprint_of(validated["file"]),
                store_if_new=validated["db_if_nodup"],
                user=user_of(request),
            )
            return Response(
                {
                    "data": {
                        "dup_files": outcome.duplicates,
                        "acr_id": outcome.acr_id,
                        "do_db": outcome.stored,
                    }
                }
            )

        return once(request, submit)


class DedupFileView(WireView):
    """One recording by a caller's id or acr_id; DELETE accepts several."""

    actions = _WRITES

    @described(
        _TAG,
        "Show a recording with its ids",
        {200: enveloped(DedupFileSerializer, many=True), 422: InvalidSerializer} | UNKNOWN,
        name="show_dedup_file",
    )
    def get(self, request: Request, bucket_id: str, ids: str) -> Response:
        """Return the recording, as a list with one entry."""
        recordings = _find_recordings(_dedup_bucket(bucket_id), ids)
        return Response({"data": _shapes(recordings[:1])})

    @described(
        _TAG,
        "Delete recordings",
        {204: None, 422: InvalidSerializer} | UNKNOWN,
        name="delete_dedup_files",
    )
    def delete(self, request: Request, bucket_id: str, ids: str) -> Response:
        """Delete recordings with all their ids."""
        recordings = _find_recordings(_dedup_bucket(bucket_id), ids)
        retire_recordings(recordings=recordings, user=user_of(request))
        return Response(status=204)


def _find_recordings(bucket: Bucket, ids: str) -> list[Recording]:
    recordings = [recording_with(bucket, part) for part in split_ids(ids)]
    by_key = {recording.pk: recording for recording in recordings if recording}
    if not by_key:
        raise not_found(f"Bucket {bucket.pk} has no dedup file {ids[:80]}.", code="unknown_file")
    return list(by_key.values())
