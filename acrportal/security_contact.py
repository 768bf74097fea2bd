"""``/.well-known/security.txt``: whom to tell about a vulnerability (RFC 9116)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

# RFC 9116 §2.5.5 recommends less than a year; a stopped portal's copy grows stale.
_VALID = timedelta(days=180)


@require_safe
def security_txt(_request: HttpRequest) -> HttpResponse:
    """Return the operator's contact, or 404 without one."""
    if not settings.ACRPORTAL_SECURITY_CONTACT:
        raise Http404
    expires = datetime.now(tz=UTC) + _VALID
    text = (
        f"Contact: {settings.ACRPORTAL_SECURITY_CONTACT}\n"
        f"Expires: {expires:%Y-%m-%dT00:00:00Z}\n"
        "Preferred-Languages: en\n"
    )
    return HttpResponse(text, content_type="text/plain; charset=utf-8")
