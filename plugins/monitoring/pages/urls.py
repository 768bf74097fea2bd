"""URLs of all pages of this plug-in."""

from __future__ import annotations

from django.urls import URLPattern

from plugins.monitoring.pages.broadcasts import urls as broadcasts
from plugins.monitoring.pages.declarations import urls as declarations
from plugins.monitoring.pages.streams import urls as streams
from plugins.monitoring.pages.unknown import urls as unknown

urlpatterns: list[URLPattern] = [
    *streams.urlpatterns,
    *broadcasts.urlpatterns,
    *unknown.urlpatterns,
    *declarations.urlpatterns,
]
