"""Live streams: ``/api/bm-cs-projects``, and where their plays and states are posted.

A container is a project. What ACRCloud's public texts leave open is answered with a 404
that says so.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar, Literal, TypeVar

from django.db import transaction
from django.db.models import Count
from drf_spectacular.utils import OpenApiParameter, extend_schema_view
from rest_framework.request import Request
from rest_framework.response import Response

from base.accounts.roles import Action
from base.audit.services import record
from base.common.api_requests import valid_data
from plugins.monitoring.streams import services
from plugins.monitoring.streams.models import Stream, StreamCallbacks
from plugins.monitoring.wire.serializers.streams import (
    Json,
    MonitoringProjectRequestSerializer,
    MonitoringProjectSerializer,
    MonitoringProjectUpdateSerializer,
    StreamCallbackSerializer,
    monitoring_shapes,
)
from scanning.models import Container
from scanning.services.containers import create_container, update_container
from scanning.services.filing import delete_container
from web.acrapi.auth import user_of
from web.acrapi.lookup import container_of
from web.acrapi.pagination import paged
from web.acrapi.schema import PAGE, UNFIT, UNKNOWN, described
from web.acrapi.serializers.envelopes import enveloped, list_page
from web.acrapi.views.base import WireView
from web.acrapi.views.containers import query_text

STREAMS_TAG = "live streams"
_CONFIGURES = dict.fromkeys(("POST", "PUT", "DELETE"), Action.CONFIGURE)
_SET = {200: enveloped(StreamCallbackSerializer)} | UNKNOWN
Address = Literal["result_url", "state_url"]
ViewClass = TypeVar("ViewClass", bound=type[WireView])


class MonitoringProjectsView(WireView):
    """The containers, as projects of streams."""

    actions = _CONFIGURES

    @described(
        STREAMS_TAG,
        "List the containers as projects of streams",
        {200: list_page(MonitoringProjectSerializer)},
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
        STREAMS_TAG,
        "Create a container for streams",
        {201: enveloped(MonitoringProjectSerializer)} | UNFIT,
        request=MonitoringProjectRequestSerializer,
        name="create_monitoring_project",
    )
    def post(self, request: Request) -> Response:
        """Create a container."""
        fields = valid_data(MonitoringProjectRequestSerializer(data=request.data))
        container = create_container(
            columns={"name": fields["name"], "region": fields["region"]},
            buckets=fields["buckets"],
            user=user_of(request),
        )
        return Response({"data": _projects([container])[0]}, status=201)


class MonitoringProjectView(WireView):
    """One container, as a project of streams."""

    actions = _CONFIGURES

    @described(
        STREAMS_TAG,
        "Show a project of streams",
        {200: enveloped(MonitoringProjectSerializer)} | UNKNOWN,
        name="show_monitoring_project",
    )
    def get(self, request: Request, container_id: str) -> Response:
        """Return the container."""
        return Response({"data": _projects([container_of(container_id)])[0]})

    @described(
        STREAMS_TAG,
        "Change a project of streams",
        {200: enveloped(MonitoringProjectSerializer)} | UNKNOWN | UNFIT,
        request=MonitoringProjectUpdateSerializer,
        name="update_monitoring_project",
    )
    def put(self, request: Request, container_id: str) -> Response:
        """Change name and buckets."""
        container = container_of(container_id)
        fields = valid_data(MonitoringProjectUpdateSerializer(data=request.data))
        update_container(
            container=container,
            columns={"name": fields["name"]} if "name" in fields else {},
            buckets=fields.get("buckets"),
            user=user_of(request),
        )
        return Response({"data": _projects([container])[0]})

    @described(
        STREAMS_TAG,
        "Delete a project with its streams and files",
        {204: None} | UNKNOWN,
        name="delete_monitoring_project",
    )
    def delete(self, request: Request, container_id: str) -> Response:
        """Delete the container; decisions stay in the audit trail."""
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
        callbacks = _callbacks(container_of(container_id))
        return Response({"data": {"url": _url(callbacks, self.address)}})

    def put(self, request: Request, container_id: str) -> Response:
        """Set the address, or end the posts with an empty one."""
        container = container_of(container_id)
        url = valid_data(StreamCallbackSerializer(data=request.data))["url"]
        before = _url(_callbacks(container), self.address)
        with transaction.atomic():
            StreamCallbacks.objects.update_or_create(
                container=container, defaults={self.address: url}
            )
            record(
                case=f"container:{container.pk}",
                action="container.stream_callback_changed",
                actor=user_of(request),
                before={str(self.address): before},
                after={str(self.address): url},
            )
        return Response({"data": {"url": url}})

    def post(self, request: Request, container_id: str) -> Response:
        """Do the same as PUT, because ACRCloud's public texts name no method."""
        return self.put(request, container_id)


def _documented(subject: str, name: str) -> Callable[[ViewClass], ViewClass]:
    """Describe the three operations of a callback's address."""
    fits = _SET | UNFIT
    body = StreamCallbackSerializer
    return extend_schema_view(
        get=described(STREAMS_TAG, f"Show where {subject} are posted", _SET, name=f"show_{name}"),
        put=described(
            STREAMS_TAG, f"Set where {subject} are posted", fits, request=body, name=f"set_{name}"
        ),
        post=described(
            STREAMS_TAG,
            f"Set where {subject} are posted, as PUT",
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
    callbacks = StreamCallbacks.objects.filter(container=container).first()
    return callbacks or StreamCallbacks(container=container)


def _url(callbacks: StreamCallbacks, column: Address) -> str:
    return callbacks.result_url if column == "result_url" else callbacks.state_url
