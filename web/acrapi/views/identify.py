"""Identifies a clip: ``/v1/identify``, signed with a project's key pair.

Every response has status 200, because clients read ``status.code``.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from io import BytesIO
from time import monotonic
from typing import IO, Any

from django.core.files.base import ContentFile, File
from django.core.files.uploadhandler import MemoryFileUploadHandler
from django.utils.crypto import constant_time_compare
from drf_spectacular.utils import extend_schema, extend_schema_serializer
from rest_framework import exceptions, serializers
from rest_framework.parsers import DataAndFiles
from rest_framework.request import Request
from rest_framework.response import Response

from base.accounts import limits
from base.common.bodies import BodyTooLarge
from base.common.media_analysis import AudioRefused
from catalogue.models import Recording
from scanning.engines.base import FoundRecording, most_bits
from scanning.models import Project
from scanning.services.identification import find_project, identify
from web.acrapi.errors import WireError
from web.acrapi.formats import plain_instant
from web.acrapi.parsers import (
    WireFormParser,
    WireJSONParser,
    WireMultiPartParser,
    fields_of,
    refuse_cut_off,
)
from web.acrapi.results import custom_file
from web.acrapi.rights import rights_on_wire
from web.acrapi.signatures import is_of_other_sample
from web.acrapi.views.base import WireView

MAX_SAMPLE_BYTES = 5 * 1024**2
# The base64 text of a sample in a form, with the signed fields.
MAX_BODY_BYTES = 8 * 1024**2
_MATCHES = 10
_NAMELESS_CLIP = re.compile(
    rb'(Content-Disposition: form-data; name="sample(?:_hum)?")'
    rb"(\r\nContent-Type: (?!text/))",
    re.IGNORECASE,
)

# Without these no signature can be checked; the access key has its own code.
_SIGNED = ("data_type", "signature_version", "timestamp", "signature")

# Codes and texts of the protocol.
SUCCESS = (0, "Success")
NO_RESULT = (1001, "No result")
NO_FINGERPRINT = (2004, "Can't generate fingerprint")
BAD_REQUEST = (2005, "Bad request")
BAD_KEY = (3001, "Missing/Invalid Access Key")
TOO_LARGE = (3003, "Limit exceeded: a sample may have at most 5 MiB")
BAD_SIGNATURE = (3014, "Invalid Signature")
TOO_MANY = (3015, "Too many requests")


class _Refused(Exception):
    """Answers with one of the codes; ``because`` adds details."""

    def __init__(self, status: tuple[int, str], because: str = "") -> None:
        self.status = status
        self.because = because
        super().__init__(status[1])


class _ClipInMemory(MemoryFileUploadHandler):
    """Keeps uploads off the disk while their signature is unchecked."""

    def handle_raw_input(self, *_args: Any, **_kwargs: Any) -> None:
        """Accept every file; the body size is limited. Any: Django's own signature."""
        self.activated = True


