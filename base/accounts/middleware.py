"""Sets for each request whose access limits apply, and forgets its API token."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextvars import Context, copy_context
from typing import Any

from django.http import FileResponse, HttpRequest, StreamingHttpResponse
from django.http.response import HttpResponseBase

from base.accounts.reach import working_for
from base.common.attribution import attribution_scope


def work_for_user(
    get_response: Callable[[HttpRequest], HttpResponseBase],
) -> Callable[[HttpRequest], HttpResponseBase]:
    """Limit all rows that a request reads to those its user may see.

    Changes of the request are attributed to the API token that it used, and to no
    token of an earlier request in the same thread. Streamed responses are read after
    the view returns, so each chunk is also produced within limits and attribution.
    """

    def middleware(request: HttpRequest) -> HttpResponseBase:
        with working_for(request.user), attribution_scope():
            response = get_response(request)
            is_file = isinstance(response, FileResponse)
            if isinstance(response, StreamingHttpResponse) and not is_file:
                response.streaming_content = _within(copy_context(), response.streaming_content)
        return response

    return middleware


def _within(context: Context, chunks: Any) -> Iterator[bytes]:
    """Produce each chunk in the context that created the response.

    Any: Django's own type, an iterable of chunks.
    """
    iterator = iter(chunks)
    while True:
        try:
            yield context.run(next, iterator)
        except StopIteration:
            return
