"""The portal's own API: what its pages call while they stay open."""

from __future__ import annotations

import uuid
from typing import Any

from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema
from rest_framework.parsers import JSONParser, MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response

from portal.api.base import PersonView
from portal.api.permissions import MayUpload, MayView
from portal.api.serializers import (
    AttachAudioSerializer,
    FileStateSerializer,
    LinkResultSerializer,
    LinksSerializer,
    UploadSerializer,
    details_of,
    file_state,
)
from scanning import selectors
from scanning.errors import IntakeRefused
from scanning.models import ScannedFile
from scanning.services.intake import attach_audio, submit_link, submit_upload
from scanning.services.open_files import refuse_too_many_open
from scanning.services.scans import cancel_scans, request_scan


def _file(uid: uuid.UUID) -> ScannedFile:
    return get_object_or_404(selectors.files(), uid=uid)


class FilesView(PersonView):
    """Uploading one file."""

    permission_classes = [MayUpload]
    parser_classes = [MultiPartParser]

    @extend_schema(
        request=UploadSerializer,
        responses={201: FileStateSerializer, 200: FileStateSerializer},
    )
    def post(self, request: Request) -> Response:
        """Keep a file and queue its scan; 200 and the earlier one if seen before."""
        form = UploadSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        told: dict[str, Any] = form.validated_data  # Any: DRF's own type
        refuse_too_many_open(self.person)
        taken = submit_upload(
            container=told["container"],
            upload=told["file"],
            user=self.person,
            details=details_of(told),
            scan_again=told["scan_again"],
            waited_for=True,
        )
        data = file_state(taken.scanned_file, duplicate=taken.seen_before)
        return Response(data, status=200 if taken.seen_before else 201)


class FileView(PersonView):
    """One file's state."""

    permission_classes = [MayView]

    @extend_schema(responses=FileStateSerializer)
    def get(self, request: Request, uid: uuid.UUID) -> Response:
        """Return state and progress."""
        return Response(file_state(_file(uid)))


class RescanView(PersonView):
    """Scanning a file again."""

    permission_classes = [MayUpload]

    @extend_schema(request=None, responses={202: FileStateSerializer})
    def post(self, request: Request, uid: uuid.UUID) -> Response:
        """Queue another scan of a file."""
        file = _file(uid)
        request_scan(scanned_file=file, user=self.person, waited_for=True)
        return Response(file_state(file), status=202)


class CancelView(PersonView):
    """Stopping a scan."""

    permission_classes = [MayUpload]

    @extend_schema(request=None, responses={202: FileStateSerializer})
    def post(self, request: Request, uid: uuid.UUID) -> Response:
        """Stop what scans the file; a scan that is done stays done."""
        file = _file(uid)
        cancel_scans(scanned_file=file, user=self.person)
        file.refresh_from_db()
        return Response(file_state(file), status=202)


class AudioView(PersonView):
    """Attaching audio to a link that gave none."""

    permission_classes = [MayUpload]
    parser_classes = [MultiPartParser]

    @extend_schema(request=AttachAudioSerializer, responses={202: FileStateSerializer})
    def post(self, request: Request, uid: uuid.UUID) -> Response:
        """Keep the audio and queue the scan."""
        file = _file(uid)
        form = AttachAudioSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        attach_audio(
            scanned_file=file,
            upload=form.validated_data["file"],
            user=self.person,
        )
        file.refresh_from_db()
        return Response(file_state(file), status=202)


class LinksView(PersonView):
    """Submitting links."""

    permission_classes = [MayUpload]
    parser_classes = [JSONParser]

    @extend_schema(
        request=LinksSerializer, responses={207: LinkResultSerializer(many=True)}
    )
    def post(self, request: Request) -> Response:
        """Queue each link; the answer says of each whether it was taken."""
        form = LinksSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        told: dict[str, Any] = form.validated_data  # Any: DRF's own type
        outcomes = [self._submit(told, link) for link in told["links"]]
        return Response(outcomes, status=207)

    def _submit(self, told: dict[str, Any], link: str) -> dict[str, Any]:  # Any: JSON
        try:
            refuse_too_many_open(self.person)
            file = submit_link(
                container=told["container"],
                url=link,
                user=self.person,
                details=details_of(told),
                scan_again=False,
                waited_for=True,
            )
        except IntakeRefused as error:
            return {
                "link": link,
                "accepted": False,
                "message": str(error),
                "code": error.code,
                "file": None,
            }
        return {
            "link": link,
            "accepted": True,
            "message": "",
            "code": "",
            "file": file_state(file),
        }
