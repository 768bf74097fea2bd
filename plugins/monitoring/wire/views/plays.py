"""What was heard on a stream: its gaps, its plays, and their sound."""

from __future__ import annotations

import mimetypes
from datetime import UTC, datetime, time, timedelta

from django.db.models import F
from django.http import FileResponse
from django.http.response import HttpResponseBase
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter
from rest_framework.request import Request
from rest_framework.response import Response

from base.common.storage import scratch_directory
from plugins.monitoring.streams import selectors
from plugins.monitoring.streams.choices import AirplayState
from plugins.monitoring.streams.errors import SoundElsewhere, StreamRefused
from plugins.monitoring.streams.excerpts import cut_excerpt
from plugins.monitoring.streams.models import Stream, StreamGap
from plugins.monitoring.wire.lookup import stream_of
from plugins.monitoring.wire.serializers.streams import (
    StreamResultSerializer,
    StreamStateSerializer,
    gap_shapes,
    result_shapes,
)
from plugins.monitoring.wire.views.projects import STREAMS_TAG
from web.acrapi.errors import invalid, not_found
from web.acrapi.schema import UNFIT, UNKNOWN, described
from web.acrapi.serializers.envelopes import enveloped
from web.acrapi.serializers.fields import as_id
from web.acrapi.views.base import WireView
from web.acrapi.views.containers import query_text

_MOST_AUDIO_SECONDS = 600
_FIRST, _LAST = datetime(2000, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)
_DAY = OpenApiParameter("date", str, description="UTC, as 20260502; default: today.")


class StreamStateView(WireView):
    """When a stream was not searched."""

    @described(
        STREAMS_TAG,
        "List the gaps of a day of a stream",
        {200: enveloped(StreamStateSerializer, many=True)} | UNKNOWN | UNFIT,
        parameters=[_DAY],
        name="list_stream_gaps",
    )
    def get(self, request: Request, container_id: str, ids: str) -> Response:
        """Return the gaps of a day in UTC, in order."""
        stream = stream_of(container_id, ids)
        begin = _day(request)
        gaps = StreamGap.objects.filter(
            stream=stream, starts_at__lt=begin + timedelta(days=1), ends_at__gt=begin
        )
        return Response({"data": gap_shapes(list(gaps))})


class StreamResultsView(WireView):
    """The plays on a stream."""

    @described(
        STREAMS_TAG,
        "List the plays of a day of a stream, or the last one",
        {200: enveloped(StreamResultSerializer, many=True)} | UNKNOWN | UNFIT,
        parameters=[
            OpenApiParameter("type", str, description="day (default) or last."),
            _DAY,
            OpenApiParameter("min_duration", str, description="Seconds."),
            OpenApiParameter("max_duration", str, description="Seconds."),
            OpenApiParameter("isrc_country", str, description="Two letters."),
        ],
        name="list_stream_results",
    )
    def get(self, request: Request, container_id: str, ids: str) -> Response:
        """Return the plays that have ended, in order."""
        stream = stream_of(container_id, ids)
        kind = query_text(request, "type") or "day"
        if kind not in ("day", "last"):
            raise invalid("type", "Give day or last.")
        rows = selectors.shown_plays().filter(stream=stream)
        rows = rows.exclude(state=AirplayState.PLAYING)
        rows = rows.annotate(length=F("ends_at") - F("starts_at"))
        for name, lookup in (("min_duration", "length__gte"), ("max_duration", "length__lte")):
            if query_text(request, name):
                seconds = timedelta(seconds=_whole(request, name))
                rows = rows.filter(**{lookup: seconds})
        if country := query_text(request, "isrc_country"):
            rows = rows.filter(recording__isrc_normalised__startswith=country.upper())
        plays = rows.order_by("starts_at", "pk")
        if kind == "last":
            return Response({"data": result_shapes(list(plays.reverse()[:1]))})
        begin = _day(request)
        plays = plays.filter(starts_at__gte=begin, starts_at__lt=begin + timedelta(days=1))
        return Response({"data": result_shapes(list(plays))})


class StreamRecordingsView(WireView):
    """Sound of a stream that is still kept."""

    @described(
        STREAMS_TAG,
        "Download the sound of a play",
        {200: OpenApiTypes.BINARY} | UNKNOWN | UNFIT,
        parameters=[
            OpenApiParameter("timestamp_utc", str, required=True, description="20260502101112"),
            OpenApiParameter("played_duration", str, required=True, description="Seconds."),
            OpenApiParameter("record_before", str, description="Seconds before."),
            OpenApiParameter("record_after", str, description="Seconds after."),
        ],
        name="download_stream_recording",
    )
    def get(self, request: Request, container_id: str, ids: str) -> HttpResponseBase:
        """Return the sound, at most ten minutes: as it was sent where this machine
        recorded it, else from what is kept around matches.
        """
        stream = stream_of(container_id, ids)
        begin = _moment(query_text(request, "timestamp_utc"))
        length = _whole(request, "played_duration")
        if not length:
            raise invalid("played_duration", "Give whole seconds.")
        before = _whole(request, "record_before")
        after = _whole(request, "record_after")
        if before + length + after > _MOST_AUDIO_SECONDS:
            raise invalid("played_duration", f"At most {_MOST_AUDIO_SECONDS} seconds in all.")
        return _recording(
            stream, begin - timedelta(seconds=before), begin + timedelta(seconds=length + after)
        )


def _recording(stream: Stream, from_at: datetime, until: datetime) -> HttpResponseBase:
    with scratch_directory() as folder:
        target = folder / "sound"
        try:
            facts = cut_excerpt(stream=stream, from_at=from_at, until=until, target=target)
        except SoundElsewhere as error:
            raise not_found(str(error), code="recording_elsewhere") from error
        except StreamRefused as error:
            raise not_found(str(error), code="no_recording") from error
        name = f"{stream.uid}-{from_at:%Y%m%d%H%M%S}{facts.suffix}"
        kind = mimetypes.guess_type(name)[0] or "application/octet-stream"
        # The open file stays readable after its folder is deleted.
        return FileResponse(target.open("rb"), as_attachment=True, filename=name, content_type=kind)


def _day(request: Request) -> datetime:
    """Return the first moment of the asked day in UTC; of today without one."""
    text = query_text(request, "date")
    if not text:
        return datetime.combine(datetime.now(tz=UTC).date(), time(), tzinfo=UTC)
    try:
        # Other forms, such as 2026055, would be read as another day.
        if len(text) != len("20260502"):
            raise ValueError
        return _within(datetime.strptime(text, "%Y%m%d").replace(tzinfo=UTC))
    except ValueError:
        raise invalid("date", "Give a day such as 20260502.") from None


def _moment(text: str) -> datetime:
    for form in ("%Y%m%d%H%M%S", "%Y-%m-%d %H:%M:%S"):
        try:
            return _within(datetime.strptime(text, form).replace(tzinfo=UTC))
        except ValueError:
            continue
    raise invalid("timestamp_utc", "Give a time such as 20260502101112.")


def _within(at: datetime) -> datetime:
    """Return a time that leaves room for a day around it; raise ``ValueError`` else."""
    if not _FIRST <= at <= _LAST:
        raise ValueError
    return at


def _whole(request: Request, name: str) -> int:
    """Return whole seconds from the query, at most a day, 0 where none are given."""
    text = query_text(request, name) or "0"
    if text != "0" and as_id(text) is None:
        raise invalid(name, "Give whole seconds.")
    return min(int(text), 86_400)
