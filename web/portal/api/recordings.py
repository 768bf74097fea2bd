"""Sends the fingerprints of recordings to another portal that moves in."""

from __future__ import annotations

from django.http import FileResponse
from django.utils.translation import gettext_lazy as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.exceptions import NotFound
from rest_framework.request import Request

from base.accounts.roles import Action
from base.common.fingerprint_files import NO_FINGERPRINT
from catalogue.models import Recording, RecordingStatus
from web.portal.api.base import ProgramView


class _NoFingerprint(NotFound):
    default_code = NO_FINGERPRINT
    default_detail = _("There is no recording with this ACR id and a fingerprint.")


class FingerprintView(ProgramView):
    """Sends the fingerprint of a recording, for whoever may edit the catalogue."""

    reads = Action.EDIT_CATALOGUE
    changes = Action.EDIT_CATALOGUE
    http_method_names = ["get", "head", "options"]

    @extend_schema(responses={(200, "application/octet-stream"): OpenApiTypes.BINARY})
    def get(self, request: Request, acr_id: str) -> FileResponse:
        """Send the fingerprint of the recording with this ACR id."""
        recordings = Recording.objects.filter(acr_id=acr_id, status=RecordingStatus.READY)
        recording = recordings.filter(bucket__deleted_at__isnull=True).first()
        if recording is None or not recording.fingerprint:
            raise _NoFingerprint
        return FileResponse(
            recording.fingerprint.open("rb"),
            as_attachment=True,
            filename=f"{recording.acr_id}.acrfp",
            content_type="application/octet-stream",
        )
