"""Resumable uploads: the tus protocol 1.0.0 (https://tus.io/protocols/resumable-upload).

Creation, termination and expiration are supported. A complete upload becomes a scanned
file by ``finish``, which may be called again.
"""

from __future__ import annotations

import base64
import re
import uuid
from typing import Any

from django.http import HttpRequest
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils.http import http_date
from django.utils.translation import gettext as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.parsers import BaseParser, JSONParser
from rest_framework.request import Request
from rest_framework.response import Response

from base.accounts.models import User
from base.accounts.roles import Action
from base.common.api_requests import valid_data
from base.common.reading import read_number
from review.programmes.arrivals import store_arrival
from scanning.errors import IntakeRefused
from scanning.models import ResumableUpload
from scanning.services.intake import file_of_bytes
from scanning.services.resumable_uploads import (
    KEPT_FOR,
    MAX_PIECE_BYTES,
    begin_upload,
    discard_upload,
    finish_upload,
    take_piece,
)
from web.portal.api.base import PersonView
from web.portal.api.serializers import (
    BeginUploadSerializer,
    FileStateSerializer,
    FinishUploadSerializer,
    KnownBytesSerializer,
    details_of,
    file_state,
)

_PIECE_TYPE = "application/offset+octet-stream"
# Python refuses to read numbers of thousands of digits.
_DIGITS = re.compile(r"[0-9]{1,18}")


class PieceParser(BaseParser):
    """Reads a piece as it is."""

    media_type = _PIECE_TYPE

    def parse(self, stream: Any, media_type: Any = None, parser_context: Any = None) -> Any:
        """Return the bytes. Any: DRF's own signature, which knows no such bodies."""
        return stream.read()


class TusView(PersonView):
    """A resource of the tus protocol."""

    reads = Action.UPLOAD
    changes = Action.UPLOAD

    @property
    def default_response_headers(self) -> dict[str, str]:
        """Return the headers that each answer of the protocol carries."""
        return {
            **super().default_response_headers,
            "Tus-Resumable": "1.0.0",
            "Cache-Control": "no-store",
        }


