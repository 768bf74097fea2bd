"""API views of the rights of recordings."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django.http import StreamingHttpResponse
from django.shortcuts import get_object_or_404
from django.urls import path
from django.utils.translation import gettext as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from base.accounts.roles import Action
from base.common.api_requests import ChoiceField, valid_query
from base.common.zones import office_day
from catalogue.models import ArtistIdentity, ArtistIdKind, Recording
from catalogue.owners import tis
from catalogue.owners.choices import ConflictKind, Right, ShareKind
from catalogue.owners.models import Conflict, Release, Share, Work
from catalogue.owners.selectors import OwnedShare, rights_of, shares_in_reach
from plugins.rights import exporting
from reports.choices import Format
from reports.files import CONTENT_TYPES
from web.portal.api.base import ProgramView
from web.portal.api.changes import AskedChangesSerializer, ChangesView, Query

Json = dict[str, Any]  # Any: JSON


class AskedRightsSerializer(serializers.Serializer[None]):
    """The day and the territories of a use."""

    on = serializers.DateField(
        required=False, help_text="The day of the use; today if it is left out."
    )
    territory = serializers.CharField(
        required=False, help_text="ISO codes or TIS numbers, separated by commas; all if left out."
    )

    def validate_territory(self, text: str) -> list[str]:
        """Return the codes as they are stored; reject those that name no territory."""
        try:
            return [tis.normalised(code) for code in text.split(",") if code.strip()]
        except tis.UnknownTerritory as error:
            raise serializers.ValidationError(str(error)) from error


class OwnerSerializer(serializers.Serializer[Json]):
    """Who has which share of what, and where."""

    work = serializers.CharField(
        allow_blank=True, help_text="The work's id; empty for a share of the recording."
    )
    right = ChoiceField(choices=Right.choices)
    kind = ChoiceField(choices=ShareKind.choices)
    party = serializers.CharField()
    party_name = serializers.CharField()
    ipi_name = serializers.CharField(allow_blank=True)
    is_ours = serializers.BooleanField()
    role = serializers.CharField(allow_blank=True)
    percent = serializers.DecimalField(max_digits=7, decimal_places=4, allow_null=True)
    territories = serializers.ListField(child=serializers.CharField())
    sources = serializers.ListField(
        child=serializers.CharField(allow_blank=True),
        help_text="Who claims it; an empty name is a person of this portal.",
    )
    is_disputed = serializers.BooleanField()


class ArtistIdSerializer(serializers.Serializer[ArtistIdentity]):
    """An id of an artist of the recording."""

    position = serializers.IntegerField()
    artist = serializers.CharField(allow_blank=True)
    kind = ChoiceField(choices=ArtistIdKind.choices)
    value = serializers.CharField()


class RightsWorkSerializer(serializers.Serializer[Work]):
    """A work that the recording embodies."""

    uid = serializers.CharField()
    title = serializers.CharField()
    iswc = serializers.CharField(allow_blank=True)


class RightsReleaseSerializer(serializers.Serializer[Release]):
    """A release with the recording."""

    uid = serializers.CharField()
    title = serializers.CharField()
    upc = serializers.CharField(allow_blank=True)


class RightsConflictSerializer(serializers.Serializer[Conflict]):
    """An open conflict."""

    uid = serializers.CharField()
    kind = ChoiceField(choices=ConflictKind.choices)


class RightsSerializer(serializers.Serializer[Json]):
    """What is known of the rights of a recording on a day."""

    on = serializers.DateField()
    artist_ids = ArtistIdSerializer(many=True)
    owners = OwnerSerializer(many=True)
    works = RightsWorkSerializer(many=True)
    releases = RightsReleaseSerializer(many=True)
    conflicts = RightsConflictSerializer(many=True)


class RecordingRightsView(ProgramView):
    """Reads the rights of one recording."""

    @extend_schema(parameters=[AskedRightsSerializer], responses=RightsSerializer)
    def get(self, request: Request, uid: str) -> Response:
        """Return who owns and collects what on a day, in all or some territories."""
        recording = get_object_or_404(Recording, uid=uid)
        query = valid_query(AskedRightsSerializer, request)
        rights = rights_of(
            recording, day=query.get("on") or office_day(), territories=query.get("territory", [])
        )
        answer = {
            "on": rights.day,
            "artist_ids": recording.artist_identities.all(),
            "owners": [_owner(row) for row in rights.owners],
            "works": rights.works,
            "releases": rights.releases,
            "conflicts": rights.conflicts,
        }
        return Response(RightsSerializer(answer).data)


class AskedTableSerializer(serializers.Serializer[None]):
    """Whose claims to export."""

    sender = serializers.CharField(
        allow_blank=True,
        help_text="Who claims it, as imports name the sender; empty for shares entered by hand.",
    )

    def validate_sender(self, source: str) -> str:
        """Return a known source; name those that there are for another."""
        sources = exporting.sources()
        if source not in sources:
            raise serializers.ValidationError(
                _("No source has this name. Sources: %(names)s.") % {"names": ", ".join(sources)}
            )
        return source


class RightsTableView(ProgramView):
    """Sends a source's claims as a table."""

    reads = Action.REPORT
    changes = Action.REPORT

    @extend_schema(
        parameters=[AskedTableSerializer], responses={(200, "text/csv"): OpenApiTypes.BINARY}
    )
    def get(self, request: Request) -> StreamingHttpResponse:
        """Send one share per line, as the import of rights reads them."""
        query = valid_query(AskedTableSerializer, request)
        pieces = exporting.as_csv(source=query["sender"], user=self.person)
        return StreamingHttpResponse(pieces, content_type=CONTENT_TYPES[Format.CSV])


