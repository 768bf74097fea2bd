"""What monitoring adds to the portal: pages, and parts of pages of other features."""

from __future__ import annotations

from django.urls import URLPattern

from portal.broadcasts import urls as broadcasts
from portal.declarations import urls as declarations
from portal.streams import urls as streams
from portal.unknown import urls as unknown

urlpatterns: list[URLPattern] = [
    *streams.urlpatterns,
    *broadcasts.urlpatterns,
    *unknown.urlpatterns,
    *declarations.urlpatterns,
]
