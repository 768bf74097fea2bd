"""Limits the size of request bodies by view and sender.

A view declares its needs. ``takes_files`` allows files to users who may do the action.
``checks_sender`` leaves the check to the view, which calls ``accept_body`` once it
knows the sender: only the views of programs read tokens, keys and signatures. All other
views know the person of the session. No body is read before.
"""

from __future__ import annotations

import html
import re
import tempfile
from collections.abc import Callable
from io import BytesIO, RawIOBase
from typing import Any, TypeVar

from django.conf import settings
from django.contrib.auth.models import AbstractUser, AnonymousUser
from django.core.files.uploadhandler import TemporaryFileUploadHandler
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.http.multipartparser import MultiPartParser
from django.http.request import UnreadablePostError
from django.http.response import HttpResponseBase
from django.template import loader
from django.utils.translation import gettext as _

from base.common.api_errors import error_body, is_api_path
from base.common.outside_text import one_line
from base.common.reading import read_number

# Ten times a sign-in with a passkey, the largest body that strangers need to send.
STRANGER_BYTES = 64 * 1024
# Form fields and multipart boundaries next to the file.
BESIDE_THE_FILE = 32 * 1024**2
_CHUNK_BYTES = 1024 * 1024
_TEMPORARY = "_temporary_files"
_OTHER_ESCAPE = re.compile(r"%(?!22|0D|0A)[0-9A-Fa-f]{2}")
_LINE_BREAK = re.compile(r"(?:%0D|%0A)+")

View = TypeVar("View", bound=Callable[..., HttpResponseBase] | type)


class BodyTooLarge(Exception):
    """The body exceeds the limit for this sender and view."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        super().__init__(
            _("The request body may have at most %(limit)s bytes.") % {"limit": read_number(limit)}
        )


def takes_files(action: str) -> Callable[[View], View]:
    """Allow file uploads to a view or DRF class for users who may do ``action``."""

    def mark(view: View) -> View:
        view.files_for = action  # type: ignore[union-attr]  # read by the middleware
        return view

    return mark


def checks_sender(view: View) -> View:
    """Leave a body unread until the view calls ``accept_body``."""
    view.checks_sender = True  # type: ignore[union-attr]  # read by the middleware
    return view


def file_body_bytes() -> int:
    """Return the size limit of a body that contains a file."""
    return int(settings.ACRPORTAL_MAX_FILE_BYTES) + BESIDE_THE_FILE


def accept_body(request: HttpRequest, limit: int) -> None:
    """Unlock the body for reading; raise ``BodyTooLarge`` if it exceeds ``limit``.

    A chunked body is written to disk first: Django treats a request without
    Content-Length as empty.
    """
    announced = _announced(request)
    if announced is not None and announced > limit:
        raise BodyTooLarge(limit)
    if isinstance(request._stream, _Locked):
        request._stream = request._stream.stream
    if announced is None:
        _spool(request, limit)


class BodyLimits:
    """Middleware that refuses oversized bodies before any code reads them.

    It must run after authentication, and before the CSRF check, which reads forms.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Get the response, then delete the request's temporary files."""
        try:
            return self._get_response(request)
        finally:
            for file in request.__dict__.pop(_TEMPORARY, ()):
                _discard(file)

    def process_view(
        self, request: HttpRequest, view: Callable[..., Any], *_arguments: Any
    ) -> HttpResponse | None:  # Any: Django's own signature
        """Refuse a body above the limit of this view for this sender."""
        announced = _announced(request)
        if announced is not None and announced <= STRANGER_BYTES:
            return None
        if mark_of(view, "checks_sender"):
            stream: Any = _Locked(request._stream)
            request._stream = stream
            return None
        try:
            accept_body(request, limit_for(request.user, view))
        except BodyTooLarge as refused:
            return too_large(request, refused.limit)
        except OSError:
            return _cut_off(request)
        return None

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        """Answer 400 instead of 500 if the body ended early: a client error."""
        unread = isinstance(error, UnreadablePostError)
        return _cut_off(request) if unread else None


class UploadToDisk(TemporaryFileUploadHandler):
    """Writes uploads to disk as they arrive, and lists them for the middleware.

    Files keep the names that people gave them.
    """

    def new_file(
        self,
        field_name: str,
        file_name: str,
        *args: Any,  # Any: as Django passes them
        **kwargs: Any,
    ) -> None:
        """Start a file."""
        super().new_file(field_name, _original_name(file_name), *args, **kwargs)
        if self.request is not None:
            self.request.__dict__.setdefault(_TEMPORARY, []).append(self.file)

    def receive_data_chunk(self, raw_data: bytes, start: int) -> None:
        """Write the next bytes; if the disk is full, free the space at once."""
        try:
            super().receive_data_chunk(raw_data, start)
        except OSError:
            _discard(self.file)
            raise


