"""Uploads that may be repeated: the same Idempotency-Key makes one thing only."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from django.db import IntegrityError, transaction
from rest_framework.request import Request
from rest_framework.response import Response

from acrapi.auth import token_of
from acrapi.errors import WireError
from acrapi.headers import retry_after
from acrapi.models import RepeatableCall
from acrapi.parsers import fields_of

KEPT = timedelta(hours=24)
# A call that left no answer after this long was killed and may be made again.
_STUCK = timedelta(minutes=15)
_HEADER = "Idempotency-Key"


def once(request: Request, act: Callable[[], Response]) -> Response:
    """Run ``act``, or answer what it answered when this key was first used."""
    key = request.headers.get(_HEADER, "").strip()
    if not key:
        return act()
    if len(key) > 255 or not key.isprintable():
        raise WireError(
            422,
            "bad_idempotency_key",
            f"{_HEADER} is a text of at most 255 characters.",
        )
    call, repeated = _open(request, key)
    if repeated:
        return _answer_again(call)
    try:
        response = act()
    except BaseException:
        call.delete()
        raise
    RepeatableCall.objects.filter(pk=call.pk).update(
        status=response.status_code, answer=response.data
    )
    return response


def _open(request: Request, key: str) -> tuple[RepeatableCall, bool]:
    """Return this call's row, and whether it stands for an earlier call."""
    token = token_of(request)
    digest = _digest(request)
    now = datetime.now(tz=UTC)
    RepeatableCall.objects.filter(token=token, created_at__lt=now - KEPT).delete()
    try:
        with transaction.atomic():
            made = RepeatableCall.objects.create(
                token=token, key=key, request_digest=digest
            )
    except IntegrityError:
        earlier = RepeatableCall.objects.get(token=token, key=key)
    else:
        return made, False
    if earlier.request_digest != digest:
        raise WireError(
            422,
            "idempotency_key_reused",
            f"This {_HEADER} was used for another request. Use a new one.",
        )
    stuck = RepeatableCall.objects.filter(
        pk=earlier.pk, status__isnull=True, created_at__lt=now - _STUCK
    )
    # Of two that find it stuck, one makes it again.
    return earlier, not stuck.update(created_at=now)


def _answer_again(call: RepeatableCall) -> Response:
    if call.status is None:
        raise WireError(
            409,
            "in_progress",
            "The first request with this key is still being worked on.",
            headers=retry_after(2),
        )
    return Response(
        call.answer, status=call.status, headers={"Idempotency-Replayed": "true"}
    )


def _digest(request: Request) -> str:
    """Return what tells one request from another: address, fields, file and size."""
    files = [
        (name, file.name, file.size) for name, file in sorted(request.FILES.items())
    ]
    told = {
        name: value
        for name, value in fields_of(request).items()
        if name not in request.FILES
    }
    content = json.dumps(
        [request.method, request.path, told, files], sort_keys=True, default=str
    )
    return hashlib.sha256(content.encode("utf-8", "surrogatepass")).hexdigest()