class UploadsView(TusView):
    """Begins uploads."""

    @extend_schema(exclude=True)
    def options(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Response:
        """Describe what the server supports. Any: Django's own signature."""
        return Response(
            status=204,
            headers={"Tus-Version": "1.0.0", "Tus-Extension": "creation,termination,expiration"},
        )

    @extend_schema(
        request=None,
        parameters=[
            OpenApiParameter("Upload-Length", int, OpenApiParameter.HEADER),
            OpenApiParameter("Upload-Metadata", str, OpenApiParameter.HEADER),
        ],
        responses={201: None},
    )
    def post(self, request: Request) -> Response:
        """Announce a file: its length, and ``filename`` and ``container`` as metadata."""
        metadata = _metadata(request.headers.get("Upload-Metadata", ""))
        form = BeginUploadSerializer(
            data={
                "size_bytes": request.headers.get("Upload-Length"),
                "name": metadata.get("filename", ""),
                "container": metadata.get("container"),
            }
        )
        upload = begin_upload(user=self.person, **valid_data(form))
        where = reverse("api:upload", args=[upload.uid])
        return Response(status=201, headers={"Location": where, **_progress(upload)})


class ResumableUploadView(TusView):
    """One upload: how far it is, its next piece, its end."""

    parser_classes = [PieceParser]
    files_for = Action.UPLOAD

    @extend_schema(responses={200: None})
    def head(self, request: Request, uid: uuid.UUID) -> Response:
        """Return how many bytes have arrived, as ``Upload-Offset``."""
        return Response(headers=_progress(_upload(uid, self.person)))

    @extend_schema(
        request={_PIECE_TYPE: OpenApiTypes.BINARY},
        parameters=[OpenApiParameter("Upload-Offset", int, OpenApiParameter.HEADER)],
        responses={204: None},
    )
    def patch(self, request: Request, uid: uuid.UUID) -> Response:
        """Append a piece of at most 8 MiB; it begins where the bytes so far end."""
        upload = _upload(uid, self.person)
        offset = _number(request.headers.get("Upload-Offset"))
        length = _number(request.headers.get("Content-Length"))
        if offset is None or length is None:
            raise IntakeRefused(
                "header_missing",
                _("A piece needs the headers Upload-Offset and Content-Length."),
                status=400,
            )
        if length > MAX_PIECE_BYTES:
            raise IntakeRefused(
                "piece_too_large",
                _("A piece may have at most %(limit)s bytes. Send smaller pieces.")
                % {"limit": read_number(MAX_PIECE_BYTES)},
                status=413,
            )
        piece: Any = request.data
        upload = take_piece(upload=upload, offset=offset, data=piece)
        return Response(status=204, headers=_progress(upload))

    @extend_schema(responses={204: None})
    def delete(self, request: Request, uid: uuid.UUID) -> Response:
        """Give the upload up; a file that it became stays."""
        discard_upload(_upload(uid, self.person))
        return Response(status=204)


class FinishUploadView(PersonView):
    """Makes a scanned file of a complete upload."""

    changes = Action.UPLOAD
    parser_classes = [JSONParser]

    @extend_schema(
        request=FinishUploadSerializer,
        responses={201: FileStateSerializer, 200: FileStateSerializer},
    )
    def post(self, request: Request, uid: uuid.UUID) -> Response:
        """Queue the scan; answer 200 with the earlier file if the bytes are known."""
        upload = _upload(uid, self.person)
        body = valid_data(FinishUploadSerializer(data=request.data))
        done = finish_upload(upload=upload, details=details_of(body), scan_again=body["scan_again"])
        store_arrival(scanned_file=done.scanned_file, arrival=body["arrival"], user=self.person)
        data = file_state(done.scanned_file, duplicate=done.seen_before)
        return Response(data, status=200 if done.seen_before else 201)


class KnownFileView(PersonView):
    """Tells whether a container holds a file already, before it is sent."""

    changes = Action.UPLOAD
    parser_classes = [JSONParser]

    @extend_schema(request=KnownBytesSerializer, responses={200: FileStateSerializer, 204: None})
    def post(self, request: Request) -> Response:
        """Return the file with this SHA-256; 204 if the container has none."""
        file = file_of_bytes(**valid_data(KnownBytesSerializer(data=request.data)))
        if file is None:
            return Response(status=204)
        return Response(file_state(file, duplicate=True))


def _upload(uid: uuid.UUID, person: User) -> ResumableUpload:
    return get_object_or_404(
        ResumableUpload.objects.select_related("container", "user", "scanned_file"),
        uid=uid,
        user=person,
        container__deleted_at=None,
    )


def _progress(upload: ResumableUpload) -> dict[str, str]:
    return {
        "Upload-Offset": str(upload.offset_bytes),
        "Upload-Length": str(upload.size_bytes),
        "Upload-Expires": http_date((upload.touched_at + KEPT_FOR).timestamp()),
    }


def _metadata(header: str) -> dict[str, str]:
    """Return the pairs of ``name base64`` in an Upload-Metadata header."""
    pairs = {}
    for pair in header.split(","):
        name, _space, value = pair.strip().partition(" ")
        try:
            pairs[name] = base64.b64decode(value, validate=True).decode()
        except ValueError as error:
            raise IntakeRefused(
                "metadata_unreadable",
                _("The header Upload-Metadata cannot be read: %(name)s is not base64.")
                % {"name": name[:50]},
                status=400,
            ) from error
    return pairs


def _number(header: str | None) -> int | None:
    """Return a header's whole number; None if it has none that a file could need."""
    digits = _DIGITS.fullmatch(header or "")
    return int(digits[0]) if digits else None
