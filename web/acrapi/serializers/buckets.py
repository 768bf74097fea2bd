"""Wire formats of buckets and of the audio files in them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db.models import Count, Sum
from drf_spectacular.utils import OpenApiExample, extend_schema_serializer
from rest_framework import serializers

from base.accounts.reach import working_for
from base.common.api_requests import ChoiceField
from catalogue.models import Bucket, BucketType, Recording, RecordingStatus
from web.acrapi.formats import instant, plain_instant
from web.acrapi.serializers.containers import DEFAULT_REGION
from web.acrapi.serializers.fields import LabelsField, ObjectField, ShortText
from web.acrapi.states import LISTED_RECORDING_STATUSES, recording_state

# Any in this module: JSON.
Json = dict[str, Any]


@extend_schema_serializer(
    component_name="BucketUpdate",
    examples=[OpenApiExample("New labels", value={"labels": ["Music"]}, request_only=True)],
)
class BucketUpdateSerializer(serializers.Serializer[None]):
    """The fields of a bucket that can be changed."""

    name = ShortText(max_length=200, required=False)
    labels = LabelsField(required=False)
    metadata_template = serializers.CharField(required=False, allow_blank=True, max_length=10_000)
    net_type = serializers.IntegerField(required=False, min_value=0, max_value=2)

    def validate_name(self, name: str) -> str:
        """Refuse the name of another bucket: containers refer to buckets by name."""
        namesakes = Bucket.objects.present().filter(name=name)
        if self.context.get("bucket"):
            namesakes = namesakes.exclude(pk=self.context["bucket"].pk)
        if existing := namesakes.first():
            raise serializers.ValidationError(
                f"Bucket {existing.pk} has this name already; choose another."
            )
        # Also buckets outside the caller's access limits, without naming them.
        with working_for(None):
            if namesakes.exists():
                raise serializers.ValidationError("This name is taken; choose another.")
        return name


@extend_schema_serializer(
    component_name="Bucket",
    examples=[
        OpenApiExample(
            "A bucket of recordings",
            value={
                "name": "avbucket",
                "type": "File",
                "region": "eu-west-1",
                "labels": ["Music", "Video"],
                "net_type": 1,
            },
            request_only=True,
        )
    ],
)
class BucketRequestSerializer(BucketUpdateSerializer):
    """A new bucket. Live types are not supported here."""

    name = ShortText(max_length=200)
    region = serializers.RegexField(r"^[a-z0-9][a-z0-9-]{0,31}\Z", max_length=32)
    type = ChoiceField(
        choices=BucketType.choices,
        error_messages={
            "invalid_choice": "This server keeps buckets of the types File and "
            "DedupFile; live channels are not supported here."
        },
    )


def bucket_columns(fields: Json) -> Json:
    """Return the columns that a valid request sets."""
    columns = {
        name: fields[name]
        for name in ("name", "labels", "metadata_template", "net_type", "region")
        if name in fields
    }
    return columns | ({"bucket_type": fields["type"]} if "type" in fields else {})


@extend_schema_serializer(component_name="Bucket")
class BucketSerializer(serializers.Serializer[None]):
    """A bucket."""

    id = serializers.IntegerField()
    uid = serializers.IntegerField()
    name = serializers.CharField()
    type = serializers.CharField()
    node = serializers.CharField()
    state = serializers.IntegerField()
    region = serializers.CharField()
    metadata_template = serializers.CharField(allow_blank=True)
    labels = serializers.ListField(child=serializers.CharField())
    net_type = serializers.IntegerField()
    num = serializers.IntegerField()
    size = serializers.CharField(help_text="Bytes, as a text.")
    access_permission = serializers.CharField()
    created_at = serializers.CharField()
    updated_at = serializers.CharField()


def bucket_shapes(buckets: Sequence[Bucket]) -> list[Json]:
    """Return buckets in wire format; one query counts all their recordings."""
    counted = (
        Recording.objects.filter(
            bucket__in=[bucket.pk for bucket in buckets], status__in=LISTED_RECORDING_STATUSES
        )
        .order_by()
        .values("bucket")
        .annotate(num=Count("pk"), size=Sum("audio_bytes"))
    )
    figures = {row["bucket"]: (row["num"], row["size"]) for row in counted}
    shapes = []
    for bucket in buckets:
        num, size = figures.get(bucket.pk, (0, 0))
        shapes.append(
            {
                "id": bucket.pk,
                "uid": bucket.created_by_id or 0,
                "name": bucket.name,
                "type": bucket.bucket_type,
                "node": "local",
                "state": 1,
                "region": bucket.region or DEFAULT_REGION,
                "metadata_template": bucket.metadata_template,
                "labels": bucket.labels,
                "net_type": bucket.net_type,
                "num": num,
                # A text on the wire, unlike a container's size.
                "size": str(size),
                "access_permission": "private",
                "created_at": plain_instant(bucket.created_at),
                "updated_at": plain_instant(bucket.updated_at),
            }
        )
    return shapes


@extend_schema_serializer(
    component_name="AudioFileUpdate",
    examples=[
        OpenApiExample(
            "A new title",
            value={"title": "New title", "user_defined": {"artist": "James"}},
            request_only=True,
        )
    ],
)
class AudioFileUpdateSerializer(serializers.Serializer[None]):
    """The fields of a bucket's file that can be changed."""

    title = ShortText(required=False, max_length=500)
    user_defined = ObjectField(required=False)


