"""API views of broadcasts and figures of stations.

Answers carry a ``version`` of their values. A change that names the version it read is
refused with 409 if somebody else changed the values since.
"""

from __future__ import annotations

import uuid
from datetime import date, datetime
from typing import Any

from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from base.accounts.roles import Action
from base.common.api_requests import ChoiceField, valid_data, valid_query
from plugins.monitoring.broadcasts import selectors, services
from plugins.monitoring.broadcasts.choices import RightsType, Showing
from plugins.monitoring.broadcasts.models import Audience, Broadcast, Revenue
from plugins.monitoring.broadcasts.times import local_text, parsed_start, read_month, start_at
from plugins.monitoring.streams.models import Station
from review.programmes.errors import ProgrammeRefused
from review.programmes.values import Values
from web.portal.api.base import ProgramView
from web.portal.api.programmes import StatedSerializer, VersionField
from web.portal.shared.selectors import find_file

Json = dict[str, Any]  # Any: JSON


@extend_schema_field({"type": "string", "format": "date-time"})
class StartField(serializers.Field[datetime, str, str, datetime]):
    """A start with its offset, or as local time of the station without one."""

    def to_internal_value(self, data: str) -> datetime:
        """Return the time as it was given."""
        try:
            return parsed_start(str(data))
        except ProgrammeRefused as refused:
            raise serializers.ValidationError(str(refused)) from refused

    def to_representation(self, value: datetime) -> str:
        """Return the time with its offset."""
        return value.isoformat()


class FileBroadcastSerializer(serializers.Serializer[Json]):
    """One broadcast of a file; times are the station's, with their offset."""

    uid = serializers.CharField(read_only=True)
    station = serializers.SlugRelatedField(slug_field="uid", queryset=Station.objects.all())
    station_name = serializers.CharField(read_only=True)
    starts_at = StartField()
    time_zone = serializers.CharField(read_only=True)
    length_ms = serializers.IntegerField(
        min_value=1, max_value=10**12, allow_null=True, default=None
    )
    showing = ChoiceField(choices=Showing.choices, allow_blank=True, default="")
    version = VersionField()
    despite = serializers.BooleanField(
        write_only=True,
        default=False,
        help_text="Change it though a declaration that was written names it.",
    )


class DespiteSerializer(serializers.Serializer[Json]):
    """Whether to delete a broadcast that a declaration names."""

    despite = serializers.BooleanField(
        default=False, help_text="Delete it though a declaration that was written names it."
    )


@extend_schema_field({"type": "string", "example": "2026-11"})
class MonthField(serializers.Field[date, str, str, date]):
    """A month such as 2026-11."""

    def to_internal_value(self, data: str) -> date:
        """Return the first day of the month."""
        try:
            return read_month(str(data))
        except ProgrammeRefused as refused:
            raise serializers.ValidationError(str(refused)) from refused

    def to_representation(self, value: date) -> str:
        """Return the month."""
        return f"{value:%Y-%m}"


class StationAudienceSerializer(StatedSerializer[Audience]):
    """How many people heard a station in a month; null is not known."""

    month = MonthField()

    class Meta:
        model = Audience
        fields = ("month", *Audience.VALUES, "version")


class StationRevenueSerializer(StatedSerializer[Revenue]):
    """What a station earned in a month; null is not known."""

    month = MonthField()

    class Meta:
        model = Revenue
        fields = ("month", "rights_type", *Revenue.VALUES, "version")


class StationNameSerializer(serializers.ModelSerializer[Station]):
    """A station as broadcasts name it."""

    class Meta:
        model = Station
        fields = ("uid", "name", "call_sign", "custom_id", "territory", "time_zone")
        read_only_fields = fields


class FileBroadcastsView(ProgramView):
    """The broadcasts of a file."""

    changes = Action.UPLOAD

    @extend_schema(responses=FileBroadcastSerializer(many=True))
    def get(self, request: Request, uid: uuid.UUID) -> Response:
        """Return the broadcasts in order of time."""
        rows = selectors.broadcasts_of(find_file(uid))
        return Response([_broadcast_json(row) for row in rows])

    @extend_schema(request=FileBroadcastSerializer, responses={201: FileBroadcastSerializer})
    def post(self, request: Request, uid: uuid.UUID) -> Response:
        """Add a broadcast."""
        file = find_file(uid)
        body = valid_data(FileBroadcastSerializer(data=request.data))
        row = services.add_broadcast(
            scanned_file=file, station=body["station"], values=_values(body), user=self.person
        )
        return Response(_broadcast_json(row), status=201)


