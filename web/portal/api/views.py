"""API views that the portal's pages call for uploads, links and scan progress."""

from __future__ import annotations

import uuid
from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.parsers import JSONParser, MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response

from base.accounts.roles import Action
from base.common.api_requests import valid_data
from review.programmes.arrivals import store_arrival
from scanning.errors import IntakeRefused, LinkSeen
from scanning.services.intake import attach_audio, refuse_too_many_open, submit_link, submit_upload
from scanning.services.link_batches import links_of_text
from scanning.services.scans import cancel_scans, request_scan
from web.portal.api.base import PersonView
from web.portal.api.serializers import (
    AttachAudioSerializer,
    FileStateSerializer,
    FoundLinksSerializer,
    LinkResultSerializer,
    LinkTextSerializer,
    SubmitLinksSerializer,
    UploadSerializer,
    details_of,
    file_state,
)
from web.portal.shared.selectors import find_file


class FileUploadView(PersonView):
    """Uploads one file."""

    changes = Action.UPLOAD
    parser_classes = [MultiPartParser]
    files_for = Action.UPLOAD

    @extend_schema(
        request=UploadSerializer, responses={201: FileStateSerializer, 200: FileStateSerializer}
    )
    def post(self, request: Request) -> Response:
        """Store a file and queue its scan; answer 200 with the earlier file if seen."""
        body = valid_data(UploadSerializer(data=request.data))
        refuse_too_many_open(self.person)
        taken = submit_upload(
            container=body["container"],
            upload=body["file"],
            user=self.person,
            details=details_of(body),
            scan_again=body["scan_again"],
            waited_for=True,
        )
        store_arrival(scanned_file=taken.scanned_file, arrival=body["arrival"], user=self.person)
        data = file_state(taken.scanned_file, duplicate=taken.seen_before)
        return Response(data, status=200 if taken.seen_before else 201)


class FileStateView(PersonView):
    """Reads the state of one file."""

    @extend_schema(responses=FileStateSerializer)
    def get(self, request: Request, uid: uuid.UUID) -> Response:
        """Return the state and progress of the file."""
        return Response(file_state(find_file(uid)))


class FileRescanView(PersonView):
    """Scans a file again."""

    changes = Action.UPLOAD

    @extend_schema(request=None, responses={202: FileStateSerializer})
    def post(self, request: Request, uid: uuid.UUID) -> Response:
        """Queue another scan of a file."""
        file = find_file(uid)
        request_scan(scanned_file=file, user=self.person, waited_for=True)
        return Response(file_state(file), status=202)


class CancelView(PersonView):
    """Cancels the scans of a file."""

    changes = Action.UPLOAD

    @extend_schema(request=None, responses={202: FileStateSerializer})
    def post(self, request: Request, uid: uuid.UUID) -> Response:
        """Cancel the active scans of the file; finished scans stay as they are."""
        file = find_file(uid)
        cancel_scans(scanned_file=file, user=self.person)
        file.refresh_from_db()
        return Response(file_state(file), status=202)


class AudioView(PersonView):
    """Attaches audio to a link from which none could be fetched."""

    changes = Action.UPLOAD
    parser_classes = [MultiPartParser]
    files_for = Action.UPLOAD

    @extend_schema(request=AttachAudioSerializer, responses={202: FileStateSerializer})
    def post(self, request: Request, uid: uuid.UUID) -> Response:
        """Store the audio and queue the scan."""
        file = find_file(uid)
        upload = valid_data(AttachAudioSerializer(data=request.data))["file"]
        attach_audio(scanned_file=file, upload=upload, user=self.person)
        file.refresh_from_db()
        return Response(file_state(file), status=202)


class LinkTextView(PersonView):
    """Reads the links in a text before they are submitted."""

    parser_classes = [JSONParser]

    @extend_schema(request=LinkTextSerializer, responses=FoundLinksSerializer)
    def post(self, request: Request) -> Response:
        """Return the links in a text in order, and each line without one as it is."""
        body = valid_data(LinkTextSerializer(data=request.data))
        return Response({"links": [link.url for link in links_of_text(body["text"])]})


class LinksView(PersonView):
    """Submits links."""

    changes = Action.UPLOAD
    parser_classes = [JSONParser]

    @extend_schema(request=SubmitLinksSerializer, responses={207: LinkResultSerializer(many=True)})
    def post(self, request: Request) -> Response:
        """Queue the scan of each link; answer 207 with a result for each link."""
        body = valid_data(SubmitLinksSerializer(data=request.data))
        outcomes = [self._submit(body, link) for link in body["links"]]
        return Response(outcomes, status=207)

    def _submit(self, body: dict[str, Any], link: str) -> dict[str, Any]:  # Any: JSON
        try:
            refuse_too_many_open(self.person)
            file = submit_link(
                container=body["container"],
                url=link,
                user=self.person,
                details=details_of(body),
                scan_again=body["scan_again"],
                waited_for=True,
            )
            store_arrival(scanned_file=file, arrival=body["arrival"], user=self.person)
        except IntakeRefused as error:
            return {
                "link": link,
                "accepted": False,
                "message": str(error),
                "code": error.code,
                "file": file_state(error.earlier, duplicate=True)
                if isinstance(error, LinkSeen)
                else None,
            }
        return {"link": link, "accepted": True, "message": "", "code": "", "file": file_state(file)}
