"""All refusals of the API: HTTP status, stable code, helpful message.

``docs/error-codes.md`` lists the codes.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Mapping
from typing import Any

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.http.request import UnreadablePostError
from django.template import loader
from django.views import defaults
from django.views.decorators.csrf import csrf_exempt
from rest_framework import exceptions
from rest_framework.response import Response

from base.accounts.tokens import NO_TOKEN
from base.common.api_errors import CODE_OF_STATUS, Refused, error_body, is_api_path
from base.common.bodies import BodyTooLarge
from base.common.logs import current_request_id
from base.common.media_analysis import AudioRefused
from base.common.outages import RETRY_AFTER_SECONDS, outage_of
from catalogue.changes import ChangeRefused
from catalogue.identifiers import BadIdentifier
from dedup.intake import AlreadyInCatalogue
from scanning.errors import IntakeRefused

# Parts of the URLs of ACRCloud's other products.
_PRODUCTS = {
    "base-projects": "projects (create a key pair for /v1/identify in the portal)",
    "bm-cs-projects": "this part of broadcast monitoring of custom streams",
    "bm-bd-projects": "broadcast monitoring by database",
    "bm-projects": "broadcast monitoring",
    "ucf-projects": "this part of UCF projects",
    "billing": "billing",
    "prices": "prices",
    "channels": "live channels",
    "external-metadata": "the metadata service",
    "tracks": "the metadata service",
}
_FIELDS_ON_WIRE = {"audio": "file", "custom_id": "audio_id"}
# The SDKs have it for an answer that is no result.
_IDENTIFY_HTTP_ERROR = 3000
CUT_OFF = "The body was cut off; nothing was stored. Send it again."


class WireError(Exception):
    """A refusal, with all parts of its response."""

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        *,
        fields: Mapping[str, list[str]] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self.status = status
        self.code = code
        self.fields = fields
        self.headers = headers
        super().__init__(message)


def invalid(field: str, message: str, *, code: str = "invalid") -> WireError:
    """Return the refusal of a field's value."""
    return WireError(422, code, message, fields={field: [message]})


def not_found(message: str, *, code: str = "not_found") -> WireError:
    """Return the refusal of an id that is missing, or hidden from this token."""
    return WireError(404, code, message)


def exception_handler(
    error: Exception, _context: dict[str, Any]
) -> Response | None:  # Any: DRF's own signature
    """Answer expected errors as JSON; unexpected ones become a 500."""
    refusal = _wire_error(error)
    if refusal is None:
        return None
    fields = refusal.fields
    if fields is None and refusal.status == 422:
        fields = {}
    response = Response(error_body(refusal.code, str(refusal), fields), status=refusal.status)
    for name, value in (refusal.headers or {}).items():
        response[name] = value
    return response


def _wire_error(error: Exception) -> WireError | None:
    if isinstance(error, WireError):
        return error
    if isinstance(error, exceptions.APIException):
        return _of_framework(error)
    if isinstance(error, Http404):
        return not_found("There is nothing at this address.")
    if isinstance(error, PermissionDenied):
        return WireError(403, "forbidden", "This token does not allow that.")
    if isinstance(error, BodyTooLarge):
        return WireError(413, "too_large", str(error))
    if isinstance(error, UnreadablePostError):
        return WireError(400, "cut_off", CUT_OFF)
    return _of_product(error)


def _of_product(error: Exception) -> WireError | None:
    """Translate exceptions of the services."""
    if isinstance(error, IntakeRefused):
        field = "url" if error.code == "link_refused" else "file"
        fields = {field: [str(error)]} if error.status == 422 else None
        return WireError(error.status, error.code, str(error), fields=fields)
    if isinstance(error, AudioRefused):
        return invalid("file", str(error), code=error.code)
    if isinstance(error, AlreadyInCatalogue):
        return invalid(
            _FIELDS_ON_WIRE.get(error.field, error.field), str(error), code="already_in_catalogue"
        )
    if isinstance(error, Refused):
        return WireError(422, error.code, error.message)
    if isinstance(error, ChangeRefused):
        return WireError(422, error.code, str(error))
    if isinstance(error, BadIdentifier):
        return WireError(422, "bad_identifier", str(error))
    return None