class ShareSerializer(serializers.ModelSerializer[Share]):
    """A share as a source claims it, also one that ended: then ``withdrawn_at`` says when.

    It is of a ``work``, or of the recording that ``isrc`` names. ``claimant`` is empty for
    a person of this portal; ``percent`` is null for a share of unknown size. Without
    ``included`` it holds in the world.
    """

    work = serializers.CharField(source="work.uid", default="", read_only=True)
    isrc = serializers.CharField(source="recording.isrc", default="", read_only=True)
    party = serializers.CharField(source="party.uid", read_only=True)
    controlled_by = serializers.CharField(source="controlled_by.uid", default="", read_only=True)
    included = serializers.ListField(child=serializers.CharField(), read_only=True)
    excluded = serializers.ListField(child=serializers.CharField(), read_only=True)

    class Meta:
        model = Share
        fields = (
            *("uid", "work", "isrc", "party", "role", "right", "kind", "percent"),
            *("included", "excluded", "valid_from", "valid_until", "controlled_by"),
            *("agreement", "claimant", "created_at", "withdrawn_at", "updated_at"),
        )
        read_only_fields = fields


class AskedSharesSerializer(AskedChangesSerializer):
    """Which shares to return."""

    work = serializers.CharField(required=False, default="", max_length=64)
    party = serializers.CharField(required=False, default="", max_length=64)


class SharesView(ChangesView[Share], name="shares"):
    """Lists shares in works and recordings."""

    row = ShareSerializer
    filters = AskedSharesSerializer

    def rows(self, query: Query) -> QuerySet[Share]:
        """Return the shares, also those that were replaced or withdrawn."""
        columns = {"work": "work__uid", "party": "party__uid"}
        values = {column: query[name] for name, column in columns.items() if query[name]}
        rows = shares_in_reach().filter(**values)
        return rows.select_related("work", "recording", "party", "controlled_by")


def _owner(row: OwnedShare) -> Json:
    return {
        "work": row.record.uid if isinstance(row.record, Work) else "",
        "right": row.right,
        "kind": row.kind,
        "party": row.party.uid,
        "party_name": str(row.party),
        "ipi_name": row.party.ipi_name,
        "is_ours": row.party.is_ours,
        "role": row.role,
        "percent": row.percent,
        "territories": sorted(row.countries),
        "sources": list(row.claimants),
        "is_disputed": row.is_disputed,
    }


urlpatterns = [
    path("recordings/<str:uid>/rights/", RecordingRightsView.as_view(), name="recording_rights"),
    path("shares/", SharesView.as_view(), name="shares"),
    path("rights/", RightsTableView.as_view(), name="rights_table"),
]
