"""API views that check periods, declare, follow declarations, and send their files."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django.http import HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from base.accounts.roles import Action
from base.common.api_requests import ChoiceField, valid_data
from plugins.monitoring.declarations import checking, selectors, services
from plugins.monitoring.declarations.formats.base import BadOptions
from plugins.monitoring.declarations.formats.registry import UnknownFormat
from plugins.monitoring.declarations.manifest import declaration_manifest
from plugins.monitoring.declarations.models import Declaration, DeclarationProfile
from plugins.monitoring.declarations.services import DeclarationRefused
from reports.choices import RunState
from reports.files import as_json
from web.portal.api.base import ProgramView
from web.portal.api.changes import AskedChangesSerializer, ChangesView, Query
from web.portal.shared.downloads import attachment


class NewDeclarationSerializer(serializers.Serializer[None]):
    """The declaration to make: profile, first and last day, and the corrected one."""

    profile = serializers.SlugRelatedField(
        slug_field="uid", queryset=DeclarationProfile.objects.all()
    )
    begins = serializers.DateField()
    ends = serializers.DateField()
    replaces = serializers.CharField(required=False, default="")
    name = serializers.CharField(required=False, default="", max_length=200)


class DeclarationSerializer(serializers.ModelSerializer[Declaration]):
    """A declaration: its progress and, once it is written, facts about its file."""

    class Meta:
        model = Declaration
        fields = (
            *("uid", "name", "state", "progress", "message", "format"),
            *("format_version", "begins", "ends", "message_id", "gap_count"),
            *("play_count", "played_ms", "recording_count", "undeclared_count"),
            *("counts", "changed", "as_of_event", "file_name", "sha256"),
            *("size_bytes", "run_by_name", "created_at", "updated_at", "finished_at"),
            *("handed_over_at", "differs_since"),
        )
        read_only_fields = fields

    progress = serializers.IntegerField(read_only=True)
    handed_over_at = serializers.DateTimeField(read_only=True, allow_null=True)
    differs_since = serializers.DateTimeField(read_only=True, allow_null=True)


class FoundGapSerializer(serializers.Serializer[checking.FoundGap]):
    """A mandatory value that is missing, and the record in which it is entered."""

    subject = serializers.CharField()
    uid = serializers.CharField()
    name = serializers.CharField()
    cell = serializers.CharField()
    why = serializers.CharField()
    plays = serializers.IntegerField()


class CheckedSerializer(serializers.Serializer[None]):
    """The result of a check."""

    plays = serializers.IntegerField()
    played_ms = serializers.IntegerField()
    gap_count = serializers.IntegerField()
    gaps = FoundGapSerializer(many=True)
    warnings = serializers.ListField(child=serializers.CharField())
    not_declared = serializers.DictField(child=serializers.IntegerField())


class DeclarationView(ProgramView):
    """Base of the views of declarations."""

    reads = Action.REPORT
    changes = Action.APPROVE
    token_action = Action.REPORT

    def find(self, uid: str, *, written: bool = False) -> Declaration:
        """Return a declaration that the user may see, or raise a 404."""
        rows = selectors.declarations()
        if written:
            rows = rows.filter(state=RunState.READY)
        return get_object_or_404(rows, uid=uid)

    def draft(self, request: Request) -> Declaration:
        """Return the declaration that a request describes, not saved."""
        body = valid_data(NewDeclarationSerializer(data=request.data))
        replaces = self.find(body["replaces"]) if body["replaces"] else None
        try:
            return services.draft(
                profile=body["profile"],
                begins=body["begins"],
                ends=body["ends"],
                user=self.person,
                name=body["name"],
                replaces=replaces,
            )
        except DeclarationRefused as refused:
            raise _invalid(refused) from refused


def _invalid(refused: Exception) -> serializers.ValidationError:
    return serializers.ValidationError({"detail": [str(refused)]})


class AskedDeclarationsSerializer(AskedChangesSerializer):
    """Which declarations to return."""

    state = ChoiceField(choices=RunState.choices, required=False, default="")


class DeclarationsView(DeclarationView, ChangesView[Declaration], name="declarations"):
    """Lists declarations."""

    http_method_names = ["get", "head", "post", "options"]
    row = DeclarationSerializer
    filters = AskedDeclarationsSerializer

    def rows(self, query: Query) -> QuerySet[Declaration]:
        """Return the declarations, of every state."""
        rows = selectors.declarations()
        return rows.filter(state=query["state"]) if query["state"] else rows

    @extend_schema(request=NewDeclarationSerializer, responses={202: DeclarationSerializer})
    def post(self, request: Request) -> Response:
        """Queue a declaration for the worker, which checks it first."""
        try:
            declaration = services.request_declaration(self.draft(request))
        except DeclarationRefused as refused:
            raise _invalid(refused) from refused
        return Response(DeclarationSerializer(declaration).data, status=202)


class DeclarationCheckView(DeclarationView):
    """Checks a declaration's content and its missing values."""

    http_method_names = ["post", "options"]
    changes = Action.REPORT

    @extend_schema(request=NewDeclarationSerializer, responses=CheckedSerializer)
    def post(self, request: Request) -> Response:
        """Return the gaps and the totals; nothing is written."""
        draft = self.draft(request)
        if checking.is_too_large(draft):
            raise serializers.ValidationError(
                {"detail": ["Too many matches to check at once. Declare instead."]}
            )
        try:
            checked = checking.check(draft)
        except (BadOptions, UnknownFormat) as error:
            raise _invalid(error) from error
        counts = checked.left_out.counts
        result: Any = {  # Any: read by name
            "plays": len(checked.gathered.facts.plays),
            "played_ms": checked.played_ms,
            "gap_count": len(checked.gaps),
            "gaps": checked.gaps[: checking.SHOWN_GAPS],
            "warnings": [*checked.warnings, *(doubt.text for doubt in checked.gathered.doubts)],
            "not_declared": {why.value: counts[why] for why in sorted(counts)},
        }
        return Response(CheckedSerializer(result).data)


