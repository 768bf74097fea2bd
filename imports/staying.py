"""Why a row of an import must stay, as packages above know it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping

from django.db.models import Model

from base.common.registry import Registry

reasons: Registry[Callable[[Model, Collection[str]], str]] = Registry()
"""Functions that say why a row must stay, or nothing.

They take the cases that the same undo has deleted already.
"""
undoers: Registry[Mapping[str, str]] = Registry()
"""Paths of functions that take back an event, by its action, beside those of the kinds."""


def why_stays(row: Model, gone: Collection[str]) -> str:
    """Return why a row must stay, or "" if no package above objects."""
    return next((why for find in reasons if (why := find(row, gone))), "")
