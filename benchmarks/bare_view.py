"""The smallest Django application: the baseline for the API's speed."""

from __future__ import annotations

from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.http import HttpRequest, JsonResponse
from django.urls import path


def bare(_request: HttpRequest) -> JsonResponse:
    """Return a constant response."""
    return JsonResponse({"data": []})


urlpatterns = [path("", bare)]

settings.configure(
    ROOT_URLCONF=__name__,
    SECRET_KEY="only-for-this-measurement",  # noqa: S106 - protects nothing
    ALLOWED_HOSTS=["127.0.0.1"],
    MIDDLEWARE=[],
    INSTALLED_APPS=[],
)
application = get_wsgi_application()
