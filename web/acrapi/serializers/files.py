"""Wire formats of scanned files."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from drf_spectacular.utils import OpenApiExample, extend_schema_serializer
from rest_framework import serializers

from base.common.api_requests import ChoiceField
from scanning.choices import FileStatus, SourceType
from scanning.models import ScannedFile
from web.acrapi.formats import instant, whole_seconds
from web.acrapi.results import results_of
from web.acrapi.serializers.fields import ShortText
from web.acrapi.states import INTERNAL, PROCESSING, UNREADABLE, file_state

# Any in this module: JSON.
Json = dict[str, Any]


@extend_schema_serializer(
    component_name="File",
    examples=[
        OpenApiExample(
            "A platform link",
            value={"data_type": "platforms", "url": "https://video.example/watch?v=1"},
            request_only=True,
        ),
        OpenApiExample(
            "A media link",
            value={"data_type": "audio_url", "url": "https://host.example/a.mp3"},
            request_only=True,
        ),
        OpenApiExample(
            "A presigned upload",
            value={"data_type": "audio", "key": "fs/1001/…/a.mp3", "filename": "a.mp3"},
            request_only=True,
        ),
    ],
)
class FileRequestSerializer(serializers.Serializer[None]):
    """A file to scan: its bytes, a link, or the key of a presigned upload."""

    data_type = ChoiceField(
        choices=["audio", "fingerprint", "audio_url", "platforms"], default="audio"
    )
    file = serializers.FileField(required=False, allow_empty_file=True)
    url = serializers.CharField(required=False, max_length=2000)
    key = ShortText(required=False, max_length=700)
    filename = ShortText(required=False, allow_blank=True, max_length=1000)
    name = ShortText(required=False, allow_blank=True, max_length=1000)


@extend_schema_serializer(component_name="FsFile")
class FileSerializer(serializers.Serializer[None]):
    """A scanned file. Lists contain ``results`` only on request."""

    id = serializers.UUIDField()
    uid = serializers.IntegerField()
    cid = serializers.IntegerField()
    name = serializers.CharField()
    duration = serializers.IntegerField(help_text="Seconds; 0 until known.")
    uri = serializers.CharField()
    url = serializers.CharField(allow_blank=True)
    data_type = serializers.CharField()
    engine = serializers.IntegerField()
    count = serializers.IntegerField()
    state = serializers.IntegerField(min_value=-3, max_value=1)
    total = serializers.IntegerField()
    music_detected = serializers.IntegerField()
    error_code = serializers.CharField(required=False, help_text="In the states -2 and -3 only.")
    message = serializers.CharField(required=False, help_text="Why the state is -2 or -3.")
    results = serializers.DictField(allow_null=True, required=False)
    created_at = serializers.CharField()
    updated_at = serializers.CharField()


def file_shapes(files: Sequence[ScannedFile], *, with_results: bool = True) -> list[Json]:
    """Return files in wire format, with their results if wanted."""
    results = results_of(files) if with_results else {}
    shapes = []
    for file in files:
        data_type, uri = _origin(file)
        shape: Json = {
            "id": str(file.uid),
            "uid": file.uploaded_by_id or 0,
            "cid": file.container_id,
            "name": file.name,
            "duration": whole_seconds(file.length_ms),
            "uri": uri,
            "url": file.source_url,
            "data_type": data_type,
            "engine": file.container.wire_engine,
            "count": 1,
            "state": file_state(file),
            "total": 1,
            "music_detected": PROCESSING,
            **_reason(file),
            "created_at": instant(file.created_at),
            "updated_at": instant(file.updated_at),
        }
        if with_results:
            shape["results"] = results[file.pk]
        shapes.append(shape)
    return shapes


def _reason(file: ScannedFile) -> Json:
    """Return why a file could not be scanned; other files have no such fields."""
    if file_state(file) not in (UNREADABLE, INTERNAL):
        return {}
    if file.status == FileStatus.CANCELLED:
        return {"error_code": "cancelled", "message": "The scan was cancelled."}
    return {"error_code": file.error_code, "message": file.message}


def _origin(file: ScannedFile) -> tuple[str, str]:
    """Return the protocol's data type and uri; each platform is a data type."""
    if file.source_type == SourceType.FINGERPRINT:
        return "fingerprint", f"fingerprint:{file.name}"
    if file.source_type != SourceType.LINK:
        return "audio", f"audio:{file.name}"
    if file.platform:
        return file.platform, f"{file.platform}:video:{file.external_id or file.name}"
    return "audio_url", f"audio_url:{file.source_url}"
