"""The product's modules, imported, and the classes that they define."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator
from typing import Any

PACKAGES = (
    *("accounts", "audit", "catalogue", "scanning", "review", "dedup", "reports"),
    *(
        "imports",
        "enrichment",
        "operations",
        "portal",
        "acrapi",
        "monitoring",
        "rights",
        "programmes",
    ),
)


def import_all() -> None:
    """Import every module except migrations."""
    for package in PACKAGES:
        parent = importlib.import_module(package)
        for found in pkgutil.walk_packages(parent.__path__, f"{package}."):
            if ".migrations" not in found.name:
                importlib.import_module(found.name)


def ours(base: Any) -> Iterator[Any]:  # Any: classes of forms or serializers
    """Yield the product's classes below a base."""
    for kind in base.__subclasses__():
        if kind.__module__.partition(".")[0] in PACKAGES:
            yield kind
        yield from ours(kind)
