"""Limits how often people, programs and strangers may ask.

People are counted by account, programs by token, strangers by address. Views whose work
is long are marked ``costly`` and counted a second time. Whoever shows credentials of
the wire protocol is a stranger only once these are refused, so that nobody is held up
by others at the same address.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, TypeVar

from allauth.core.internal.ratelimit import get_ip
from django.conf import settings
from django.core.cache import caches
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.http.response import HttpResponseBase
from django.template import loader
from django.utils.translation import ngettext
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle
from rest_framework.views import APIView

from base.accounts.models import ApiToken
from base.common.api_errors import error_body, is_api_path
from base.common.bodies import mark_of
from base.common.rates import Rate, wait_for

View = TypeVar("View", bound=Callable[..., HttpResponseBase])

# A person who opens many pages at once, or comes back to a page with hundreds of
# pictures, is not held up; only what goes on is.
_PAGE_SECONDS_AT_ONCE = 30
# An office signs in within minutes, from one address.
_STRANGER_SECONDS_AT_ONCE = 60
_KNOWN_SECONDS = 3600
# Asked by monitoring systems, whose alarm would tell of the limit.
_FREE = ("/healthz", "/readyz", "/metrics")
_REFUSED = (401, 403, 404)
# The API's description is made anew each time, for whoever asks.
_PUBLIC = "/api/schema"


def costly(*methods: str) -> Callable[[View], View]:
    """Count requests of these methods to a view as long work, as a search is."""

    def mark(view: View) -> View:
        view.costly_methods = methods  # type: ignore[attr-defined]  # read by the middleware
        return view

    return mark


def wait_of_stranger(request: HttpRequest) -> float:
    """Count a request that nobody answers for; return the seconds to wait, or 0."""
    return _wait_of_address(request, counts=True)


def refuses_unread(request: HttpRequest) -> bool:
    """Return whether a request whose sender only its body names may stay unread.

    Nothing is counted. Addresses that lately sent a valid signature are read, so that
    nobody is held up by others at the same address.
    """
    return bool(
        _wait_of_address(request, counts=False)
        and caches["process"].get(_signed_in_key(request)) is None
    )


def remember_signed(request: HttpRequest) -> None:
    """Remember that a valid signature came from the request's address."""
    caches["process"].set(_signed_in_key(request), 1, timeout=_KNOWN_SECONDS)


def _wait_of_address(request: HttpRequest, *, counts: bool) -> float:
    rate = settings.ACRPORTAL_STRANGER_RATE
    key, at_once = f"address:{_address(request)}", rate * _STRANGER_SECONDS_AT_ONCE
    return _wait(key, at_once, rate, counts=counts)


def _signed_in_key(request: HttpRequest) -> str:
    return f"rate:signed:{_address(request)}"


def _address(request: HttpRequest) -> str:
    try:
        return str(get_ip(request))
    except PermissionDenied:
        # A proxy that names no address; all its clients count as one.
        return ""


def wait_of_key(key: str) -> float:
    """Count a call with a token or an access key; return the seconds to wait, or 0."""
    rate = settings.ACRPORTAL_API_RATE
    return _wait(f"key:{key}", rate, rate)


def _wait(key: str, at_once: float, per_second: float, *, counts: bool = True) -> float:
    if not settings.ACRPORTAL_RATE_LIMITS:
        return 0.0
    return wait_for(f"rate:{key}", Rate(at_once, per_second), counts=counts)


class TokenThrottle(BaseThrottle):
    """Counts calls of both APIs by token."""

    def allow_request(self, request: Request, view: APIView) -> bool:
        """Count the call; a session is counted by the middleware."""
        token = request.auth
        self._seconds = wait_of_key(token.uid) if isinstance(token, ApiToken) else 0.0
        return not self._seconds

    def wait(self) -> float:
        """Return the seconds until a call is allowed."""
        return self._seconds


class RequestLimits:
    """Middleware that answers 429 to whoever asks too often.

    It must run after authentication. Static files are answered before it.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Count the request, before its work or once its credentials are refused."""
        path = request.path_info
        if path in _FREE:
            return self._get_response(request)
        is_person = request.user.is_authenticated
        is_signed = is_api_path(path) and path != _PUBLIC
        shows_credentials = is_signed or path.startswith("/callbacks/")
        if is_person or not shows_credentials:
            wait = _wait_of_person(request) if is_person else wait_of_stranger(request)
            return too_many(request, wait) if wait else self._get_response(request)
        response = self._get_response(request)
        wait = _wait_of_refused(request, response.status_code)
        return too_many(request, wait) if wait else response

    def process_view(
        self, request: HttpRequest, view: Callable[..., Any], *_arguments: Any
    ) -> HttpResponse | None:  # Any: Django's own signature
        """Count costly work a second time, at a lower rate."""
        method = "GET" if request.method == "HEAD" else request.method
        is_costly = method in (mark_of(view, "costly_methods") or ())
        if not is_costly or not request.user.is_authenticated:
            return None
        rate = settings.ACRPORTAL_COSTLY_RATE
        wait = _wait(f"costly:{request.user.pk}", rate, rate / 60)
        return too_many(request, wait) if wait else None


def _wait_of_refused(request: HttpRequest, status: int) -> float:
    """Count a refused call: by its token if that is valid, else by address."""
    token: ApiToken | None = getattr(request, "api_token", None)
    if token is None:
        return wait_of_stranger(request) if status in _REFUSED else 0.0
    # ``TokenThrottle`` counts what the permissions let through.
    return wait_of_key(token.uid) if status == 403 else 0.0


def _wait_of_person(request: HttpRequest) -> float:
    rate = settings.ACRPORTAL_PAGE_RATE
    return _wait(f"person:{request.user.pk}", rate * _PAGE_SECONDS_AT_ONCE, rate)


def too_many(request: HttpRequest, wait: float = 60.0) -> HttpResponse:
    """Answer 429: JSON to scripts and programs, a page to browsers."""
    seconds = max(1, math.ceil(wait))
    message = ngettext(
        "That was too often. Wait %(seconds)s second, then go on.",
        "That was too often. Wait %(seconds)s seconds, then go on.",
        seconds,
    ) % {"seconds": seconds}
    response: HttpResponse
    if is_api_path(request.path_info) or not request.accepts("text/html"):
        response = JsonResponse(error_body("rate_limited", message), status=429)
    else:
        page = loader.get_template("429.html").render({"message": message}, request)
        response = HttpResponse(page, status=429)
    response["Retry-After"] = str(seconds)
    return response
