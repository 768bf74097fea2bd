"""The address that ACRCloud posts results to."""

from __future__ import annotations

import logging

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, JsonResponse
from django.utils.crypto import constant_time_compare
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from scanning.errors import CallbackRejected
from scanning.models import Container
from scanning.services import callbacks

logger = logging.getLogger(__name__)


def _answer(status: int, code: str, message: str) -> JsonResponse:
    return JsonResponse({"code": code, "message": message}, status=status)


@csrf_exempt
@login_not_required
@require_POST
def acrcloud_callback(
    request: HttpRequest, container_id: int, secret: str
) -> JsonResponse:
    """Take one result; 202 accepted, 200 repeated, 404, 413 or 422 refused."""
    container = Container.objects.filter(pk=container_id).first()
    expected = container.callback_secret if container else ""
    if container is None or not constant_time_compare(expected, secret):
        return _answer(
            404, "unknown_address", "No container has this callback address."
        )
    limit = settings.ACRPORTAL_CALLBACK_MAX_BYTES
    body = request.read(limit + 1)
    if len(body) > limit:
        return _answer(413, "too_large", f"A callback may have at most {limit} bytes.")
    try:
        receipt = callbacks.receive(container=container, body=body)
    except CallbackRejected as error:
        logger.warning("callback refused for container %s: %s", container_id, error)
        return _answer(422, "malformed", str(error))
    if receipt.repeated:
        return _answer(200, "repeated", "This result is here already; nothing changed.")
    if not receipt.file_known:
        return _answer(
            202, "kept", "No file has this id yet; the result is kept until it does."
        )
    return _answer(202, "accepted", "The result is kept and being applied.")