class OneDeclarationView(DeclarationView):
    """Reads one declaration."""

    @extend_schema(responses=DeclarationSerializer)
    def get(self, request: Request, uid: str) -> Response:
        """Return the declaration with its progress."""
        return Response(DeclarationSerializer(self.find(uid)).data)


class DeclarationFileView(DeclarationView):
    """Sends the file of a declaration, to programs too: fetching it approves nothing."""

    http_method_names = ["get", "options"]
    reads = Action.EDIT_CATALOGUE

    @extend_schema(responses={(200, "application/octet-stream"): OpenApiTypes.BINARY})
    def get(self, request: Request, uid: str) -> HttpResponseBase:
        """Send the file as it was written."""
        declaration = self.find(uid, written=True)
        return StreamingHttpResponse(
            services.download(declaration=declaration, user=self.person),
            content_type="application/octet-stream",
            headers={
                **attachment(declaration.file_name),
                "Content-Length": str(declaration.size_bytes),
            },
        )


class DeclarationManifestView(DeclarationView):
    """Sends the manifest of a declaration."""

    @extend_schema(responses={200: OpenApiTypes.OBJECT})
    def get(self, request: Request, uid: str) -> HttpResponse:
        """Return the description of the file, with its hash."""
        content = as_json(declaration_manifest(self.find(uid, written=True)))
        return HttpResponse(content, content_type="application/json")


class DeclarationCancelView(DeclarationView):
    """Cancels a declaration."""

    @extend_schema(request=None, responses={202: DeclarationSerializer})
    def post(self, request: Request, uid: str) -> Response:
        """Cancel a declaration; a written one stays as it is."""
        declaration = self.find(uid)
        services.cancel_declaration(declaration=declaration, user=self.person)
        declaration.refresh_from_db()
        return Response(DeclarationSerializer(declaration).data, status=202)
