"""The address that ACRCloud posts results to."""

from __future__ import annotations

import ipaddress
import logging
from collections.abc import Callable, Mapping

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, JsonResponse
from django.utils.crypto import constant_time_compare
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from scanning.errors import CallbackRejected
from scanning.models import CloudAccount, Container
from scanning.models.cloud_account import networks_of
from scanning.services import callbacks
from scanning.services.callbacks import Receipt

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
    # One short row: this address is called in bursts.
    found = Container.objects.only("callback_secret", "cloud_account_id")
    container = found.filter(pk=container_id).first()
    expected = container.callback_secret if container else ""
    if container is None or not constant_time_compare(expected, secret):
        return _answer(
            404, "unknown_address", "No container has this callback address."
        )
    return _take(
        request, lambda body: callbacks.receive(container=container, body=body)
    )


@csrf_exempt
@login_not_required
@require_POST
def account_callback(
    request: HttpRequest, account_id: int, secret: str
) -> JsonResponse:
    """Take one result of any container of an account; answers as above."""
    account = CloudAccount.objects.filter(pk=account_id).first()
    expected = account.callback_secret if account else ""
    if account is None or not constant_time_compare(expected, secret):
        return _answer(404, "unknown_address", "No account has this callback address.")
    if not _may_call(request, account):
        logger.warning("callback for account %s from a foreign network", account_id)
        return _answer(404, "unknown_address", "No account has this callback address.")
    return _take(
        request,
        lambda body: callbacks.receive_for_account(account=account, body=body),
    )


def client_address(meta: Mapping[str, str]) -> str:
    """Return who called: as the proxy in front says, where one is configured."""
    forwarded = meta.get("HTTP_X_FORWARDED_FOR", "")
    if settings.USE_X_FORWARDED_HOST and forwarded:
        # The last entry is the proxy's own; those before are what the caller claims.
        return forwarded.rsplit(",", 1)[-1].strip()
    return meta.get("REMOTE_ADDR", "")


def _may_call(request: HttpRequest, account: CloudAccount) -> bool:
    """Tell whether the sender is in one of the networks that the account names."""
    networks = networks_of(account.callback_networks)
    if not networks:
        return True
    try:
        sender = ipaddress.ip_address(client_address(request.META))
    except ValueError:
        return False
    # A server that listens on IPv6 tells addresses of IPv4 in its own way.
    sender = getattr(sender, "ipv4_mapped", None) or sender
    return any(sender in network for network in networks)


def _take(request: HttpRequest, receive: Callable[[bytes], Receipt]) -> JsonResponse:
    limit = settings.ACRPORTAL_CALLBACK_MAX_BYTES
    body = request.read(limit + 1)
    if len(body) > limit:
        return _answer(413, "too_large", f"A callback may have at most {limit} bytes.")
    try:
        receipt = receive(body)
    except CallbackRejected as error:
        logger.warning("callback refused: %s", error)
        return _answer(422, "malformed", str(error))
    if receipt.repeated:
        return _answer(200, "repeated", "This result is here already; nothing changed.")
    if not receipt.file_known:
        return _answer(
            202, "kept", "No file has this id yet; the result is kept until it does."
        )
    return _answer(202, "accepted", "The result is kept and being applied.")
