"""Middleware of the pages."""

from __future__ import annotations

from collections.abc import Callable

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.shortcuts import redirect, render
from django.urls import Resolver404, resolve

from review.errors import MatchJoined


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


class JoinedMatches:
    """Leads from the address of a former match to that of the one that it is now.

    What is sent to a former match was decided by looking at it, so nothing of it is kept.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self._get_response(request)

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        """Answer ``MatchJoined``; leave other errors to others."""
        if not isinstance(error, MatchJoined):
            return None
        if request.method in {"GET", "HEAD"}:
            address = request.get_full_path().replace(error.former, error.uid)
            return HttpResponse(status=308, headers={"Location": address})
        messages.warning(request, error.message)
        return redirect("portal:match", uid=error.uid)


def take_slash_off(
    get_response: Callable[[HttpRequest], HttpResponse],
) -> Callable[[HttpRequest], HttpResponse]:
    """Redirect the address of a page that somebody wrote with a slash at its end.

    Short links such as ``/m/<uid>`` have none; Django itself only adds missing slashes.
    """

    def middleware(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        path = request.path_info
        if response.status_code != 404 or request.method not in {"GET", "HEAD"}:
            return response
        try:
            is_page = path.endswith("/") and resolve(path[:-1]).namespace == "portal"
        except Resolver404:
            return response
        if not is_page:
            return response
        query = request.META.get("QUERY_STRING", "")
        address = request.path[:-1]
        return redirect(f"{address}?{query}" if query else address)

    return middleware
