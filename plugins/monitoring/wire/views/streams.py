"""The streams of a container: ``/api/bm-cs-projects/{id}/streams``."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable

from django.db import transaction
from drf_spectacular.utils import extend_schema_view
from rest_framework.request import Request
from rest_framework.response import Response

from base.accounts.models import User
from base.accounts.roles import Action
from base.common.api_requests import valid_data
from plugins.monitoring.streams import services
from plugins.monitoring.streams.models import Station, Stream
from plugins.monitoring.wire.lookup import named_streams, stream_of, streams_of
from plugins.monitoring.wire.serializers.streams import (
    StreamRequestSerializer,
    StreamSerializer,
    StreamUpdateSerializer,
    stream_shapes,
)
from plugins.monitoring.wire.views.projects import STREAMS_TAG, ViewClass
from web.acrapi.auth import user_of
from web.acrapi.lookup import container_of
from web.acrapi.pagination import paged
from web.acrapi.schema import PAGE, UNFIT, UNKNOWN, described
from web.acrapi.serializers.envelopes import enveloped, list_page
from web.acrapi.views.base import WireView

_CHANGES = {"POST": Action.UPLOAD, "PUT": Action.UPLOAD, "DELETE": Action.DELETE}


class MonitoredStreamsView(WireView):
    """The streams of a container."""

    actions = _CHANGES

    @described(
        STREAMS_TAG,
        "List streams, newest first",
        {200: list_page(StreamSerializer)} | UNKNOWN,
        parameters=PAGE,
        name="list_streams",
    )
    def get(self, request: Request, container_id: str) -> Response:
        """Return a page of streams."""
        rows = streams_of(container_of(container_id)).order_by("-pk")
        return Response(paged(request, rows, stream_shapes))

    @described(
        STREAMS_TAG,
        "Add a stream",
        {201: enveloped(StreamSerializer)} | UNKNOWN | UNFIT,
        request=StreamRequestSerializer,
        name="add_stream",
    )
    def post(self, request: Request, container_id: str) -> Response:
        """Add a stream; a station of its name is used, or made."""
        container, user = container_of(container_id), user_of(request)
        fields = valid_data(StreamRequestSerializer(data=request.data))
        with transaction.atomic():
            name = fields["name"]
            station = Station.objects.filter(name=name).first()
            stream = services.add_stream(
                station=station or services.add_station(user=user, name=name),
                container=container,
                name=name,
                urls=fields["stream_urls"],
                user=user,
                user_defined=fields.get("user_defined", {}),
            )
        return Response({"data": stream_shapes([stream])[0]}, status=201)


class MonitoredStreamView(WireView):
    """One stream, or several by their ids to delete them."""

    actions = _CHANGES

    @described(
        STREAMS_TAG,
        "Show a stream",
        {200: enveloped(StreamSerializer)} | UNKNOWN,
        name="show_stream",
    )
    def get(self, request: Request, container_id: str, ids: str) -> Response:
        """Return the stream."""
        return Response({"data": stream_shapes([stream_of(container_id, ids)])[0]})

    @described(
        STREAMS_TAG,
        "Change a stream",
        {200: enveloped(StreamSerializer)} | UNKNOWN | UNFIT,
        request=StreamUpdateSerializer,
        name="update_stream",
    )
    def put(self, request: Request, container_id: str, ids: str) -> Response:
        """Change the given fields."""
        stream = stream_of(container_id, ids)
        fields = valid_data(StreamUpdateSerializer(data=request.data))
        names = {"stream_urls": "urls", "name": "name", "user_defined": "user_defined"}
        columns = {names[name]: fields[name] for name in names if name in fields}
        services.change_stream(stream=stream, user=user_of(request), **columns)
        return Response({"data": stream_shapes([stream_of(container_id, ids)])[0]})

    @described(STREAMS_TAG, "Delete streams", {204: None} | UNKNOWN | UNFIT, name="delete_streams")
    def delete(self, request: Request, container_id: str, ids: str) -> Response:
        """Delete the streams; their plays, gaps and files stay."""
        with transaction.atomic():
            for stream in named_streams(container_id, ids):
                services.delete_stream(stream=stream, user=user_of(request), reason="api")
        return Response(status=204)


class _StreamVerbView(ABC, WireView):
    """Does something with streams."""

    actions = _CHANGES

    def put(self, request: Request, container_id: str, ids: str) -> Response:
        """Act on each of the streams, or on none."""
        user = user_of(request)
        with transaction.atomic():
            for stream in named_streams(container_id, ids):
                self.act(stream, user)
        return Response({"data": stream_shapes(named_streams(container_id, ids))})

    def post(self, request: Request, container_id: str, ids: str) -> Response:
        """Do the same as PUT, because ACRCloud's public texts name no method."""
        return self.put(request, container_id, ids)

    @abstractmethod
    def act(self, stream: Stream, user: User) -> None:
        """Act on one stream."""


def _verb_described(summary: str, name: str) -> Callable[[ViewClass], ViewClass]:
    """Describe the two operations of a verb."""
    answers = {200: enveloped(StreamSerializer, many=True)} | UNKNOWN | UNFIT
    return extend_schema_view(
        put=described(STREAMS_TAG, summary, answers, name=name),
        post=described(STREAMS_TAG, f"{summary}, as PUT", answers, name=f"post_{name}"),
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
    """Reconnects streams; a paused stream is resumed."""

    def act(self, stream: Stream, user: User) -> None:
        """Reconnect the stream."""
        act = services.restart_stream if stream.enabled else services.resume_stream
        act(stream=stream, user=user)
