"""What every view of the API has in common."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from typing import Any, ClassVar

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.utils.http import parse_etags
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.parsers import BaseParser
from rest_framework.renderers import BaseRenderer, JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.bearer import BearerAuthentication
from accounts.roles import Action
from acrapi.auth import TokenAllows
from acrapi.errors import WireError, exception_handler
from acrapi.parsers import WireFormParser, WireJSONParser, WireMultiPartParser
from acrapi.throttling import TokenThrottle
from common.attribution import attribution_scope

# A multipart body is its files and some fields.
_BESIDE_THE_FILE = 16 * 1024**2


class AlwaysJSON(BaseContentNegotiation):
    """Answers JSON whatever the Accept header says; parsers go by Content-Type."""

    def select_parser(
        self, request: Request, parsers: Iterable[BaseParser]
    ) -> BaseParser | None:
        """Return the parser for the content type; JSON where none is given."""
        given = (request.content_type or "").split(";")[0].strip().lower()
        return next((p for p in parsers if given in ("", p.media_type)), None)

    def select_renderer(
        self,
        request: Request,
        renderers: Iterable[BaseRenderer],
        format_suffix: str | None = None,
    ) -> tuple[BaseRenderer, str]:
        """Return the first renderer."""
        first = next(iter(renderers))
        return first, first.media_type


class WireView(APIView):
    """A resource of the wire protocol. ``actions`` says what each method needs."""

    actions: ClassVar[dict[str, Action]] = {}
    authentication_classes = [BearerAuthentication]
    permission_classes = [TokenAllows]
    parser_classes = [WireJSONParser, WireMultiPartParser, WireFormParser]
    renderer_classes = [JSONRenderer]
    throttle_classes = [TokenThrottle]
    content_negotiation_class = AlwaysJSON

    def dispatch(
        self, request: HttpRequest, *args: Any, **kwargs: Any
    ) -> HttpResponseBase:  # Any: Django's own signature
        """Attribute all that the call does to its token, and to nothing after it."""
        with attribution_scope():
            return super().dispatch(request, *args, **kwargs)

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Refuse, before any of it is read, a body that is too large.

        Any: DRF's own signature.
        """
        super().initial(request, *args, **kwargs)
        refuse_too_large(request.META.get("CONTENT_LENGTH"))

    def get_exception_handler(
        self,
    ) -> Callable[[Exception, dict[str, Any]], Response | None]:
        """Return the wire's own error shapes. Any: DRF's own signature."""
        return exception_handler

    def finalize_response(
        self, request: Request, response: Response, *args: Any, **kwargs: Any
    ) -> Response:
        """Give what clients poll an ETag, and say so briefly when it is unchanged.

        Any: DRF's own signature.
        """
        final = super().finalize_response(request, response, *args, **kwargs)
        polled = request.method in {"GET", "HEAD"} and final.status_code == 200
        if polled:
            final.add_post_render_callback(_tagger(request))
        return final


def _tagger(request: HttpRequest) -> Callable[[HttpResponse], HttpResponse | None]:
    def tag(response: HttpResponse) -> HttpResponse | None:
        etag = f'"{hashlib.sha256(response.content).hexdigest()[:32]}"'
        response["ETag"] = etag
        response["Cache-Control"] = "private, no-cache"
        wanted = parse_etags(request.headers.get("If-None-Match", ""))
        if etag in wanted or f"W/{etag}" in wanted:
            response.status_code = 304
            response.content = b""
            del response["Content-Type"]
        return None

    return tag


def refuse_too_large(content_length: str | None) -> None:
    """Raise 413 for an announced length over the limit."""
    limit = settings.ACRPORTAL_MAX_FILE_BYTES
    if str(content_length or "").isdigit() and int(content_length or 0) > (
        limit + _BESIDE_THE_FILE
    ):
        raise WireError(
            413,
            "file_too_large",
            f"The body has {int(content_length or 0) / 1024**3:.1f} GiB; the limit for "
            f"a file is {limit / 1024**3:g} GiB. Split it or ask an admin to raise the "
            "limit.",
        )
