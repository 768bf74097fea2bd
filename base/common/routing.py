"""Modules whose ``urlpatterns`` packages above the web packages add to them.

Registered by their dotted paths, so that a worker, which answers no request, does not
import their views.
"""

from __future__ import annotations

from importlib import import_module
from typing import Final

from django.urls import URLPattern

from base.common.registry import Registry

# Pages, with names in the namespace ``portal``.
pages: Final[Registry[str]] = Registry()
# The portal's own API, below ``/api/portal/v1/``.
portal_api: Final[Registry[str]] = Registry()
# The API in ACRCloud's wire format.
wire_api: Final[Registry[str]] = Registry()


def patterns_of(modules: Registry[str]) -> list[URLPattern]:
    """Return the patterns of all registered modules, in the order of registration."""
    return [pattern for name in modules for pattern in import_module(name).urlpatterns]
