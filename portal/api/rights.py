"""API views of the rights of recordings."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import TypedDict

from django.http import StreamingHttpResponse
from django.shortcuts import get_object_or_404
from django.utils.translation import gettext as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.roles import Action
from catalogue.models import ArtistIdKind, Recording
from common.zones import office_day
from portal.api.base import ProgramView
from reports import rights_table
from reports.choices import Format
from reports.files import CONTENT_TYPES
from rights import tis
from rights.choices import ConflictKind, Right, ShareKind
from rights.models import Work
from rights.selectors import OwnedShare, Rights, rights_of


class AskedRightsData(TypedDict):
    """The day and the territories of a use."""

    on: date | None
    territory: list[str]


class AskedRightsSerializer(serializers.Serializer[AskedRightsData]):
    """The day and the territories of a use."""

    on = serializers.DateField(
        required=False, help_text="The day of the use; today if it is left out."
    )
    territory = serializers.CharField(
        required=False,
        help_text="ISO codes or TIS numbers, separated by commas; all if left out.",
    )

    def validate_territory(self, given: str) -> list[str]:
        """Return the codes as they are stored; reject those that name no territory."""
        try:
            return [tis.normalised(code) for code in given.split(",") if code.strip()]
        except tis.UnknownTerritory as error:
            raise serializers.ValidationError(str(error)) from error


class OwnerData(TypedDict):
    """Who has which share of what, and where."""

    work: str
    right: str
    kind: str
    party: str
    party_name: str
    ipi_name: str
    is_ours: bool
    role: str
    percent: Decimal | None
    territories: list[str]
    sources: list[str]
    is_disputed: bool


class OwnerSerializer(serializers.Serializer[OwnerData]):
    """Who has which share of what, and where."""

    work = serializers.CharField(
        allow_blank=True, help_text="The work's id; empty for a share of the recording."
    )
    right = serializers.ChoiceField(choices=Right.choices)
    kind = serializers.ChoiceField(choices=ShareKind.choices)
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


class ArtistIdData(TypedDict):
    """An id of an artist of the recording."""

    position: int
    artist: str
    kind: str
    value: str


class ArtistIdSerializer(serializers.Serializer[ArtistIdData]):
    """An id of an artist of the recording."""

    position = serializers.IntegerField()
    artist = serializers.CharField(allow_blank=True)
    kind = serializers.ChoiceField(choices=ArtistIdKind.choices)
    value = serializers.CharField()


class RightsWorkData(TypedDict):
    """A work that the recording embodies."""

    uid: str
    title: str
    iswc: str


class RightsWorkSerializer(serializers.Serializer[RightsWorkData]):
    """A work that the recording embodies."""

    uid = serializers.CharField()
    title = serializers.CharField()
    iswc = serializers.CharField(allow_blank=True)


class RightsReleaseData(TypedDict):
    """A release with the recording."""

    uid: str
    title: str
    upc: str


class RightsReleaseSerializer(serializers.Serializer[RightsReleaseData]):
    """A release with the recording."""

    uid = serializers.CharField()
    title = serializers.CharField()
    upc = serializers.CharField(allow_blank=True)


class RightsConflictData(TypedDict):
    """An open conflict."""

    uid: str
    kind: str


class RightsConflictSerializer(serializers.Serializer[RightsConflictData]):
    """An open conflict."""

    uid = serializers.CharField()
    kind = serializers.ChoiceField(choices=ConflictKind.choices)


class RightsData(TypedDict):
    """What is known of the rights of a recording on a day."""

    on: date
    artist_ids: list[ArtistIdData]
    owners: list[OwnerData]
    works: list[RightsWorkData]
    releases: list[RightsReleaseData]
    conflicts: list[RightsConflictData]


class RightsSerializer(serializers.Serializer[RightsData]):
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
        asked = AskedRightsSerializer(data=request.query_params)
        asked.is_valid(raise_exception=True)
        rights = rights_of(
            recording,
            day=asked.validated_data.get("on") or office_day(),
            territories=asked.validated_data.get("territory", []),
        )
        return Response(RightsSerializer(_data(recording, rights)).data)


class AskedTableData(TypedDict):
    """Whose claims to export."""

    sender: str


class AskedTableSerializer(serializers.Serializer[AskedTableData]):
    """Whose claims to export."""

    sender = serializers.CharField(
        allow_blank=True,
        help_text="Who claims it, as imports name the sender; empty for shares entered "
        "by hand.",
    )

    def validate_sender(self, given: str) -> str:
        """Return a known source; name those that there are for another."""
        known = rights_table.sources()
        if given not in known:
            raise serializers.ValidationError(
                _("No source has this name. Sources: %(names)s.")
                % {"names": ", ".join(known)}
            )
        return given


class RightsTableView(ProgramView):
    """Sends a source's claims as a table."""

    reads = Action.REPORT
    changes = Action.REPORT

    @extend_schema(
        parameters=[AskedTableSerializer],
        responses={(200, "text/csv"): OpenApiTypes.BINARY},
    )
    def get(self, request: Request) -> StreamingHttpResponse:
        """Send one share per line, as the import of rights reads them."""
        asked = AskedTableSerializer(data=request.query_params)
        asked.is_valid(raise_exception=True)
        pieces = rights_table.as_csv(
            source=asked.validated_data["sender"], user=self.person
        )
        return StreamingHttpResponse(pieces, content_type=CONTENT_TYPES[Format.CSV])


def _data(recording: Recording, rights: Rights) -> RightsData:
    return {
        "on": rights.day,
        "artist_ids": [
            {
                "position": each.position,
                "artist": each.artist,
                "kind": each.kind,
                "value": each.value,
            }
            for each in recording.artist_identities.all()
        ],
        "owners": [_owner(row) for row in rights.owners],
        "works": [
            {"uid": work.uid, "title": work.title, "iswc": work.iswc}
            for work in rights.works
        ],
        "releases": [
            {"uid": release.uid, "title": release.title, "upc": release.upc}
            for release in rights.releases
        ],
        "conflicts": [{"uid": row.uid, "kind": row.kind} for row in rights.conflicts],
    }


def _owner(row: OwnedShare) -> OwnerData:
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
