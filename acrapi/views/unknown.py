"""Answers unknown URLs under ``/api``, ``/v1`` and ``/uploads``."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.csrf import csrf_exempt

from common.api_errors import error_body

_PRODUCTS = {
    "base-projects": "projects (create a key pair for /v1/identify in the portal)",
    "bm-cs-projects": "broadcast monitoring of custom streams",
    "bm-bd-projects": "broadcast monitoring by database",
    "bm-projects": "broadcast monitoring",
    "ucf-projects": "UCF projects",
    "billing": "billing",
    "prices": "prices",
    "channels": "live channels",
    "external-metadata": "the metadata service",
    "tracks": "the metadata service",
}


@csrf_exempt
@login_not_required
def unknown(request: HttpRequest, rest: str = "", **_path: Any) -> HttpResponse:
    """Answer 404, and name the ACRCloud product if the URL belongs to one.

    Any: parts of the URL.
    """
    parts = rest.split("/")
    product = next((_PRODUCTS[part] for part in parts if part in _PRODUCTS), None)
    if product:
        body = error_body(
            "unsupported_product", f"This server does not offer {product}."
        )
    else:
        body = error_body(
            "not_found",
            "There is nothing at this address; /api/docs/ lists all addresses.",
        )
    return JsonResponse(body, status=404)
