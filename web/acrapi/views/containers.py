"""Containers: ``/api/fs-containers``."""

from __future__ import annotations

from drf_spectacular.utils import OpenApiParameter
from rest_framework.request import Request
from rest_framework.response import Response

from base.accounts.roles import Action
from base.common.api_requests import valid_data
from base.common.fingerprint_files import ACCEPT_HEADER, accepted_form
from scanning.choices import EngineChoice
from scanning.models import Container
from scanning.services.containers import create_container, update_container
from scanning.services.filing import delete_container
from web.acrapi.auth import user_of
from web.acrapi.lookup import container_of
from web.acrapi.pagination import paged
from web.acrapi.schema import PAGE, UNFIT, UNKNOWN, described
from web.acrapi.serializers.containers import (
    ContainerRequestSerializer,
    ContainerSerializer,
    ContainerUpdateSerializer,
    container_columns,
    container_shapes,
)
from web.acrapi.serializers.envelopes import enveloped, list_page
from web.acrapi.views.base import WireView

_TAG = "containers"
_WRITES = {"POST": Action.CONFIGURE, "PUT": Action.CONFIGURE, "DELETE": Action.CONFIGURE}


def query_text(request: Request, name: str) -> str:
    """Return a query parameter as text that the database can compare.

    Characters that no stored text can contain are replaced, so that a filter by them
    finds nothing.
    """
    text = request.query_params.get(name, "").replace("\0", "\ufffd")
    return text.encode("utf-8", "replace").decode()


class ContainersView(WireView):
    """All containers."""

    actions = _WRITES

    @described(
        _TAG,
        "List containers, newest first",
        {200: list_page(ContainerSerializer)},
        parameters=[
            *PAGE,
            OpenApiParameter("region", str, description="Exactly this region."),
            OpenApiParameter("name", str, description="Part of the name."),
        ],
        name="list_containers",
    )
    def get(self, request: Request) -> Response:
        """Return a page of containers."""
        rows = Container.objects.present().prefetch_related("buckets").order_by("-id")
        if region := query_text(request, "region"):
            rows = rows.filter(region=region)
        if name := query_text(request, "name"):
            rows = rows.filter(name__icontains=name)
        return Response(paged(request, rows, container_shapes))

    @described(
        _TAG,
        "Create a container",
        {201: enveloped(ContainerSerializer)} | UNFIT,
        request=ContainerRequestSerializer,
        name="create_container",
    )
    def post(self, request: Request) -> Response:
        """Create a container."""
        validated = valid_data(ContainerRequestSerializer(data=request.data))
        container = create_container(
            columns=container_columns(validated),
            buckets=validated["buckets"],
            user=user_of(request),
        )
        return Response({"data": container_shapes([container])[0]}, status=201)


class ContainerView(WireView):
    """One container."""

    actions = _WRITES

    @described(
        _TAG,
        "Show a container",
        {200: enveloped(ContainerSerializer)} | UNKNOWN,
        name="show_container",
    )
    def get(self, request: Request, container_id: str) -> Response:
        """Return the container; a header says which fingerprints it takes.

        ACRCloud would refuse our fingerprints, so a container that sends its files on
        does not ask for them.
        """
        container = container_of(container_id)
        takes = container.engine == EngineChoice.EMBEDDED
        return Response(
            {"data": container_shapes([container])[0]},
            headers={ACCEPT_HEADER: accepted_form()} if takes else None,
        )

    @described(
        _TAG,
        "Change a container",
        {200: enveloped(ContainerSerializer)} | UNKNOWN | UNFIT,
        request=ContainerUpdateSerializer,
        name="update_container",
    )
    def put(self, request: Request, container_id: str) -> Response:
        """Change the given fields."""
        container = container_of(container_id)
        validated = valid_data(ContainerUpdateSerializer(data=request.data))
        update_container(
            container=container,
            columns=container_columns(validated),
            buckets=validated.get("buckets"),
            user=user_of(request),
        )
        return Response({"data": container_shapes([container])[0]})

    @described(
        _TAG, "Delete a container with its files", {204: None} | UNKNOWN, name="delete_container"
    )
    def delete(self, request: Request, container_id: str) -> Response:
        """Delete the container; decisions about its files stay in the audit trail."""
        container = container_of(container_id)
        delete_container(container=container, user=user_of(request), reason="api")
        return Response(status=204)
