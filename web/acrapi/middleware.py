"""Handles methods, characters and slashes that no view accepts."""

from __future__ import annotations

import re
from collections.abc import Callable
from urllib.parse import quote

from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, JsonResponse

from base.common.api_errors import error_body, is_api_path

# Where a client joins a base address and a path; elsewhere two slashes are an empty id.
_JOINTS = re.compile(r"/+(?:(?:api(?:/+portal(?:/+v[0-9]+)?)?|v1|uploads)(?:/+|$))?")
_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
_UNKNOWN = "\ufffd"
_MESSAGE = "No address of this server accepts this method."


def without_nul(
    get_response: Callable[[HttpRequest], HttpResponse],
) -> Callable[[HttpRequest], HttpResponse]:
    """Replace NUL characters in URLs, which PostgreSQL cannot store or compare.

    No name contains the replacement, so it matches nothing. Cookies with a NUL are not
    ours and are dropped; quoted cookies can encode any character.
    """

    def middleware(request: HttpRequest) -> HttpResponse:
        # After decoding: WSGI has already unquoted the path.
        request.path_info = request.path_info.replace("\0", _UNKNOWN)
        request.path = request.path.replace("\0", _UNKNOWN)
        query = request.META.get("QUERY_STRING", "").replace("\0", "%00")
        request.META["QUERY_STRING"] = query.replace("%00", quote(_UNKNOWN))
        for name in [name for name, value in request.COOKIES.items() if "\0" in value]:
            del request.COOKIES[name]
        return get_response(request)

    return middleware


def single_slashes(
    get_response: Callable[[HttpRequest], HttpResponse],
) -> Callable[[HttpRequest], HttpResponse]:
    """Read several slashes at the beginning of the address of an API as one.

    Clients join a base address that ends with a slash and a path that begins with one.
    """

    def middleware(request: HttpRequest) -> HttpResponse:
        path = request.path_info
        merged = _JOINTS.sub(lambda base: re.sub("/+", "/", base[0]), path, count=1)
        if merged != path and is_api_path(merged):
            request.path = request.path.removesuffix(path) + merged
            request.path_info = merged
        return get_response(request)

    return middleware


def known_methods(
    get_response: Callable[[HttpRequest], HttpResponse],
) -> Callable[[HttpRequest], HttpResponse]:
    """Answer 405 to TRACE and to methods unknown to HTTP."""

    def middleware(request: HttpRequest) -> HttpResponse:
        if request.method in _METHODS:
            return get_response(request)
        if not is_api_path(request.path_info):
            return HttpResponseNotAllowed(
                _METHODS, _MESSAGE, content_type="text/plain; charset=utf-8"
            )
        body = error_body("method_not_allowed", _MESSAGE)
        return JsonResponse(body, status=405, headers={"Allow": ", ".join(_METHODS)})

    return middleware