@extend_schema_serializer(
    component_name="AudioFile",
    examples=[
        OpenApiExample(
            "A media link",
            value={
                "data_type": "audio_url",
                "title": "file-title",
                "url": "https://host.example/a.mp3",
                "user_defined": {"artists": "artist"},
            },
            request_only=True,
        )
    ],
)
class AudioFileRequestSerializer(serializers.Serializer[None]):
    """A recording: audio, a fingerprint, a link, or one that this server knows."""

    data_type = ChoiceField(choices=["audio", "fingerprint", "audio_url", "acrid"], default="audio")
    file = serializers.FileField(required=False, allow_empty_file=True)
    title = ShortText(required=False, allow_blank=True, max_length=500)
    user_defined = ObjectField(required=False)
    url = serializers.CharField(required=False, max_length=2000)
    acrid = ShortText(required=False, max_length=64)
    audio_id = ShortText(required=False, allow_blank=True, max_length=200)


@extend_schema_serializer(component_name="AudioFile")
class AudioFileSerializer(serializers.Serializer[None]):
    """A recording in a bucket."""

    id = serializers.IntegerField()
    uid = serializers.IntegerField()
    acr_id = serializers.CharField()
    bucket_id = serializers.IntegerField()
    state = serializers.IntegerField(min_value=-1, max_value=1)
    title = serializers.CharField()
    audio_id = serializers.CharField(allow_blank=True)
    duration = serializers.IntegerField(help_text="Seconds; 0 until known.")
    user_defined = serializers.DictField()
    message = serializers.CharField(required=False, help_text="Why the state is -1.")
    created_at = serializers.CharField()
    updated_at = serializers.CharField()


@extend_schema_serializer(component_name="AudioFileCreated")
class AudioFileCreatedSerializer(AudioFileSerializer):
    """A new recording; its duration is a decimal text."""

    duration = serializers.CharField()  # type: ignore[assignment]  # differs on the wire


@extend_schema_serializer(
    component_name="Move",
    examples=[
        OpenApiExample(
            "Two files", value={"target_bucket_id": 1002, "ids": [20, 13]}, request_only=True
        )
    ],
)
class MoveRequestSerializer(serializers.Serializer[None]):
    """Files to move, and their destination."""

    target_bucket_id = serializers.IntegerField(min_value=1)
    ids = serializers.JSONField(help_text="Ids or acr_ids: a list, or with commas.")


@extend_schema_serializer(
    component_name="Ids",
    examples=[OpenApiExample("Two files", value={"ids": [20, 13]}, request_only=True)],
)
class IdsRequestSerializer(serializers.Serializer[None]):
    """Ids of files."""

    ids = serializers.JSONField(help_text="Ids or acr_ids: a list, or with commas.")


def audio_file_shapes(recordings: Sequence[Recording]) -> list[Json]:
    """Return recordings in wire format."""
    return [_audio_file(recording) for recording in recordings]


def created_audio_file(recording: Recording) -> Json:
    """Return a recording as in the response to its upload."""
    return _audio_file(recording) | {"duration": f"{recording.duration_ms / 1000:.6f}"}


def _audio_file(recording: Recording) -> Json:
    return {
        "id": recording.pk,
        "uid": recording.added_by_id or 0,
        "acr_id": recording.acr_id,
        "bucket_id": recording.bucket_id,
        "state": recording_state(recording.status),
        "title": recording.title,
        "audio_id": recording.custom_id,
        "duration": round(recording.duration_ms / 1000),
        "user_defined": recording.user_defined,
        **_reason(recording),
        "created_at": instant(recording.created_at),
        "updated_at": instant(recording.updated_at),
    }


def _reason(recording: Recording) -> Json:
    """Return why a recording is not searched; others have no such field."""
    if recording.status != RecordingStatus.ERROR:
        return {}
    return {"message": recording.status_message}
