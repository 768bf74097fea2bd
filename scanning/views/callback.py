"""The addresses to which ACRCloud posts results."""

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

from base.common.bodies import BodyTooLarge, accept_body, checks_sender
from scanning.errors import CallbackLimit, CallbackRejected
from scanning.models import CloudAccount, Container
from scanning.models.cloud_account import networks_of
from scanning.services import callbacks
from scanning.services.callbacks import Receipt

logger = logging.getLogger(__name__)

_RETRY_AFTER_SECONDS = "3600"


def _answer(status: int, code: str, message: str) -> JsonResponse:
    return JsonResponse({"code": code, "message": message}, status=status)


@checks_sender
@csrf_exempt
@login_not_required
@require_POST
def acrcloud_callback(request: HttpRequest, container_id: int, secret: str) -> JsonResponse:
    """Receive a result; answer 202 new, 200 repeated, or 404, 413, 422, 429."""
    # Load only three columns: callbacks arrive in bursts.
    containers = Container.objects.present().only(
        "callback_secret_sealed", "cloud_account_id", "engine"
    )
    container = containers.filter(pk=container_id).first()
    expected = container.callback_secret if container else ""
    # Compare even for unknown containers, so that timing tells nothing.
    is_right = constant_time_compare(expected, secret)
    # Containers of the embedded engine have no callback address.
    if container is None or not is_right or not container.takes_callbacks:
        return _answer(404, "unknown_address", "No container has this callback address.")
    return _take(request, lambda body: callbacks.receive(container=container, body=body))


@checks_sender
@csrf_exempt
@login_not_required
@require_POST
def account_callback(request: HttpRequest, account_id: int, secret: str) -> JsonResponse:
    """Receive a result for any container of an account; answers as above."""
    account = CloudAccount.objects.filter(pk=account_id).first()
    expected = account.callback_secret if account else ""
    if account is None or not constant_time_compare(expected, secret):
        return _answer(404, "unknown_address", "No account has this callback address.")
    if not _may_call(request, account):
        # The same answer as for a wrong secret, so that the sender learns nothing.
        logger.warning("callback for account %s from a foreign network", account_id)
        return _answer(404, "unknown_address", "No account has this callback address.")
    return _take(request, lambda body: callbacks.receive_for_account(account=account, body=body))


def client_address(meta: Mapping[str, str]) -> str:
    """Return the caller's address, as the configured proxy reports it if there is one."""
    forwarded = meta.get("HTTP_X_FORWARDED_FOR", "")
    if settings.USE_X_FORWARDED_HOST and forwarded:
        # The proxy appended the last entry; callers can forge the ones before it.
        return forwarded.rsplit(",", 1)[-1].strip()
    return meta.get("REMOTE_ADDR", "")


def _may_call(request: HttpRequest, account: CloudAccount) -> bool:
    """Return whether the sender is in one of the account's networks."""
    networks = networks_of(account.callback_networks)
    if not networks:
        return True
    try:
        sender = ipaddress.ip_address(client_address(request.META))
    except ValueError:
        return False
        # Servers listening on IPv6 report IPv4 callers as mapped addresses.
    sender = getattr(sender, "ipv4_mapped", None) or sender
    return any(sender in network for network in networks)


def _take(request: HttpRequest, receive: Callable[[bytes], Receipt]) -> JsonResponse:
    limit = settings.ACRPORTAL_CALLBACK_MAX_BYTES
    try:
        accept_body(request, limit)
    except BodyTooLarge:
        return _answer(413, "too_large", f"A callback may have at most {limit} bytes.")
    try:
        receipt = receive(request.read())
    except CallbackLimit as error:
        logger.warning("callback refused: %s", error)
        answer = _answer(429, "too_many_kept", str(error))
        answer["Retry-After"] = _RETRY_AFTER_SECONDS
        return answer
    except CallbackRejected as error:
        logger.warning("callback refused: %s", error)
        return _answer(422, "malformed", str(error))
    if receipt.repeated:
        return _answer(200, "repeated", "This result is already here; nothing changed.")
    if not receipt.file_known:
        return _answer(202, "kept", "No file has this id yet; the result is stored until one does.")
    return _answer(202, "accepted", "The result is stored and being applied.")
