"""Pages of features on which people act on rows that others show, such as the admin."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from django.db.models import Model
from django.urls import reverse

from common.registry import Registry


@dataclass(frozen=True, slots=True)
class OwnPage:
    """The page of a model's rows: its name, and the field that its address takes."""

    model: type[Model]
    page: str
    column: str = "uid"


own_pages: Final[Registry[OwnPage]] = Registry()


def url_of(model: type[Model], value: str) -> str:
    """Return the address of a row's page; empty if no feature has one."""
    for own in own_pages:
        if own.model is model:
            return reverse(f"portal:{own.page}", args=[value])
    return ""
