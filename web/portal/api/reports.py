"""API views that run reports, follow them, and send their files and manifests."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.http import HttpResponse, QueryDict, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404
from django.utils.translation import gettext as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from base.accounts.roles import Action
from base.common.api_requests import ChoiceField, valid_data
from base.common.filters import FilterRefused
from base.common.stored import read_stored
from reports import selectors, services
from reports.choices import STREAMED, Format, RunState
from reports.files import CONTENT_TYPES, as_json
from reports.layouts import Layout, UnknownColumn
from reports.manifest import manifest
from reports.models import ReportRun
from reports.options import OPTIONS
from review.filters import MatchFilter
from web.portal.api.base import ProgramView
from web.portal.shared.downloads import attachment

_LISTED = 50


def _option_field(name: str) -> ChoiceField:
    option = OPTIONS[name]
    choices = option.choices.choices if option.choices else ()
    return ChoiceField(choices=choices, default=option.default)


class LayoutSerializer(serializers.Serializer[None]):
    """The contents and the format of a report."""

    name = serializers.CharField(required=False, default="", max_length=200)
    mode = _option_field("mode")
    format = _option_field("format")
    separator = _option_field("separator")
    byte_order_mark = serializers.BooleanField(default=bool(OPTIONS["byte_order_mark"].default))
    files_without = _option_field("files_without")
    columns = serializers.ListField(child=serializers.CharField(), default=list)
    filters = serializers.DictField(
        default=dict, help_text="Names and values as in the address of the list of matches."
    )

    def validate_filters(self, filters: dict[str, Any]) -> dict[str, Any]:  # Any: JSON
        """Reject unknown or unreadable filters instead of ignoring them."""
        query = QueryDict(mutable=True)
        for name, value in filters.items():
            values = value if isinstance(value, list) else [value]
            query.setlist(name, [str(entry) for entry in values])
        try:
            return MatchFilter.from_program(query).to_query()
        except FilterRefused as refused:
            raise serializers.ValidationError(str(refused)) from refused

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:  # Any: as above
        """Reject columns that the mode does not have."""
        try:
            _layout(attrs)
        except UnknownColumn as error:
            raise serializers.ValidationError({"columns": [str(error)]}) from error
        return attrs


def _layout(options: Mapping[str, Any]) -> Layout:  # Any: DRF's own type
    return Layout.given(options, filters=options["filters"], columns=options["columns"])


class RunSerializer(serializers.ModelSerializer[ReportRun]):
    """A report run: its progress and, once it is ready, facts about its file."""

    class Meta:
        model = ReportRun
        fields = (
            *("uid", "name", "state", "progress", "message", "mode", "format"),
            *("filters", "files_without", "columns", "as_of_event", "row_count"),
            *("counts", "file_name", "sha256", "size_bytes", "run_by_name"),
            *("created_at", "finished_at"),
        )
        read_only_fields = fields

    name = serializers.CharField(source="title", read_only=True)
    file_name = serializers.CharField(read_only=True)
    message = serializers.SerializerMethodField()

    def get_message(self, run: ReportRun) -> str:
        """Return why there is no file, in the language of the request."""
        return read_stored(run.message)


class ReportView(ProgramView):
    """Base of the report views."""

    changes = Action.REPORT

    def find(self, uid: str) -> ReportRun:
        """Return a run that the user may see, or raise a 404."""
        return get_object_or_404(selectors.runs_for(user=self.person), uid=uid)

    def find_ready(self, uid: str) -> ReportRun:
        """Return a run that has its file, or raise a 404."""
        ready = selectors.runs_for(user=self.person).filter(state=RunState.READY)
        return get_object_or_404(ready, uid=uid)


class ReportsView(ReportView):
    """Lists the latest report runs and starts new ones."""

    @extend_schema(responses=RunSerializer(many=True))
    def get(self, request: Request) -> Response:
        """Return the latest runs, at most 50."""
        runs = selectors.runs_for(user=self.person)[:_LISTED]
        return Response(RunSerializer(runs, many=True).data)

    @extend_schema(request=LayoutSerializer, responses={202: RunSerializer})
    def post(self, request: Request) -> Response:
        """Queue a report for the worker."""
        options = valid_data(LayoutSerializer(data=request.data))
        run = services.request_report(
            layout=_layout(options), user=self.person, name=options["name"]
        )
        return Response(RunSerializer(run).data, status=202)


class StreamView(ReportView):
    """Streams a report without storing it."""

    http_method_names = ["post", "options"]

    @extend_schema(request=LayoutSerializer, responses={(200, "text/csv"): OpenApiTypes.BINARY})
    def post(self, request: Request) -> HttpResponseBase:
        """Stream CSV or JSON Lines."""
        layout = _layout(valid_data(LayoutSerializer(data=request.data)))
        if layout.format not in STREAMED:
            raise serializers.ValidationError(
                {"format": [_("Only CSV and JSON Lines can be streamed.")]}
            )
        return StreamingHttpResponse(
            services.stream_report(layout=layout, user=self.person),
            content_type=CONTENT_TYPES[layout.format],
            headers=attachment(layout.file_name),
        )


class RunView(ReportView):
    """Reads one report run."""

    @extend_schema(responses=RunSerializer)
    def get(self, request: Request, uid: str) -> Response:
        """Return the run with its progress."""
        return Response(RunSerializer(self.find(uid)).data)


class RunFileView(ReportView):
    """Sends the file of a report run."""

    http_method_names = ["get", "options"]

    @extend_schema(responses={(200, "application/octet-stream"): OpenApiTypes.BINARY})
    def get(self, request: Request, uid: str) -> HttpResponseBase:
        """Send the file as it was written."""
        run = self.find_ready(uid)
        return StreamingHttpResponse(
            services.download(run=run, user=self.person),
            content_type=CONTENT_TYPES[Format(run.format)],
            headers={**attachment(run.file_name), "Content-Length": str(run.size_bytes)},
        )


class RunManifestView(ReportView):
    """Sends the manifest of a report run."""

    @extend_schema(responses={200: OpenApiTypes.OBJECT})
    def get(self, request: Request, uid: str) -> HttpResponse:
        """Return the description of the file, with its hash."""
        content = as_json(manifest(self.find_ready(uid)))
        return HttpResponse(content, content_type="application/json")


class RunCancelView(ReportView):
    """Cancels a report run."""

    @extend_schema(request=None, responses={202: RunSerializer})
    def post(self, request: Request, uid: str) -> Response:
        """Cancel a run; a finished run stays as it is."""
        run = self.find(uid)
        services.cancel_run(run=run, user=self.person)
        run.refresh_from_db()
        return Response(RunSerializer(run).data, status=202)
