"""The base of all API views."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from typing import Any, ClassVar

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils.http import parse_etags
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.parsers import BaseParser
from rest_framework.renderers import BaseRenderer, JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from base.accounts.limits import TokenThrottle
from base.accounts.roles import Action
from base.accounts.tokens import BearerAuthentication
from base.common.api_requests import media_type_of
from base.common.bodies import BodyTooLarge, accept_body, file_body_bytes
from web.acrapi.auth import TokenAllows
from web.acrapi.errors import WireError, exception_handler
from web.acrapi.parsers import MAX_FORM_BYTES, WireFormParser, WireJSONParser, WireMultiPartParser


class AlwaysJSON(BaseContentNegotiation):
    """Answers JSON for any Accept header; Content-Type selects the parser."""

    def select_parser(self, request: Request, parsers: Iterable[BaseParser]) -> BaseParser | None:
        """Return the parser for the content type; JSON if none is given."""
        media_type = media_type_of(request)
        return next((p for p in parsers if media_type in ("", p.media_type)), None)

    def select_renderer(
        self, request: Request, renderers: Iterable[BaseRenderer], format_suffix: str | None = None
    ) -> tuple[BaseRenderer, str]:
        """Return the first renderer."""
        first = next(iter(renderers))
        return first, first.media_type


class WireView(APIView):
    """A resource of the wire protocol; ``actions`` gives the permission per method.

    The body is read only after token, scope and role allow the call. ``file_methods``
    are the methods that accept files.
    """

    actions: ClassVar[dict[str, Action]] = {}
    file_methods: ClassVar[frozenset[str]] = frozenset()
    checks_sender = True
    authentication_classes = [BearerAuthentication]
    permission_classes = [TokenAllows]
    parser_classes = [WireJSONParser, WireMultiPartParser, WireFormParser]
    renderer_classes = [JSONRenderer]
    throttle_classes = [TokenThrottle]
    content_negotiation_class = AlwaysJSON

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Refuse an oversized body before reading any of it.

        Any: DRF's own signature.
        """
        # Authenticates, checks permissions and throttles, all without the body.
        super().initial(request, *args, **kwargs)
        if request.method in self.file_methods:
            accept_file(request._request)
        else:
            accept_body(request._request, self.body_bytes())

    def body_bytes(self) -> int:
        """Return the size limit of a body without files."""
        return MAX_FORM_BYTES

    def get_exception_handler(self) -> Callable[[Exception, dict[str, Any]], Response | None]:
        """Return the handler for wire errors. Any: DRF's own signature."""
        return exception_handler

    def finalize_response(
        self, request: Request, response: Response, *args: Any, **kwargs: Any
    ) -> Response:
        """Add an ETag to responses that clients poll, and answer 304 if unchanged.

        Any: DRF's own signature.
        """
        final = super().finalize_response(request, response, *args, **kwargs)
        polled = request.method in {"GET", "HEAD"} and final.status_code == 200
        # Files are sent in pieces, and nobody polls them.
        if polled and isinstance(final, Response):
            final.add_post_render_callback(_tagger(request))
        return final


def _tagger(request: HttpRequest) -> Callable[[HttpResponse], HttpResponse | None]:
    def tag(response: HttpResponse) -> HttpResponse | None:
        etag = f'"{hashlib.sha256(response.content).hexdigest()[:32]}"'
        response["ETag"] = etag
        response["Cache-Control"] = "private, no-cache"
        held_etags = parse_etags(request.headers.get("If-None-Match", ""))
        # Proxies that compress make our ETags weak.
        if etag in held_etags or f"W/{etag}" in held_etags:
            response.status_code = 304
            response.content = b""
            del response["Content-Type"]
        return None

    return tag


def accept_file(request: HttpRequest) -> None:
    """Unlock a body that contains a file; raise 413 if it is too large."""
    try:
        accept_body(request, file_body_bytes())
    except BodyTooLarge as refused:
        raise WireError(
            413,
            "file_too_large",
            "The body is larger than the limit for a file, which is "
            f"{settings.ACRPORTAL_MAX_FILE_BYTES / 1024**3:g} GiB. Split it or ask an "
            "admin to raise the limit.",
        ) from refused