def _base_name(_parser: MultiPartParser, file_name: str) -> str | None:
    """Return the name of an uploaded file without its folders; None if nothing is left.

    Django's own drops joiners, which are letters of many languages.
    """
    path = html.unescape(file_name).replace("\\", "/")
    name = one_line(path.rsplit("/", 1)[-1])
    return None if name in ("", ".", "..") else name


# The parser of forms offers no other place to choose how it reads names.
setattr(MultiPartParser, "sanitize_file_name", _base_name)  # noqa: B010 - a method


def _original_name(name: str) -> str:
    """Restore a name that a browser encoded in a form, with line breaks as spaces.

    Browsers write a quote as ``%22`` and line breaks as ``%0D`` and ``%0A``, and leave
    all else, even ``%``, unchanged (HTML standard, *multipart form data*). A name that
    really contains ``%22`` looks the same. Such names come from URLs and contain other
    escapes too, mostly ``%20``; those names are left alone.
    """
    if _OTHER_ESCAPE.search(name):
        return name
    return _LINE_BREAK.sub(" ", name).replace("%22", '"')


def too_large(request: HttpRequest, limit: int) -> HttpResponse:
    """Answer 413, as JSON to API clients and as a page to browsers."""
    message = _("This address accepts at most %(size)s. Nothing was stored.") % {
        "size": _size(limit)
    }
    if is_api_path(request.path_info):
        return JsonResponse(error_body("too_large", message), status=413)
    page = loader.get_template("413.html").render({"message": message}, request)
    return HttpResponse(page, status=413)


def _cut_off(request: HttpRequest) -> HttpResponse:
    if is_api_path(request.path_info):
        message = _("The request was cut off; nothing was stored. Send it again.")
        return JsonResponse(error_body("cut_off", message), status=400)
    return HttpResponse(loader.get_template("400.html").render({}, request), status=400)


class _Locked(RawIOBase):
    """Replaces the body until the view knows the sender; reading it raises."""

    def __init__(self, stream: Any) -> None:  # Any: Django's LimitedStream
        self.stream = stream

    def readable(self) -> bool:
        return True

    def read(self, _size: int = -1) -> bytes:
        raise BodyTooLarge(STRANGER_BYTES)

    def readline(self, _size: int | None = -1) -> bytes:
        raise BodyTooLarge(STRANGER_BYTES)


def _announced(request: HttpRequest) -> int | None:
    """Return the length of the body, or None if it is chunked."""
    length = str(request.META.get("CONTENT_LENGTH") or "")
    if length.isdigit():
        return int(length)
    encoding = str(request.META.get("HTTP_TRANSFER_ENCODING", "")).lower()
    # Set by servers that decode chunks and signal the end.
    ends = bool(request.META.get("wsgi.input_terminated"))
    return None if "chunked" in encoding and ends else 0


def limit_for(sender: AbstractUser | AnonymousUser, view: object) -> int:
    """Return how large a body to a view a sender may send."""
    if not sender.is_authenticated:
        return STRANGER_BYTES
    action = mark_of(view, "files_for")
    if action and sender.has_perm(action):
        return file_body_bytes()
    return int(settings.DATA_UPLOAD_MAX_MEMORY_SIZE)


def mark_of(view: object, name: str) -> Any:  # Any: the mark's own type
    """Return a mark set on the view function, or on the class behind it."""
    view_class = getattr(view, "view_class", None) or getattr(view, "cls", None)
    return getattr(view, name, None) or getattr(view_class, name, None)


def _spool(request: HttpRequest, limit: int) -> None:
    source, received = request.META["wsgi.input"], 0
    body: Any = tempfile.TemporaryFile(dir=settings.FILE_UPLOAD_TEMP_DIR)  # noqa: SIM115 - closed with the request
    request.__dict__.setdefault(_TEMPORARY, []).append(body)
    try:
        # One byte more than allowed proves that the body is too large.
        while chunk := _read(source, min(_CHUNK_BYTES, limit + 1 - received)):
            received += len(chunk)
            if received > limit:
                raise BodyTooLarge(limit)
            body.write(chunk)
    except BaseException:
        _discard(body)
        # Never leave half a body: code that reads it later must find none.
        empty: Any = BytesIO()
        request._stream = empty
        raise
    body.seek(0)
    request.META["CONTENT_LENGTH"] = str(received)
    request._stream = body


def _read(source: Any, size: int) -> bytes:  # Any: the server's own
    try:
        return bytes(source.read(size))
    except OSError as error:
        # As Django's own reading does: the fault is the client's, not the disk's.
        raise UnreadablePostError(*error.args) from error


def _discard(file: Any) -> None:  # Any: a file of Django's or of Python's
    """Close a file, which deletes it; it may already be closed or moved."""
    try:
        file.close()
    except (OSError, ValueError):
        return


def _size(limit: int) -> str:
    if limit >= 1024**3:
        return f"{limit / 1024**3:.3g} GiB"
    return f"{limit / 1024**2:.3g} MiB" if limit >= 1024**2 else f"{limit // 1024} KiB"
