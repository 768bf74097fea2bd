"""Repeated unknown sound: ``/api/ucf-projects``.

What ACRCloud's public texts leave open (details, recordings of results, creating
projects, streams) is answered with a 404 that says so.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from django.db.models import Count, Q, QuerySet
from drf_spectacular.utils import OpenApiParameter
from rest_framework.request import Request
from rest_framework.response import Response

from base.accounts.roles import Action
from plugins.monitoring.unknown import actions
from plugins.monitoring.unknown.errors import ItemRefused
from plugins.monitoring.unknown.models import IgnoreReason, ItemState, UnknownItem
from plugins.monitoring.wire.serializers.unknown import (
    BUCKETED,
    DELETED,
    EDITED,
    PENDING,
    STATUSES,
    UnknownItemSerializer,
    UnknownProjectSerializer,
    item_shapes,
    project_shapes,
)
from scanning.models import Container
from web.acrapi.auth import user_of
from web.acrapi.errors import WireError, invalid, not_found
from web.acrapi.lookup import container_of
from web.acrapi.pagination import paged
from web.acrapi.schema import PAGE, UNFIT, UNKNOWN, described
from web.acrapi.serializers.envelopes import ErrorSerializer, enveloped, list_page
from web.acrapi.serializers.fields import as_id
from web.acrapi.views.base import WireView
from web.acrapi.views.containers import query_text

_TAG = "unknown sound"
_WRITES = {"DELETE": Action.DECIDE, "POST": Action.DECIDE}
_ORDERS = {"id": "pk", "num": "num", "duration_ms": "length_ms"}
_BY_STATUS = {
    PENDING: Q(state=ItemState.UNIDENTIFIED, label=""),
    EDITED: Q(state=ItemState.UNIDENTIFIED) & ~Q(label=""),
    BUCKETED: Q(state=ItemState.NAMED),
    DELETED: Q(state=ItemState.IGNORED),
}
_DATES = ("%Y-%m-%d %H:%M:%S", "%Y-%m-%d")


class UnknownProjectsView(WireView):
    """The containers that find unknown sound."""

    @described(
        _TAG,
        "List the containers that find repeated unknown sound",
        {200: list_page(UnknownProjectSerializer)},
        parameters=[*PAGE, OpenApiParameter("region", str)],
        name="list_unknown_projects",
    )
    def get(self, request: Request) -> Response:
        """Return a page of containers, newest first."""
        rows = Container.objects.present().exclude(unknown_policy__is_on=False)
        if region := query_text(request, "region"):
            rows = rows.filter(region=region)
        return Response(paged(request, rows.order_by("-id"), project_shapes))


class UnknownItemsView(WireView):
    """The unknown items of a container."""

    @described(
        _TAG,
        "List unknown items of a container",
        {200: list_page(UnknownItemSerializer)} | UNKNOWN | UNFIT,
        parameters=[
            *PAGE,
            OpenApiParameter("begin_date", str, description="2026-05-27, or with time."),
            OpenApiParameter("end_date", str, description="As begin_date."),
            OpenApiParameter("sortby", str, description="id, num or duration_ms."),
            OpenApiParameter("order", str, description="asc or desc."),
            OpenApiParameter("status", str, description="0, 2, 10 or -1."),
            OpenApiParameter("min", str, description="Shortest, in seconds."),
            OpenApiParameter("max", str, description="Longest, in seconds."),
            OpenApiParameter("ucf_id", str),
        ],
        name="list_unknown_items",
    )
    def get(self, request: Request, container_id: str) -> Response:
        """Return a page of items; without ``status``, those not ignored."""
        container = container_of(container_id)
        rows = _filtered(_items_of(container), request)
        column = _ORDERS.get(query_text(request, "sortby"), "pk")
        sign = "" if query_text(request, "order") == "asc" else "-"
        rows = rows.order_by(f"{sign}{column}", f"{sign}pk")
        return Response(paged(request, rows, lambda items: item_shapes(items, container)))


class UnknownItemView(WireView):
    """One unknown item."""

    actions = _WRITES

    @described(
        _TAG,
        "Show an unknown item",
        {200: enveloped(UnknownItemSerializer)} | UNKNOWN,
        name="show_unknown_item",
    )
    def get(self, request: Request, container_id: str, item_id: str) -> Response:
        """Return the item with this id or ACR id."""
        container = container_of(container_id)
        item = _item_of(container, item_id)
        return Response({"data": item_shapes([item], container)[0]})

    @described(
        _TAG,
        "Ignore an unknown item forever",
        {204: None, 409: ErrorSerializer} | UNKNOWN,
        parameters=[
            OpenApiParameter("reserved", int, description="Accepted; both values ignore the item.")
        ],
        name="ignore_unknown_item",
    )
    def delete(self, request: Request, container_id: str, item_id: str) -> Response:
        """Ignore the item, so that its sound is no longer listed."""
        item = _item_of(container_of(container_id), item_id)
        try:
            actions.ignore_items(items=[item], user=user_of(request), reason=IgnoreReason.OTHER)
        except ItemRefused as error:
            raise WireError(409, "not_possible", str(error)) from error
        return Response(status=204)


class PendingView(WireView):
    """Brings an ignored item back."""

    actions = _WRITES

    @described(
        _TAG,
        "List an ignored item again",
        {200: enveloped(UnknownItemSerializer), 409: ErrorSerializer} | UNKNOWN,
        name="list_unknown_item_again",
    )
    def post(self, request: Request, container_id: str, item_id: str) -> Response:
        """Undo that the item is ignored."""
        container = container_of(container_id)
        item = _item_of(container, item_id)
        if item.state == ItemState.IGNORED:
            try:
                actions.undo(item=item, user=user_of(request))
            except ItemRefused as error:
                raise WireError(409, "not_possible", str(error)) from error
        elif item.state != ItemState.UNIDENTIFIED:
            raise WireError(409, "not_possible", "This item is named; undo that in the portal.")
        item = _item_of(container, item_id)
        return Response({"data": item_shapes([item], container)[0]})


def _items_of(container: Container) -> QuerySet[UnknownItem]:
    """Return the items that occur in a container, with their occurrences as ``num``."""
    here = Q(
        occurrences__file__scanned_file__container=container,
        occurrences__file__scanned_file__deleted_at__isnull=True,
    )
    items = UnknownItem.objects.filter(state__in=STATUSES).defer("landmarks")
    return items.annotate(num=Count("occurrences", filter=here)).filter(num__gt=0)


def _filtered(rows: QuerySet[UnknownItem], request: Request) -> QuerySet[UnknownItem]:
    status = query_text(request, "status")
    if status:
        conditions = {str(code): condition for code, condition in _BY_STATUS.items()}
        rows = rows.filter(conditions[status]) if status in conditions else rows.none()
    else:
        rows = rows.exclude(state=ItemState.IGNORED)
    if (label := query_text(request, "label")) and label != "0":
        rows = rows.none()
    if identifier := query_text(request, "ucf_id"):
        rows = rows.filter(pk=as_id(identifier) or 0)
    for name, lookup in (("min", "length_ms__gte"), ("max", "length_ms__lte")):
        if text := query_text(request, name):
            seconds = as_id(text)
            if seconds is None and text != "0":
                raise invalid(name, "Give whole seconds.")
            rows = rows.filter(**{lookup: 1000 * min(seconds or 0, 10**6)})
    if text := query_text(request, "begin_date"):
        rows = rows.filter(created_at__gte=_moment("begin_date", text))
    if text := query_text(request, "end_date"):
        # A day ends with its last second.
        day = timedelta(days=1) if len(text) == len("2026-05-27") else timedelta(0)
        rows = rows.filter(created_at__lt=_moment("end_date", text) + day)
    return rows


def _moment(name: str, text: str) -> datetime:
    for form in _DATES:
        try:
            return datetime.strptime(text, form).replace(tzinfo=UTC)
        except ValueError:
            continue
    raise invalid(name, "Give a date such as 2026-05-27 or 2026-05-27 08:56:45.")


def _item_of(container: Container, identifier: str) -> UnknownItem:
    rows = _items_of(container)
    number = as_id(identifier)
    item = rows.filter(Q(acr_id=identifier[:32]) | Q(pk=number or 0)).first()
    if item is None:
        raise not_found(
            f"Unknown item {identifier[:40]} does not occur in container {container.pk}.",
            code="unknown_item",
        )
    return item
