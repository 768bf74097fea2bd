"""Remembers where people sign in from: networks, browsers, and devices.

A place is a network and a kind of browser; a sign-in from a new one is an event, which
the person gets a mail. A device is a browser that has signed the person in before, known by
a signed cookie. ``base.accounts.attempts`` counts wrong passwords apart for known ones.
"""

from __future__ import annotations

import ipaddress
import secrets
from collections.abc import Callable
from datetime import timedelta

from allauth.account.adapter import get_adapter
from django.conf import settings
from django.core import signing
from django.http import HttpRequest, HttpResponse

from base.accounts.models import KnownPlace, User
from base.accounts.services import account_changed
from base.common.browsers import browser_of

_SALT = "accounts.places"
_COOKIE_AGE = timedelta(days=365)
# People on one machine; the first ones are forgotten.
_PEOPLE = 10
_KEPT_PLACES = 50
# Providers change the last part of an address often, and give each home a whole /56.
_IPV4_BITS, _IPV6_BITS = 24, 48


def cookie_name() -> str:
    """Return the name of the cookie that marks a device."""
    return "__Host-device" if settings.ACRPORTAL_HTTPS else "device"


def device_of(request: HttpRequest, person: int | None) -> str:
    """Return the id of the device if it has signed this person in before, else ""."""
    device, people = _read_cookie(request)
    return device if person in people else ""


def is_known_network(request: HttpRequest, person: int | None) -> bool:
    """Tell whether the person has signed in from the request's network before."""
    places = KnownPlace.objects.filter(user=person, network=_network_of(request))
    return person is not None and places.exists()


def remember(request: HttpRequest | None, user: User, **_signal: object) -> None:
    """Note place and device of a sign-in; record an event if the place is new."""
    # Commands and tests sign somebody in without a connection.
    if request is None or "REMOTE_ADDR" not in request.META:
        return
    request.signed_in_person = user.pk  # type: ignore[attr-defined]  # for ``mark_devices``
    browser, system = browser_of(request.headers.get("User-Agent", ""))
    places = KnownPlace.objects.filter(user=user)
    is_first = not places.exists()
    place, is_new = KnownPlace.objects.get_or_create(
        user=user, network=_network_of(request), browser=f"{browser} {system}".strip()
    )
    if not is_new:
        place.save(update_fields=["last_at"])
        return
    surplus = places.order_by("-last_at").values("pk")[_KEPT_PLACES:]
    KnownPlace.objects.filter(pk__in=list(surplus)).delete()
    if not is_first:
        account_changed.send(
            sender=User,
            case=f"user:{user.pk}",
            action="signed_in_from_new_place",
            actor=user,
            after={"place": place.pk},
        )


def mark_devices(
    get_response: Callable[[HttpRequest], HttpResponse],
) -> Callable[[HttpRequest], HttpResponse]:
    """Set the cookie that lets a device be known after a sign-in."""

    def middleware(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        person = getattr(request, "signed_in_person", None)
        if person is not None:
            _write_cookie(request, response, person)
        return response

    return middleware


def _network_of(request: HttpRequest) -> str:
    address = ipaddress.ip_address(get_adapter().get_client_ip(request))
    bits = _IPV4_BITS if address.version == 4 else _IPV6_BITS
    return str(ipaddress.ip_network((address, bits), strict=False))


def _read_cookie(request: HttpRequest) -> tuple[str, list[int]]:
    try:
        device, people = signing.loads(
            request.COOKIES.get(cookie_name(), ""), salt=_SALT, max_age=_COOKIE_AGE
        )
    except (signing.BadSignature, TypeError, ValueError):
        return "", []
    return device, people


def _write_cookie(request: HttpRequest, response: HttpResponse, person: int) -> None:
    device, people = _read_cookie(request)
    people = [person, *(key for key in people if key != person)][:_PEOPLE]
    response.set_cookie(
        cookie_name(),
        signing.dumps([device or secrets.token_urlsafe(12), people], salt=_SALT),
        max_age=_COOKIE_AGE,
        secure=bool(settings.SESSION_COOKIE_SECURE),
        httponly=True,
        samesite="Lax",
    )
