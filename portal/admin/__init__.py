"""All admin screens; importing a module of this package registers its models."""

from __future__ import annotations

from portal.admin import (
    accounts,
    audit,
    callbacks,
    catalogue,
    cloud,
    dedup,
    imports,
    match,
    rules,
    scanning,
)

__all__ = [
    "accounts",
    "audit",
    "callbacks",
    "catalogue",
    "cloud",
    "dedup",
    "imports",
    "match",
    "rules",
    "scanning",
]
