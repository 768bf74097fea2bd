"""API views of streams: current plays, days, and pausing."""

from __future__ import annotations

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

from django.shortcuts import get_object_or_404
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from base.accounts.roles import Action
from base.common.api_requests import ChoiceField, valid_data
from base.common.stored import read_stored
from plugins.monitoring.streams import selectors, services
from plugins.monitoring.streams.errors import StreamRefused
from plugins.monitoring.streams.models import Airplay, Stream, StreamGap
from web.portal.api.base import ProgramView

_VERBS = {
    "pause": services.pause_stream,
    "resume": services.resume_stream,
    "restart": services.restart_stream,
}


class PlaySerializer(serializers.ModelSerializer[Airplay]):
    """A play of a recording; ``starts_at`` and ``ends_at`` are wall times."""

    recording = serializers.CharField(source="recording.uid", read_only=True)
    title = serializers.CharField(source="recording.title", read_only=True)
    version = serializers.CharField(source="recording.version", read_only=True)
    artists = serializers.ListField(
        child=serializers.CharField(), source="recording.artists", read_only=True
    )
    isrc = serializers.CharField(source="recording.isrc", read_only=True)

    class Meta:
        model = Airplay
        fields = (
            *("uid", "state", "starts_at", "ends_at", "score"),
            *("recording", "title", "version", "artists", "isrc"),
        )
        read_only_fields = fields


class GapSerializer(serializers.ModelSerializer[StreamGap]):
    """A time that was not searched."""

    class Meta:
        model = StreamGap
        fields = ("starts_at", "ends_at", "cause", "is_exact")
        read_only_fields = fields


class StreamFactsSerializer(serializers.ModelSerializer[Stream]):
    """A stream, and what plays on it now."""

    station = serializers.CharField(source="station.name", read_only=True)
    time_zone = serializers.CharField(source="station.time_zone", read_only=True)
    container = serializers.IntegerField(source="container_id", read_only=True)
    cause = serializers.SerializerMethodField()
    playing = serializers.SerializerMethodField()

    class Meta:
        model = Stream
        fields = (
            *("uid", "name", "station", "time_zone", "container", "enabled"),
            *("state", "cause", "state_at", "heard_until", "playing"),
        )
        read_only_fields = fields

    def get_cause(self, stream: Stream) -> str:
        """Return why nothing is heard, in the language of the request."""
        return read_stored(stream.cause)

    @extend_schema_field(PlaySerializer(many=True))
    def get_playing(self, stream: Stream) -> list[dict[str, object]]:
        """Return the plays that go on."""
        plays: dict[int, list[Airplay]] = self.context["plays"]
        return list(PlaySerializer(plays.get(stream.pk, []), many=True).data)


class StreamDaySerializer(serializers.Serializer[dict[str, object]]):
    """A day of a stream in the zone of its station; the three times add up to it."""

    date = serializers.DateField()
    plays = PlaySerializer(many=True)
    gaps = GapSerializer(many=True)
    searched_ms = serializers.IntegerField()
    gap_ms = serializers.IntegerField()
    unaccounted_ms = serializers.IntegerField()


class StreamVerbSerializer(serializers.Serializer[None]):
    """What to do with a stream."""

    verb = ChoiceField(choices=list(_VERBS))


class StreamListView(ProgramView):
    """All streams."""

    @extend_schema(responses=StreamFactsSerializer(many=True))
    def get(self, request: Request) -> Response:
        """Return the streams with what plays on them."""
        streams = list(selectors.list_streams())
        return Response(
            StreamFactsSerializer(streams, many=True, context={"plays": _playing()}).data
        )


class StreamFactsView(ProgramView):
    """One stream."""

    changes = Action.UPLOAD

    @extend_schema(responses=StreamFactsSerializer)
    def get(self, request: Request, uid: str) -> Response:
        """Return the stream with what plays on it."""
        return Response(_facts(_stream(uid)))

    @extend_schema(request=StreamVerbSerializer, responses=StreamFactsSerializer)
    def post(self, request: Request, uid: str) -> Response:
        """Pause, resume or reconnect the stream."""
        stream = _stream(uid)
        verb = valid_data(StreamVerbSerializer(data=request.data))["verb"]
        try:
            _VERBS[verb](stream=stream, user=self.person)
        except StreamRefused as refused:
            raise ValidationError({"verb": [str(refused)]}) from refused
        return Response(_facts(_stream(uid)))


class StreamDayView(ProgramView):
    """A day of a stream."""

    @extend_schema(
        responses=StreamDaySerializer,
        parameters=[OpenApiParameter("date", str, description="2026-05-02")],
    )
    def get(self, request: Request, uid: str) -> Response:
        """Return the plays and gaps of a day, and how much of it was searched."""
        stream = _stream(uid)
        today = datetime.now(tz=ZoneInfo(stream.station.time_zone)).date()
        day = selectors.day(stream, _date(request, today))
        begin, end = day.hours[0].starts_at, day.hours[-1].ends_at
        until = max(begin, min(end, datetime.now(tz=UTC)))
        cover = selectors.coverage(stream, begin, until)
        plays = {play.pk: play for hour in day.hours for play in hour.plays}
        gaps = {gap.pk: gap for hour in day.hours for gap in (*hour.gaps, *hour.silences)}
        answer = {
            "date": day.day,
            "plays": list(plays.values()),
            "gaps": list(gaps.values()),
            "searched_ms": cover.searched_ms,
            "gap_ms": cover.gap_ms,
            "unaccounted_ms": cover.unaccounted_ms,
        }
        return Response(StreamDaySerializer(answer).data)


def _date(request: Request, today: date) -> date:
    text = request.query_params.get("date", "")
    try:
        on = date.fromisoformat(text) if text else today
    except ValueError:
        on = date.min
    if not date(2000, 1, 1) <= on <= date(2200, 1, 1):
        raise ValidationError({"date": ["Give a day such as 2026-05-02."]})
    return on


def _stream(uid: str) -> Stream:
    return get_object_or_404(selectors.list_streams(), uid=uid)


def _playing(stream: Stream | None = None) -> dict[int, list[Airplay]]:
    plays: dict[int, list[Airplay]] = {}
    for play in selectors.now_playing(stream):
        plays.setdefault(play.stream_id, []).append(play)
    return plays


def _facts(stream: Stream) -> dict[str, object]:
    context = {"plays": _playing(stream)}
    return dict(StreamFactsSerializer(stream, context=context).data)
