"""Live streams: ``/api/bm-cs-projects``.

A container is a project. What ACRCloud's public texts leave open is answered with a 404
that says so.
"""

from __future__ import annotations

import mimetypes
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, time, timedelta
from typing import ClassVar, Literal, TypeVar

from django.db import transaction
from django.db.models import Count, F, QuerySet
from django.http import FileResponse
from django.http.response import HttpResponseBase
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema_view
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.models import User
from accounts.roles import Action
from acrapi.auth import user_of
from acrapi.errors import invalid, not_found
from acrapi.lookup import container_of, split_ids
from acrapi.models import StreamCallbacks
from acrapi.pagination import paged
from acrapi.schema import PAGE, UNFIT, UNKNOWN, described
from acrapi.serializers.envelopes import enveloped, listed
from acrapi.serializers.fields import as_id
from acrapi.serializers.monitoring import (
    Json,
    MonitoringProjectRequestSerializer,
    MonitoringProjectSerializer,
    MonitoringProjectUpdateSerializer,
    StreamCallbackSerializer,
    StreamRequestSerializer,
    StreamResultSerializer,
    StreamSerializer,
    StreamStateSerializer,
    StreamUpdateSerializer,
    gap_shapes,
    monitoring_shapes,
    result_shapes,
    stream_shapes,
)
from acrapi.views.base import WireView
from acrapi.views.containers import query_text
from audit.services import record
from common.storage import scratch_directory
from scanning.models import Container
from scanning.services.containers import create_container, update_container
from scanning.services.filing import delete_container
from streams import selectors, services
from streams.choices import AirplayState
from streams.errors import StreamRefused
from streams.excerpts import cut_excerpt
from streams.models import Airplay, Station, Stream, StreamGap

_TAG = "live streams"
_CONFIGURES = dict.fromkeys(("POST", "PUT", "DELETE"), Action.CONFIGURE)
_SET = {200: enveloped(StreamCallbackSerializer)} | UNKNOWN
_CHANGES = {"POST": Action.UPLOAD, "PUT": Action.UPLOAD, "DELETE": Action.DELETE}
_MOST_AUDIO_SECONDS = 600
_FIRST, _LAST = datetime(2000, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)
Address = Literal["result_url", "state_url"]
ViewClass = TypeVar("ViewClass", bound=type[WireView])
_DAY = OpenApiParameter("date", str, description="UTC, as 20260502; default: today.")


class MonitoringProjectsView(WireView):
    """The containers, as projects of streams."""

    actions = _CONFIGURES

    @described(
        _TAG,
        "List the containers as projects of streams",
        {200: listed(MonitoringProjectSerializer)},
        parameters=[*PAGE, OpenApiParameter("region", str)],
        name="list_monitoring_projects",
    )
    def get(self, request: Request) -> Response:
        """Return a page of containers, newest first."""
        rows = Container.objects.present().prefetch_related("buckets")
        if region := query_text(request, "region"):
            rows = rows.filter(region=region)
        return Response(paged(request, rows.order_by("-id"), _projects))

    @described(
        _TAG,
        "Create a container for streams",
        {201: enveloped(MonitoringProjectSerializer)} | UNFIT,
        request=MonitoringProjectRequestSerializer,
        name="create_monitoring_project",
    )
    def post(self, request: Request) -> Response:
        """Create a container."""
        form = MonitoringProjectRequestSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        asked: Json = form.validated_data
        container = create_container(
            columns={"name": asked["name"], "region": asked["region"]},
            buckets=asked["buckets"],
            user=user_of(request),
        )
        return Response({"data": _projects([container])[0]}, status=201)


class MonitoringProjectView(WireView):
    """One container, as a project of streams."""

    actions = _CONFIGURES

    @described(
        _TAG,
        "Show a project of streams",
        {200: enveloped(MonitoringProjectSerializer)} | UNKNOWN,
        name="show_monitoring_project",
    )
    def get(self, request: Request, container_id: str) -> Response:
        """Return the container."""
        return Response({"data": _projects([container_of(container_id)])[0]})

    @described(
        _TAG,
        "Change a project of streams",
        {200: enveloped(MonitoringProjectSerializer)} | UNKNOWN | UNFIT,
        request=MonitoringProjectUpdateSerializer,
        name="update_monitoring_project",
    )
    def put(self, request: Request, container_id: str) -> Response:
        """Change name and buckets."""
        container = container_of(container_id)
        form = MonitoringProjectUpdateSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        asked: Json = form.validated_data
        update_container(
            container=container,
            columns={"name": asked["name"]} if "name" in asked else {},
            buckets=asked.get("buckets"),
            user=user_of(request),
        )
        return Response({"data": _projects([container])[0]})

    @described(
        _TAG,
        "Delete a project with its streams and files",
        {204: None} | UNKNOWN,
        name="delete_monitoring_project",
    )
    def delete(self, request: Request, container_id: str) -> Response:
        """Delete the container; what was decided stays in the audit trail."""
        container, user = container_of(container_id), user_of(request)
        with transaction.atomic():
            for stream in Stream.objects.present().filter(container=container):
                services.delete_stream(stream=stream, user=user, reason="api")
            delete_container(container=container, user=user, reason="api")
        return Response(status=204)


