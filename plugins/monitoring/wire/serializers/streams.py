"""Wire formats of live streams, which ACRCloud calls broadcast monitoring.

A container is a project whose streams this server listens to itself (BM-ACRC). Public
texts name the fields; where they leave an answer open, it says what is known here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any, Final

from drf_spectacular.utils import OpenApiExample, extend_schema_serializer
from rest_framework import serializers

from base.common.api_requests import ChoiceField
from plugins.monitoring.streams.choices import GapCause, StreamState
from plugins.monitoring.streams.models import Airplay, Stream, StreamGap
from scanning.models import Container
from web.acrapi.formats import instant, plain_instant, seconds
from web.acrapi.results import custom_file
from web.acrapi.rights import rights_on_wire
from web.acrapi.serializers.containers import DEFAULT_REGION, BucketReferenceSerializer
from web.acrapi.serializers.fields import BucketsField, ObjectField, ShortText, WebAddressField

# Any in this module: JSON.
Json = dict[str, Any]

HERE: Final = "BM-ACRC"
_STATES: Final = {
    StreamState.LISTENING: "Running",
    StreamState.SILENT: "Mute",
    StreamState.AWAY: "Timeout",
    StreamState.PAUSED: "Paused",
    StreamState.CONNECTING: "Other",
    StreamState.WAITING: "Other",
}
_GAP_STATES: Final = {
    GapCause.CONNECTION: "Timeout",
    GapCause.STALLED: "Timeout",
    GapCause.SILENT: "Mute",
    GapCause.NO_AUDIO: "Mute",
    GapCause.PAUSED: "Paused",
}
_SUCCESS: Final = {"msg": "Success", "code": 0, "version": "1.0"}


@extend_schema_serializer(component_name="MonitoringProject")
class MonitoringProjectRequestSerializer(serializers.Serializer[None]):
    """The fields of a new project."""

    name = ShortText(max_length=200)
    region = serializers.RegexField(
        r"^[a-z0-9][a-z0-9-]{0,31}\Z", max_length=32, default=DEFAULT_REGION
    )
    buckets = BucketsField()
    type = ChoiceField(
        [HERE],
        default=HERE,
        error_messages={"invalid_choice": "This server listens itself: the type is BM-ACRC."},
    )


@extend_schema_serializer(component_name="MonitoringProjectUpdate")
class MonitoringProjectUpdateSerializer(serializers.Serializer[None]):
    """Any subset of the fields that can change."""

    name = ShortText(max_length=200, required=False)
    buckets = BucketsField(required=False)


@extend_schema_serializer(component_name="MonitoringProject")
class MonitoringProjectSerializer(serializers.Serializer[None]):
    """A container with streams."""

    id = serializers.IntegerField()
    uid = serializers.IntegerField()
    name = serializers.CharField()
    region = serializers.CharField()
    type = serializers.CharField(help_text="BM-ACRC")
    buckets = BucketReferenceSerializer(many=True)
    monitoring_num = serializers.IntegerField(help_text="Streams that are not paused.")
    created_at = serializers.CharField()
    updated_at = serializers.CharField()


@extend_schema_serializer(component_name="StreamCallback")
class StreamCallbackSerializer(serializers.Serializer[None]):
    """Where something is posted; an empty text ends it."""

    url = WebAddressField(allow_blank=True, allow_null=True)


@extend_schema_serializer(
    component_name="Stream",
    examples=[
        OpenApiExample(
            "A stream with two addresses",
            value={
                "stream_urls": ["https://radio.example/a", "https://radio.example/b"],
                "name": "Harbour FM",
                "user_defined": {"desk": "north"},
            },
            request_only=True,
        )
    ],
)
class StreamRequestSerializer(serializers.Serializer[None]):
    """The fields of a new stream."""

    stream_urls = serializers.ListField(
        child=serializers.CharField(max_length=2000), min_length=1, max_length=10
    )
    name = ShortText(max_length=200)
    config_id = serializers.IntegerField(
        required=False,
        allow_null=True,
        help_text="Accepted; the portal's settings say how long audio is kept.",
    )
    user_defined = ObjectField(required=False)


@extend_schema_serializer(component_name="StreamUpdate")
class StreamUpdateSerializer(StreamRequestSerializer):
    """Any subset of the fields."""

    def get_fields(self) -> dict[str, Any]:
        """Make all fields optional."""
        fields = super().get_fields()
        for field in fields.values():
            field.required = False
        return fields


@extend_schema_serializer(component_name="Stream")
class StreamSerializer(serializers.Serializer[None]):
    """A stream."""

    id = serializers.CharField()
    uid = serializers.IntegerField()
    pid = serializers.IntegerField()
    name = serializers.CharField()
    region = serializers.CharField()
    state = serializers.CharField(help_text="Running, Timeout, Paused, Mute or Other; see message.")
    message = serializers.CharField(help_text="Why nothing is heard, if known.")
    stream_urls = serializers.ListField(child=serializers.CharField())
    current_url = serializers.CharField()
    user_defined = serializers.DictField()
    created_at = serializers.CharField()


class StreamStateSerializer(serializers.Serializer[None]):
    """A time in which a stream was not searched."""

    state = serializers.CharField()
    cause = serializers.CharField()
    begin_utc = serializers.CharField()
    end_utc = serializers.CharField()
    duration = serializers.FloatField(help_text="Seconds.")


class StreamResultSerializer(serializers.Serializer[None]):
    """A play of a recording; ``metadata`` holds its begin, length and recording."""

    status = serializers.DictField()
    result_type = serializers.IntegerField()
    metadata = serializers.DictField()


def monitoring_shapes(containers: Sequence[Container], listening: Mapping[int, int]) -> list[Json]:
    """Return containers as projects; ``listening`` counts their streams by container."""
    return [
        {
            "id": container.pk,
            "uid": container.created_by_id or 0,
            "name": container.name,
            "region": container.region or DEFAULT_REGION,
            "type": HERE,
            "buckets": [
                {"id": bucket.pk, "name": bucket.name}
                for bucket in sorted(container.buckets.all(), key=lambda bucket: bucket.pk)
            ],
            "monitoring_num": listening.get(container.pk, 0),
            "created_at": instant(container.created_at),
            "updated_at": instant(container.updated_at),
        }
        for container in containers
    ]


def stream_shapes(streams: Sequence[Stream]) -> list[Json]:
    """Return streams in wire format."""
    return [
        {
            "id": stream.uid,
            "uid": stream.created_by_id or 0,
            "pid": stream.container_id,
            "name": stream.name,
            "region": stream.container.region or DEFAULT_REGION,
            "state": _state(stream),
            "message": stream.cause,
            "stream_urls": stream.urls,
            "current_url": stream.current_url,
            "user_defined": stream.user_defined,
            "created_at": instant(stream.created_at),
        }
        for stream in streams
    ]


def _state(stream: Stream) -> str:
    state = StreamState(stream.state) if stream.enabled else StreamState.PAUSED
    return _STATES[state]


def gap_shapes(gaps: Sequence[StreamGap]) -> list[Json]:
    """Return times that were not searched."""
    return [
        {
            "state": _GAP_STATES.get(GapCause(gap.cause), "Other"),
            "cause": gap.cause,
            "begin_utc": plain_instant(gap.starts_at),
            "end_utc": plain_instant(gap.ends_at),
            "duration": seconds(_ms(gap.ends_at - gap.starts_at)),
        }
        for gap in gaps
    ]


def result_shapes(plays: Sequence[Airplay]) -> list[Json]:
    """Return plays as ACRCloud's results; ``timestamp_utc`` is their begin."""
    rights = rights_on_wire(play.recording for play in plays)
    return [_result(play, rights.get(play.recording_id, {})) for play in plays]


def _result(play: Airplay, rights: Json) -> Json:
    length_ms = _ms(play.ends_at - play.starts_at)
    begin_ms = max(0, round((play.start_ms - play.offset_ms) * play.tempo_ratio))
    end_ms = begin_ms + round(length_ms * play.tempo_ratio)
    heard = {
        **custom_file(play.recording),
        **rights,
        "score": round(play.score),
        "play_offset_ms": end_ms,
        "sample_begin_time_offset_ms": 0,
        "sample_end_time_offset_ms": length_ms,
        "db_begin_time_offset_ms": begin_ms,
        "db_end_time_offset_ms": end_ms,
    }
    return {
        "status": _SUCCESS,
        "result_type": 0,
        "metadata": {
            "type": "delay",
            "timestamp_utc": plain_instant(play.starts_at),
            "played_duration": seconds(length_ms),
            "custom_files": [heard],
        },
    }


def _ms(length: timedelta) -> int:
    return length // timedelta(milliseconds=1)
