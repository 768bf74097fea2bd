"""Idempotent uploads: repeating an Idempotency-Key repeats the first response."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from django.db import IntegrityError, transaction
from rest_framework.request import Request
from rest_framework.response import Response

from base.common.databases import violates
from web.acrapi.auth import token_of
from web.acrapi.errors import WireError, retry_after
from web.acrapi.models import RepeatableCall
from web.acrapi.parsers import fields_of

KEPT = timedelta(hours=24)
# A call without a response after this time was killed, and may be repeated.
_STUCK = timedelta(minutes=15)
_HEADER = "Idempotency-Key"


def once(request: Request, act: Callable[[], Response]) -> Response:
    """Run ``act``, or repeat the response that this key got first."""
    key = request.headers.get(_HEADER, "").strip()
    if not key:
        return act()
    if len(key) > 255 or not key.isprintable():
        raise WireError(
            422, "bad_idempotency_key", f"{_HEADER} must be a text of at most 255 characters."
        )
    call, repeated = _open(request, key)
    if repeated and call.status is None:
        raise WireError(
            409,
            "in_progress",
            "The first request with this key is still running.",
            headers=retry_after(2),
        )
    if repeated:
        headers = {"Idempotency-Replayed": "true"}
        return Response(call.answer, status=call.status, headers=headers)
    try:
        response = act()
    # The call had no effect, so the same key may try again.
    except BaseException:
        call.delete()
        raise
    RepeatableCall.objects.filter(pk=call.pk).update(
        status=response.status_code, answer=response.data
    )
    return response


def _open(request: Request, key: str) -> tuple[RepeatableCall, bool]:
    """Return this call's row, and whether an earlier call created it."""
    token = token_of(request)
    digest = _digest(request)
    now = datetime.now(tz=UTC)
    # Each call cleans up its own token, so no job is needed.
    RepeatableCall.objects.filter(token=token, created_at__lt=now - KEPT).delete()
    try:
        # A savepoint: on PostgreSQL a failed insert would end the transaction.
        with transaction.atomic():
            created = RepeatableCall.objects.create(token=token, key=key, request_digest=digest)
    except IntegrityError as error:
        if not violates(error, RepeatableCall, "call_key_once"):
            raise
        earlier = RepeatableCall.objects.get(token=token, key=key)
    else:
        return created, False
    if earlier.request_digest != digest:
        raise WireError(
            422,
            "idempotency_key_reused",
            f"This {_HEADER} was used for another request. Use a new one.",
        )
    stuck = RepeatableCall.objects.filter(
        pk=earlier.pk, status__isnull=True, created_at__lt=now - _STUCK
    )
    # Compare-and-set: of two calls that find it stuck, one runs.
    return earlier, not stuck.update(created_at=now)


def _digest(request: Request) -> str:
    """Return a hash of method, path, fields and file names and sizes."""
    files = [(name, file.name, file.size) for name, file in sorted(request.FILES.items())]
    fields = {
        name: value for name, value in fields_of(request).items() if name not in request.FILES
    }
    content = json.dumps([request.method, request.path, fields, files], sort_keys=True, default=str)
    return hashlib.sha256(content.encode("utf-8", "surrogatepass")).hexdigest()
