"""Lists that programs follow: each row once per change, in the order of the changes.

A list comes in parts. The ``next`` of a part is its last place, after which the following
part begins, now or in a year. It never passes a change that is still being written.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from inspect import getdoc
from typing import Any, ClassVar, Final, Generic, TypeVar

from django.conf import settings
from django.db import connection
from django.db.models import Model, Q, QuerySet
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from base.common.api_requests import valid_query
from web.portal.api.base import ProgramView
from web.portal.api.parts import AT_ONCE

Row = TypeVar("Row", bound=Model)
Query = Mapping[str, Any]  # Any: what calls may say

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_OLDEST_WRITER: Final = """
    SELECT min(xact_start) FROM pg_stat_activity
    WHERE backend_xid IS NOT NULL AND datname = current_database() AND pid <> pg_backend_pid()
"""


@dataclass(frozen=True, slots=True)
class Place:
    """A place in a list: a time of change, and the key of a row that changed then."""

    at: datetime = _EPOCH
    key: int = 0

    def __str__(self) -> str:
        return f"{(self.at - _EPOCH) // timedelta(microseconds=1)}-{self.key}"

    @classmethod
    def read(cls, text: str) -> Place:
        """Return the place that a text names, as ``str`` wrote it."""
        at, key = map(int, text.split("-"))
        return cls(_EPOCH + timedelta(microseconds=at), key)


class PlaceField(serializers.RegexField):
    """A place in a list."""

    def __init__(self, **options: Any) -> None:  # Any: the options of any field
        super().__init__(r"^[0-9]{1,17}-[0-9]{1,18}$", **options)


class AskedChangesSerializer(serializers.Serializer[None]):
    """Which part of a list to return."""

    after = PlaceField(
        required=False, default="", help_text="``next`` of the part before, whenever that was."
    )
    changed_since = serializers.DateTimeField(
        required=False, default=None, help_text="Where to begin without ``after``."
    )
    limit = serializers.IntegerField(
        required=False, default=AT_ONCE, min_value=1, max_value=AT_ONCE
    )


class ChangesView(ProgramView, Generic[Row]):
    """A list that programs follow; a subclass says what it has.

    ``row`` writes a row, ``filters`` reads a call, and ``changed`` is the column with
    the time of a row's last change, of which there is an index.
    """

    http_method_names = ["get", "head", "options"]
    row: ClassVar[type[serializers.BaseSerializer[Any]]]  # Any: of each list
    filters: ClassVar[type[AskedChangesSerializer]] = AskedChangesSerializer
    changed: ClassVar[str] = "updated_at"

    def __init_subclass__(cls, *, name: str) -> None:
        """Describe the list, whose ``name`` names its call."""
        super().__init_subclass__()
        part = type(
            f"{name.title().replace('_', '')}PartSerializer",
            (serializers.Serializer,),
            {
                "__doc__": "A part of a list. After ``next`` the following part begins, and what "
                "changes later; ``more`` of it are there already.",
                "__module__": cls.__module__,
                "items": cls.row(many=True),
                "next": serializers.CharField(),
                "more": serializers.BooleanField(),
            },
        )
        described = extend_schema(
            operation_id=f"{name}_list",
            description=f"{getdoc(cls)} The earliest change comes first.",
            parameters=[cls.filters],
            responses=part,
        )
        extend_schema_view(get=described)(cls)

    def rows(self, query: Query) -> QuerySet[Row]:
        """Return the rows that pages show the caller, and that fit the filters."""
        raise NotImplementedError

    def context(self, rows: Sequence[Row]) -> Mapping[str, Any]:  # Any: what ``row`` reads
        """Return what the serializer reads of all rows of a part together."""
        return {}

    def get(self, request: Request) -> Response:
        """Return a part of the list, the earliest change first."""
        query = valid_query(self.filters, request)
        since = query["changed_since"] or _EPOCH
        place = Place.read(query["after"]) if query["after"] else Place(max(since, _EPOCH))
        rows = list(self._following(self.rows(query), place)[: query["limit"] + 1])
        part, more = rows[: query["limit"]], len(rows) > query["limit"]
        if part:
            place = Place(getattr(part[-1], self.changed), part[-1].pk)
        items = self.row(part, many=True, context=self.context(part)).data
        return Response({"items": items, "next": str(place), "more": more})

    def _following(self, rows: QuerySet[Row], place: Place) -> QuerySet[Row]:
        """Return the settled rows after a place, in their order."""
        passed = Q((self.changed, place.at), ("pk__lte", place.key))
        within = Q((f"{self.changed}__gte", place.at), (f"{self.changed}__lt", _settled()))
        return rows.filter(within).exclude(passed).order_by(self.changed, "pk")


def _settled() -> datetime:
    """Return the time before which every change is visible.

    SQLite has one writer, which reads the clock after it has the lock. On PostgreSQL, a
    long transaction writes rows with the time at which it set them.
    """
    now = datetime.now(tz=UTC)
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute(_OLDEST_WRITER)
            (oldest,) = cursor.fetchone()
        now = min(now, oldest or now)
    return now - timedelta(seconds=settings.ACRPORTAL_SETTLING_SECONDS)
