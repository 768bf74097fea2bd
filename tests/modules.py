"""The product's modules, imported, and the classes that they define."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator
from typing import Any

from base.common.phrases import own_apps


def import_all() -> None:
    """Import every module of the applications except migrations."""
    for config in own_apps():
        for module in pkgutil.walk_packages([config.path], f"{config.name}."):
            if not {"migrations", "tests"}.intersection(module.name.split(".")):
                importlib.import_module(module.name)


def is_ours(kind: type) -> bool:
    """Return whether a class of the product defines itself in an application."""
    return kind.__module__.startswith(tuple(f"{config.name}." for config in own_apps()))


def ours(base: Any) -> Iterator[Any]:  # Any: classes of forms or serializers
    """Yield the product's classes below a base."""
    for kind in base.__subclasses__():
        if is_ours(kind):
            yield kind
        yield from ours(kind)