class FileBroadcastView(ProgramView):
    """One broadcast of a file."""

    changes = Action.UPLOAD

    @extend_schema(responses=FileBroadcastSerializer)
    def get(self, request: Request, uid: uuid.UUID, broadcast: str) -> Response:
        """Return the broadcast."""
        return Response(_broadcast_json(_broadcast(uid, broadcast)))

    @extend_schema(request=FileBroadcastSerializer, responses=FileBroadcastSerializer)
    def put(self, request: Request, uid: uuid.UUID, broadcast: str) -> Response:
        """Set all values of the broadcast."""
        row = _broadcast(uid, broadcast)
        body = valid_data(FileBroadcastSerializer(data=request.data))
        services.change_broadcast(
            broadcast=row,
            station=body["station"],
            values=_values(body),
            user=self.person,
            seen=body.get("version"),
            despite=body["despite"],
        )
        return Response(_broadcast_json(_broadcast(uid, broadcast)))

    @extend_schema(parameters=[DespiteSerializer], responses={204: None})
    def delete(self, request: Request, uid: uuid.UUID, broadcast: str) -> Response:
        """Delete the broadcast with its audience."""
        row = _broadcast(uid, broadcast)
        query = valid_query(DespiteSerializer, request)
        services.delete_broadcast(broadcast=row, user=self.person, despite=query["despite"])
        return Response(status=204)


class StationsView(ProgramView):
    """All stations."""

    @extend_schema(responses=StationNameSerializer(many=True))
    def get(self, request: Request) -> Response:
        """Return the stations in order of their names."""
        return Response(StationNameSerializer(Station.objects.all(), many=True).data)


class StationAudiencesView(ProgramView):
    """How many people heard a station, by month."""

    changes = Action.REPORT

    @extend_schema(responses=StationAudienceSerializer(many=True))
    def get(self, request: Request, uid: str) -> Response:
        """Return the audiences of months, the newest first."""
        rows = selectors.audiences_of(_station(uid))
        return Response(StationAudienceSerializer(rows, many=True).data)

    @extend_schema(request=StationAudienceSerializer, responses=StationAudienceSerializer)
    def put(self, request: Request, uid: str) -> Response:
        """Set all figures of one month."""
        station = _station(uid)
        body = valid_data(StationAudienceSerializer(data=request.data))
        seen, month = body.pop("version", None), body.pop("month")
        services.set_audience(
            station=station, month=month, values=body, user=self.person, seen=seen
        )
        row = selectors.audiences_of(station).filter(month=month).first()
        return Response(StationAudienceSerializer(row or Audience(month=month)).data)


class StationRevenuesView(ProgramView):
    """What a station earned, by month; for managers."""

    reads = Action.EDIT_CATALOGUE
    changes = Action.EDIT_CATALOGUE
    token_action = Action.DECIDE

    @extend_schema(responses=StationRevenueSerializer(many=True))
    def get(self, request: Request, uid: str) -> Response:
        """Return the revenue of months, the newest first."""
        rows = selectors.revenues_of(_station(uid))
        return Response(StationRevenueSerializer(rows, many=True).data)

    @extend_schema(request=StationRevenueSerializer, responses=StationRevenueSerializer)
    def put(self, request: Request, uid: str) -> Response:
        """Set the revenue of one month for one kind of rights."""
        station = _station(uid)
        body = valid_data(StationRevenueSerializer(data=request.data))
        named: Any = {  # Any: options of two types
            "month": body["month"],
            "rights_type": RightsType(body["rights_type"]),
        }
        services.set_revenue(
            station=station,
            values={name: body[name] for name in Revenue.VALUES},
            user=self.person,
            seen=body.get("version"),
            **named,
        )
        row = selectors.revenues_of(station).filter(**named).first()
        return Response(StationRevenueSerializer(row or Revenue(**named)).data)


# --- Details --------------------------------------------------------------------------


def _broadcast(uid: uuid.UUID, broadcast: str) -> Broadcast:
    rows = selectors.list_broadcasts().filter(scanned_file__uid=uid)
    return get_object_or_404(rows, uid=broadcast)


def _station(uid: str) -> Station:
    return get_object_or_404(Station, uid=uid)


def _values(body: Json) -> Values:
    starts_at = start_at(body["starts_at"], body["station"].time_zone)
    return {name: body[name] for name in Broadcast.VALUES} | {"starts_at": starts_at}


def _broadcast_json(row: Broadcast) -> Json:
    return {
        "uid": row.uid,
        "station": row.station.uid,
        "station_name": row.station.name,
        "starts_at": local_text(row.starts_at, row.time_zone).replace(" ", "T"),
        "time_zone": row.time_zone,
        "length_ms": row.length_ms,
        "showing": row.showing,
        "version": services.broadcast_state(row),
    }