class _CallbackView(WireView):
    """An address to which the portal posts what happens on a container's streams."""

    actions = _CONFIGURES
    address: ClassVar[Address]

    def get(self, request: Request, container_id: str) -> Response:
        """Return the address; empty if there is none."""
        return _address(container_id, self.address)

    def put(self, request: Request, container_id: str) -> Response:
        """Set the address, or end the posts with an empty one."""
        return _set_address(request, container_id, self.address)

    def post(self, request: Request, container_id: str) -> Response:
        """Do the same as PUT, because ACRCloud's public texts name no method."""
        return self.put(request, container_id)


def _documented(what: str, name: str) -> Callable[[ViewClass], ViewClass]:
    """Describe the three operations of a callback's address."""
    fits = _SET | UNFIT
    body = StreamCallbackSerializer
    return extend_schema_view(
        get=described(_TAG, f"Show where {what} are posted", _SET, name=f"show_{name}"),
        put=described(
            _TAG,
            f"Set where {what} are posted",
            fits,
            request=body,
            name=f"set_{name}",
        ),
        post=described(
            _TAG,
            f"Set where {what} are posted, as PUT",
            fits,
            request=body,
            name=f"post_{name}",
        ),
    )


@_documented("plays", "stream_result_callback")
class ResultCallbackView(_CallbackView):
    """Where settled plays of a container's streams are posted."""

    address = "result_url"


@_documented("states", "stream_state_notification")
class StateNotificationView(_CallbackView):
    """Where the portal posts that streams are away or heard again."""

    address = "state_url"


class MonitoredStreamsView(WireView):
    """The streams of a container."""

    actions = _CHANGES

    @described(
        _TAG,
        "List streams, newest first",
        {200: listed(StreamSerializer)} | UNKNOWN,
        parameters=PAGE,
        name="list_streams",
    )
    def get(self, request: Request, container_id: str) -> Response:
        """Return a page of streams."""
        rows = _streams_of(container_of(container_id)).order_by("-pk")
        return Response(paged(request, rows, stream_shapes))

    @described(
        _TAG,
        "Add a stream",
        {201: enveloped(StreamSerializer)} | UNKNOWN | UNFIT,
        request=StreamRequestSerializer,
        name="add_stream",
    )
    def post(self, request: Request, container_id: str) -> Response:
        """Add a stream; a station of its name is used, or made."""
        container, user = container_of(container_id), user_of(request)
        form = StreamRequestSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        asked: Json = form.validated_data
        with transaction.atomic():
            stream = services.add_stream(
                station=_station(asked["name"], user),
                container=container,
                name=asked["name"],
                urls=asked["stream_urls"],
                user=user,
                user_defined=asked.get("user_defined", {}),
            )
        return Response({"data": stream_shapes([stream])[0]}, status=201)


class MonitoredStreamView(WireView):
    """One stream, or several by their ids to delete them."""

    actions = _CHANGES

    @described(
        _TAG,
        "Show a stream",
        {200: enveloped(StreamSerializer)} | UNKNOWN,
        name="show_stream",
    )
    def get(self, request: Request, container_id: str, ids: str) -> Response:
        """Return the stream."""
        return Response({"data": stream_shapes([_stream(container_id, ids)])[0]})

    @described(
        _TAG,
        "Change a stream",
        {200: enveloped(StreamSerializer)} | UNKNOWN | UNFIT,
        request=StreamUpdateSerializer,
        name="update_stream",
    )
    def put(self, request: Request, container_id: str, ids: str) -> Response:
        """Change the given fields."""
        stream = _stream(container_id, ids)
        form = StreamUpdateSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        asked: Json = form.validated_data
        names = {"stream_urls": "urls", "name": "name", "user_defined": "user_defined"}
        columns = {names[name]: asked[name] for name in names if name in asked}
        services.change_stream(stream=stream, user=user_of(request), **columns)
        return Response({"data": stream_shapes([_stream(container_id, ids)])[0]})

    @described(
        _TAG, "Delete streams", {204: None} | UNKNOWN | UNFIT, name="delete_streams"
    )
    def delete(self, request: Request, container_id: str, ids: str) -> Response:
        """Delete the streams; their plays, gaps and files stay."""
        with transaction.atomic():
            for stream in _named_streams(container_id, ids):
                services.delete_stream(
                    stream=stream, user=user_of(request), reason="api"
                )
        return Response(status=204)


