"""Pages of features on which people act on rows that admin screens show."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from django.db.models import Model

from common.registry import Registry


@dataclass(frozen=True, slots=True)
class OwnPage:
    """The page of a model's rows: its name, and the field that its address takes."""

    model: type[Model]
    page: str
    column: str = "uid"


own_pages: Final[Registry[OwnPage]] = Registry()
