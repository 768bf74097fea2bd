"""Middleware of the pages."""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.shortcuts import render


def explain_not_allowed(
    get_response: Callable[[HttpRequest], HttpResponse],
) -> Callable[[HttpRequest], HttpResponse]:
    """Show a page when somebody opens a URL that only accepts POST.

    Django answers such a GET with an empty page. A sign-in during a POST, for example,
    leads the browser back to the URL with a GET.
    """

    def middleware(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        blank = isinstance(response, HttpResponseNotAllowed) and not response.content
        if not blank or request.method != "GET" or not request.accepts("text/html"):
            return response
        page = render(request, "405.html", status=response.status_code)
        page["Allow"] = response["Allow"]
        return page

    return middleware
