"""Presigned uploads: request a URL, then send the file there."""

from __future__ import annotations

from typing import Any, BinaryIO

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils.decorators import method_decorator
from django.views import View
from django.views.decorators.csrf import csrf_exempt
from drf_spectacular.utils import OpenApiParameter, extend_schema_serializer
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from base.accounts.roles import Action
from base.common.api_errors import error_body
from base.common.bodies import accept_body, checks_sender
from scanning.errors import IntakeRefused
from web.acrapi.auth import user_of
from web.acrapi.errors import WireError
from web.acrapi.lookup import container_of
from web.acrapi.schema import UNKNOWN, described
from web.acrapi.serializers.envelopes import enveloped
from web.acrapi.uploads import open_upload, presigned_url, receive, stage
from web.acrapi.views.base import WireView, accept_file
from web.acrapi.views.containers import query_text

_CONTENT_TYPE = "audio/mpeg"


@extend_schema_serializer(component_name="PresignedUpload")
class PresignedUploadSerializer(serializers.Serializer[None]):
    """The URL to send the file to, and the key to submit afterwards."""

    presigned_url = serializers.CharField()
    method = serializers.CharField()
    key = serializers.CharField()
    headers = serializers.DictField(child=serializers.CharField())


class PresignedUploadView(WireView):
    """A URL for one upload."""

    actions = {"GET": Action.UPLOAD}
    # Not HEAD: each URL that is asked for is kept.
    http_method_names = ["get", "options"]

    @described(
        "files",
        "Request a URL to upload to",
        {200: enveloped(PresignedUploadSerializer)} | UNKNOWN,
        parameters=[OpenApiParameter("filename", str), OpenApiParameter("content_type", str)],
        name="presign_upload",
    )
    def get(self, request: Request, container_id: str) -> Response:
        """Return a URL that accepts one file within 15 minutes, without a token."""
        staged = stage(
            container=container_of(container_id),
            owner=user_of(request),
            file_name=query_text(request, "filename"),
        )
        content_type = request.query_params.get("content_type", "")
        usable = content_type.isascii() and content_type.isprintable() and len(content_type) <= 100
        return Response(
            {
                "data": {
                    "presigned_url": presigned_url(staged, request),
                    "method": "PUT",
                    "key": staged.key,
                    "headers": {
                        "Content-Type": content_type if content_type and usable else _CONTENT_TYPE
                    },
                }
            }
        )


@checks_sender
@method_decorator([csrf_exempt, login_not_required], name="dispatch")
class UploadView(View):
    """The upload URL itself: accepts a file from anybody with its signature."""

    http_method_names = ["put"]

    def put(self, request: HttpRequest, uid: str) -> HttpResponse:
        """Store the file until its key is submitted."""
        length = request.META.get("CONTENT_LENGTH", "")
        try:
            staged = open_upload(
                uid=uid,
                expires=request.GET.get("expires", ""),
                signature=request.GET.get("signature", ""),
            )
            announced = int(length) if str(length).isdigit() else None

            def body(most_bytes: int) -> BinaryIO:
                if announced is None:
                    accept_body(request, most_bytes)
                else:
                    accept_file(request)
                return request  # type: ignore[return-value]  # reads like a file

            receive(staged, announced, body)
        except (WireError, IntakeRefused) as error:
            return JsonResponse(error_body(error.code, str(error)), status=error.status)
        return HttpResponse(status=200)

    def http_method_not_allowed(
        self, request: HttpRequest, *args: Any, **kwargs: Any
    ) -> HttpResponse:
        """Answer as JSON too. Any: Django's own signature."""
        body = error_body("method_not_allowed", "Send the file with PUT.")
        return JsonResponse(body, status=405, headers={"Allow": "PUT"})