class _StreamVerbView(WireView):
    """Does something with streams."""

    actions = _CHANGES

    def put(self, request: Request, container_id: str, ids: str) -> Response:
        """Act on each of the streams, or on none."""
        user = user_of(request)
        with transaction.atomic():
            for stream in _named_streams(container_id, ids):
                self.act(stream, user)
        return Response({"data": stream_shapes(_named_streams(container_id, ids))})

    def post(self, request: Request, container_id: str, ids: str) -> Response:
        """Do the same as PUT, because ACRCloud's public texts name no method."""
        return self.put(request, container_id, ids)

    def act(self, stream: Stream, user: User) -> None:
        """Act on one stream."""
        raise NotImplementedError


def _verb_described(summary: str, name: str) -> Callable[[ViewClass], ViewClass]:
    """Describe the two operations of a verb."""
    answers = {200: enveloped(StreamSerializer, many=True)} | UNKNOWN | UNFIT
    return extend_schema_view(
        put=described(_TAG, summary, answers, name=name),
        post=described(_TAG, f"{summary}, as PUT", answers, name=f"post_{name}"),
    )


@_verb_described("Pause streams", "pause_streams")
class PauseStreamView(_StreamVerbView):
    """Stops listening to streams; one that is paused stays so."""

    def act(self, stream: Stream, user: User) -> None:
        """Pause the stream."""
        if stream.enabled:
            services.pause_stream(stream=stream, user=user)


@_verb_described("Restart streams", "restart_streams")
class RestartStreamView(_StreamVerbView):
    """Connects streams anew; a paused stream is listened to again."""

    def act(self, stream: Stream, user: User) -> None:
        """Connect anew."""
        act = services.restart_stream if stream.enabled else services.resume_stream
        act(stream=stream, user=user)


class StreamStateView(WireView):
    """When a stream was not searched."""

    @described(
        _TAG,
        "List the gaps of a day of a stream",
        {200: enveloped(StreamStateSerializer, many=True)} | UNKNOWN | UNFIT,
        parameters=[_DAY],
        name="list_stream_gaps",
    )
    def get(self, request: Request, container_id: str, ids: str) -> Response:
        """Return the gaps of a day in UTC, in order."""
        stream = _stream(container_id, ids)
        begin = _day(request)
        gaps = StreamGap.objects.filter(
            stream=stream,
            starts_at__lt=begin + timedelta(days=1),
            ends_at__gt=begin,
        )
        return Response({"data": gap_shapes(list(gaps))})