class _ClipParser(WireMultiPartParser):
    """Takes a clip for a file also if its part has a type but no file name.

    So the package ``acrcloud`` of npm sends it. Without a name it would be a text.
    """

    def parse(
        self,
        stream: IO[bytes],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> DataAndFiles[Any, Any]:
        """Return fields and files; the size of the body is limited before."""
        content = stream.read()
        refuse_cut_off(parser_context, len(content))
        named = _NAMELESS_CLIP.sub(rb'\1; filename="clip"\2', content, count=1)
        return super().parse(BytesIO(named), media_type, parser_context)


@extend_schema_serializer(component_name="Identify")
class IdentifyRequestSerializer(serializers.Serializer[None]):
    """A signed clip."""

    sample = serializers.FileField(help_text="A clip, or base64 in a form.")
    access_key = serializers.CharField()
    timestamp = serializers.CharField()
    signature = serializers.CharField()
    data_type = serializers.CharField(help_text="audio or fingerprint")
    signature_version = serializers.CharField()
    sample_bytes = serializers.CharField(required=False)


@extend_schema_serializer(component_name="IdentifyAnswer")
class IdentifyAnswerSerializer(serializers.Serializer[None]):
    """The recordings in the clip; ``status.code`` is 0 if there are any."""

    status = serializers.DictField()
    metadata = serializers.DictField(required=False)
    cost_time = serializers.FloatField(required=False)
    result_type = serializers.IntegerField(required=False)


class IdentifyView(WireView):
    """One clip."""

    authentication_classes = []
    permission_classes = []
    throttle_classes = []
    parser_classes = [WireJSONParser, _ClipParser, WireFormParser]

    def body_bytes(self) -> int:
        """Return the limit; the signature is in the body, so all of it must be read."""
        return MAX_BODY_BYTES

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Keep the clip in memory. Any: DRF's own signature.

        Strangers over their limit are refused unread: the signature is in the body.
        """
        if limits.refuses_unread(request._request):
            raise _Refused(TOO_MANY)
        super().initial(request, *args, **kwargs)
        plain = request._request
        plain.upload_handlers = [_ClipInMemory(plain)]

    def get_exception_handler(self) -> Callable[[Exception, dict[str, Any]], Response | None]:
        """Answer framework errors in the protocol's format. Any: DRF's own."""
        return _answer_refusal

    @extend_schema(
        tags=["identify"],
        summary="Identify a short clip",
        operation_id="identify",
        auth=[],
        request={"multipart/form-data": IdentifyRequestSerializer},
        responses={200: IdentifyAnswerSerializer},
    )
    def post(self, request: Request) -> Response:
        """Check the signature and search the project's buckets."""
        begun = monotonic()
        fields, project = _check_signature(request)
        sample = _sample(request)
        if is_of_other_sample(
            access_key=fields["access_key"],
            signature=fields["signature"].strip(),
            timestamp=fields.get("timestamp", ""),
            sample=sample,
        ):
            raise _Refused(BAD_SIGNATURE, "it was used for another sample")
        try:
            matches = identify(project=project, sample=sample)
        except AudioRefused as error:
            raise _Refused(NO_FINGERPRINT, str(error)) from error
        if not matches:
            raise _Refused(NO_RESULT)
        best = matches[:_MATCHES]
        rights = rights_on_wire(recording for recording, _sound in best)
        return Response(
            {
                **_status(SUCCESS),
                "cost_time": round(monotonic() - begun, 3),
                "result_type": 0,
                "metadata": {
                    "timestamp_utc": plain_instant(datetime.now(tz=UTC)),
                    "custom_files": [
                        _match(*match) | rights.get(match[0].pk, {}) for match in best
                    ],
                },
            }
        )


def _check_signature(request: Request) -> tuple[dict[str, str], Project]:
    """Return the fields and the project that signed them; count strangers."""
    try:
        # Lone surrogates cannot be signed; replace them, so that the check fails cleanly.
        fields = {
            name: str(value).encode("utf-8", "replace").decode()
            for name, value in fields_of(request).items()
            if isinstance(value, str | int | float)
        }
        key = fields.get("access_key", "")
        project = find_project(key) if key.isascii() and key.isprintable() else None
        if project is None:
            raise _Refused(BAD_KEY)
        if missing := [name for name in _SIGNED if not fields.get(name)]:
            raise _Refused(BAD_REQUEST, f"a field is missing: {', '.join(missing)}")
        if not is_signed(secret=project.access_secret, fields=fields):
            raise _Refused(BAD_SIGNATURE)
    except Exception as error:
        # Also a body that cannot be parsed.
        if limits.wait_of_stranger(request._request):
            raise _Refused(TOO_MANY) from error
        raise
    limits.remember_signed(request._request)
    # After the signature, so that strangers cannot use up a project's rate.
    if limits.wait_of_key(project.access_key):
        raise _Refused(TOO_MANY)
    return fields, project


def signature_of(
    *, secret: str, access_key: str, data_type: str, version: str, timestamp: str
) -> str:
    """Return the signature; ``timestamp`` is signed exactly as sent."""
    signed = "\n".join(["POST", "/v1/identify", access_key, data_type, version, timestamp])
    # The protocol requires SHA-1, which is still sound in an HMAC.
    digest = hmac.new(secret.encode(), signed.encode(), hashlib.sha1).digest()
    return base64.b64encode(digest).decode()


def is_signed(*, secret: str, fields: dict[str, str]) -> bool:
    """Tell whether the fields of a call carry a valid signature."""
    expected = signature_of(
        secret=secret,
        access_key=fields.get("access_key", ""),
        data_type=fields.get("data_type", ""),
        version=fields.get("signature_version", ""),
        timestamp=fields.get("timestamp", ""),
    )
    return constant_time_compare(expected, fields.get("signature", "").strip())


def _sample(request: Request) -> File[bytes]:
    """Return the clip: a file, or base64 text in a form."""
    # The SDKs send humming under its own name.
    for name in ("sample", "sample_hum"):
        if name in request.FILES:
            return _check_sample(request.FILES[name])
    text = fields_of(request).get("sample")
    if not isinstance(text, str) or not text:
        raise _Refused(BAD_REQUEST, "the sample field is missing")
    try:
        content = base64.b64decode(text, validate=False)
    except (binascii.Error, ValueError) as error:
        raise _Refused(BAD_REQUEST, "the sample is not base64 text") from error
    return _check_sample(ContentFile(content, name="sample"))


def _check_sample(sample: File[bytes]) -> File[bytes]:
    if sample.size > MAX_SAMPLE_BYTES:
        raise _Refused(TOO_LARGE)
    if sample.size == 0:
        raise _Refused(NO_FINGERPRINT, "the sample is empty")
    return sample


def _match(recording: Recording, match: FoundRecording) -> dict[str, Any]:  # Any: JSON
    """Return a match without nesting, by its best segment."""
    best = max(
        match.segments,
        key=lambda segment: (segment.score or 0, most_bits([segment]), -segment.start_ms),
    )
    return custom_file(recording) | {
        "score": round(match.score or 100),
        "play_offset_ms": best.reference_end_ms,
        "sample_begin_time_offset_ms": best.start_ms,
        "sample_end_time_offset_ms": best.end_ms,
        "db_begin_time_offset_ms": best.reference_start_ms,
        "db_end_time_offset_ms": best.reference_end_ms,
    }


def _status(status: tuple[int, str], because: str = "") -> dict[str, Any]:  # Any: JSON
    code, text = status
    message = f"{text}: {because}" if because else text
    return {"status": {"msg": message, "code": code, "version": "1.0"}}


def _answer_refusal(error: Exception, _context: dict[str, Any]) -> Response | None:
    if isinstance(error, _Refused):
        return Response(_status(error.status, error.because))
    if isinstance(error, BodyTooLarge):
        return Response(_status(TOO_LARGE))
    if isinstance(error, WireError | exceptions.ParseError):
        status = TOO_LARGE if getattr(error, "status", 0) == 413 else BAD_REQUEST
        return Response(_status(status, str(error)))
    if isinstance(error, exceptions.APIException):
        return Response(_status(BAD_REQUEST, str(error.detail)))
    return None