def _of_framework(error: exceptions.APIException) -> WireError:
    if isinstance(error, exceptions.ValidationError):
        fields = _flat(error.detail)
        name, problems = next(iter(fields.items()), ("", [""]))
        surplus = len(fields) - 1
        plural = "s" if surplus > 1 else ""
        suffix = f" ({surplus} more field{plural} to correct.)" if surplus else ""
        message = f"{name}: {problems[0]}{suffix}"
        return WireError(422, "invalid", message, fields=fields)
    if isinstance(error, exceptions.Throttled):
        seconds = max(1, math.ceil(getattr(error, "wait", None) or 1))
        return WireError(
            429,
            "rate_limited",
            f"Too many requests; try again in {seconds} s.",
            headers=retry_after(seconds),
        )
    headers = {}
    # HTTP requires this header on 401.
    if challenge := getattr(error, "auth_header", None):
        headers["WWW-Authenticate"] = challenge
    code = CODE_OF_STATUS.get(error.status_code, "error")
    if isinstance(error, exceptions.NotAuthenticated):
        return WireError(error.status_code, code, NO_TOKEN, headers=headers)
    if isinstance(error, exceptions.MethodNotAllowed):
        return WireError(405, code, f"{error.detail} See /api/docs/ for the allowed methods.")
    return WireError(error.status_code, code, str(error.detail), headers=headers)


def retry_after(seconds: int) -> dict[str, str]:
    """Return the Retry-After header."""
    return {"Retry-After": str(seconds)}


def _flat(detail: object, prefix: str = "") -> dict[str, list[str]]:
    """Return a validation error's messages by dotted field name."""
    if isinstance(detail, Mapping):
        flat: dict[str, list[str]] = {}
        for name, inner in detail.items():
            flat |= _flat(inner, f"{prefix}.{name}" if prefix else str(name))
        return flat
    # DRF nests details as the serializers nest.
    texts = detail if isinstance(detail, list) else [detail]
    return {prefix or "non_field_errors": [str(text) for text in texts]}


# Clients of the API get JSON even for errors outside the API views.
def _json_or_page(
    status: int, message: str, page: Callable[..., HttpResponse]
) -> Callable[..., HttpResponse]:
    """Return an error view: JSON for API paths, the page elsewhere."""

    def view(request: HttpRequest, *args: object, **kwargs: object) -> HttpResponse:
        if not is_api_path(request.path_info):
            return page(request, *args, **kwargs)
        code = CODE_OF_STATUS.get(status, "internal")
        return JsonResponse(error_body(code, message), status=status)

    return view


def _without_frame(template: str, status: int, **details: object) -> Callable[..., HttpResponse]:
    """Return an error page that does not use the request.

    The usual page frame needs the session, which may have failed too.
    """

    def page(_request: HttpRequest, **_arguments: object) -> HttpResponse:
        context = {
            "request_id": current_request_id.get(),
            "site_name": settings.ACRPORTAL_SITE_NAME,
            **details,
        }
        page_text = loader.get_template(template).render(context)
        return HttpResponse(page_text, status=status)

    return page


bad_request = _json_or_page(
    400,
    "This request could not be read. Check its host name, headers and body.",
    _without_frame("400.html", 400),
)
permission_denied = _json_or_page(403, "This is not allowed here.", defaults.permission_denied)
page_not_found = _json_or_page(404, "There is nothing at this address.", defaults.page_not_found)
_fault = _json_or_page(
    500,
    "Something went wrong on this server; nothing was left half done. Try again; if it "
    "happens again, give the request id to the operator.",
    _without_frame("500.html", 500),
)


def server_error(request: HttpRequest) -> HttpResponse:
    """Answer unexpected errors; during an outage, name the part that is down."""
    outage = outage_of(sys.exc_info()[1])
    if outage is None:
        return _fault(request)
    answer: HttpResponse
    if is_api_path(request.path_info):
        body = error_body(outage.code, f"{outage.title}. {outage.message}")
        answer = JsonResponse(body, status=outage.status)
    else:
        page = _without_frame("outage.html", outage.status, outage=outage)
        answer = page(request)
    answer["Retry-After"] = str(RETRY_AFTER_SECONDS)
    return answer


@csrf_exempt
@login_not_required
def unknown(request: HttpRequest, rest: str = "", **_path: Any) -> HttpResponse:
    """Answer 404, and name the ACRCloud product if the URL belongs to one.

    Any: parts of the URL.
    """
    parts = rest.split("/")
    product = next((_PRODUCTS[part] for part in parts if part in _PRODUCTS), None)
    if product:
        body = error_body("unsupported_product", f"This server does not offer {product}.")
    else:
        body = error_body(
            "not_found", "There is nothing at this address; /api/docs/ lists all addresses."
        )
    if request.path_info.startswith("/v1"):
        # Clients of this API read nothing but the status.
        text, code = body["message"], _IDENTIFY_HTTP_ERROR
        body |= {"status": {"msg": text, "code": code, "version": "1.0"}}
    return JsonResponse(body, status=404)