class StreamResultsView(WireView):
    """The plays on a stream."""

    @described(
        _TAG,
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
        stream = _stream(container_id, ids)
        kind = query_text(request, "type") or "day"
        if kind not in ("day", "last"):
            raise invalid("type", "Give day or last.")
        plays = _ended_plays(stream, request)
        if kind == "last":
            return Response({"data": result_shapes(list(plays.reverse()[:1]))})
        begin = _day(request)
        plays = plays.filter(
            starts_at__gte=begin, starts_at__lt=begin + timedelta(days=1)
        )
        return Response({"data": result_shapes(list(plays))})


class StreamRecordingsView(WireView):
    """Sound of a stream that is still kept."""

    @described(
        _TAG,
        "Download the sound of a play",
        {200: OpenApiTypes.BINARY} | UNKNOWN | UNFIT,
        parameters=[
            OpenApiParameter(
                "timestamp_utc", str, required=True, description="20260502101112"
            ),
            OpenApiParameter(
                "played_duration", str, required=True, description="Seconds."
            ),
            OpenApiParameter("record_before", str, description="Seconds before."),
            OpenApiParameter("record_after", str, description="Seconds after."),
        ],
        name="download_stream_recording",
    )
    def get(self, request: Request, container_id: str, ids: str) -> HttpResponseBase:
        """Return the sound as it was sent, at most ten minutes."""
        stream = _stream(container_id, ids)
        begin = _moment(query_text(request, "timestamp_utc"))
        length = _whole(request, "played_duration", 0)
        if not length:
            raise invalid("played_duration", "Give whole seconds.")
        before = _whole(request, "record_before", 0)
        after = _whole(request, "record_after", 0)
        if before + length + after > _MOST_AUDIO_SECONDS:
            raise invalid(
                "played_duration", f"At most {_MOST_AUDIO_SECONDS} seconds in all."
            )
        return _recording(
            stream,
            begin - timedelta(seconds=before),
            begin + timedelta(seconds=length + after),
        )


def _recording(stream: Stream, from_at: datetime, until: datetime) -> HttpResponseBase:
    with scratch_directory() as folder:
        target = folder / "sound"
        try:
            facts = cut_excerpt(
                stream=stream, from_at=from_at, until=until, target=target
            )
        except StreamRefused as error:
            raise not_found(str(error), code="no_recording") from error
        name = f"{stream.uid}-{from_at:%Y%m%d%H%M%S}{facts.suffix}"
        kind = mimetypes.guess_type(name)[0] or "application/octet-stream"
        # The open file stays readable after its folder is deleted.
        return FileResponse(
            target.open("rb"), as_attachment=True, filename=name, content_type=kind
        )


def _projects(containers: Sequence[Container]) -> list[Json]:
    counted = (
        Stream.objects.present()
        .filter(container__in=containers, enabled=True)
        .order_by()
        .values_list("container")
        .annotate(number=Count("pk"))
    )
    return monitoring_shapes(containers, dict(counted))


def _callbacks(container: Container) -> StreamCallbacks:
    found = StreamCallbacks.objects.filter(container=container).first()
    return found or StreamCallbacks(container=container)


def _address(container_id: str, column: Address) -> Response:
    found = _callbacks(container_of(container_id))
    return Response({"data": {"url": _url(found, column)}})


def _url(found: StreamCallbacks, column: Address) -> str:
    return found.result_url if column == "result_url" else found.state_url


def _set_address(request: Request, container_id: str, column: Address) -> Response:
    container = container_of(container_id)
    form = StreamCallbackSerializer(data=request.data)
    form.is_valid(raise_exception=True)
    url = form.validated_data["url"]
    before = _url(_callbacks(container), column)
    with transaction.atomic():
        StreamCallbacks.objects.update_or_create(
            container=container, defaults={column: url}
        )
        record(
            case=f"container:{container.pk}",
            action="container.stream_callback_changed",
            actor=user_of(request),
            before={str(column): before},
            after={str(column): url},
        )
    return Response({"data": {"url": url}})


def _streams_of(container: Container) -> QuerySet[Stream]:
    return (
        Stream.objects.present().filter(container=container).select_related("container")
    )


def _named_streams(container_id: str, given: str) -> list[Stream]:
    """Return the streams with the given ids; refuse if none exists."""
    container = container_of(container_id)
    found = list(_streams_of(container).filter(uid__in=split_ids(given)))
    if not found:
        raise not_found(
            f"Container {container.pk} has no stream {given[:80]}.",
            code="unknown_stream",
        )
    return found


def _stream(container_id: str, given: str) -> Stream:
    return _named_streams(container_id, given)[0]


def _station(name: str, user: User) -> Station:
    found = Station.objects.filter(name=name).first()
    return found or services.add_station(user=user, name=name)


def _ended_plays(stream: Stream, request: Request) -> QuerySet[Airplay]:
    """Return the plays that have ended and fit the filters of a request, in order."""
    rows = selectors.shown_plays().filter(stream=stream)
    rows = rows.exclude(state=AirplayState.PLAYING)
    rows = rows.annotate(length=F("ends_at") - F("starts_at"))
    for name, lookup in (
        ("min_duration", "length__gte"),
        ("max_duration", "length__lte"),
    ):
        if query_text(request, name):
            seconds = timedelta(seconds=_whole(request, name, 0))
            rows = rows.filter(**{lookup: seconds})
    if country := query_text(request, "isrc_country"):
        rows = rows.filter(recording__isrc_normalised__startswith=country.upper())
    return rows.order_by("starts_at", "pk")


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


def _whole(request: Request, name: str, otherwise: int) -> int:
    """Return whole seconds from the query, at most a day."""
    text = query_text(request, name)
    if not text:
        return otherwise
    if text != "0" and as_id(text) is None:
        raise invalid(name, "Give whole seconds.")
    return min(int(text), 86_400)
