"""Fields of a new trial for places that other features compare, such as streams."""

from __future__ import annotations

from collections.abc import Callable

from django import forms

from base.common.registry import Registry

place_fields: Registry[tuple[str, Callable[[], forms.Field]]] = Registry()
"""Names of fields, and functions that make them."""
