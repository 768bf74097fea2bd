"""The admin screens; importing a module of this package registers its models."""

from __future__ import annotations

from portal.admin import (
    accounts,
    audit,
    broadcasts,
    callbacks,
    catalogue,
    cloud,
    declarations,
    dedup,
    evidence,
    imports,
    match,
    notices,
    recurring,
    reports,
    rights,
    rules,
    scanning,
    searching,
    streams,
)

__all__ = [
    "accounts",
    "audit",
    "broadcasts",
    "callbacks",
    "catalogue",
    "cloud",
    "declarations",
    "dedup",
    "evidence",
    "imports",
    "match",
    "notices",
    "recurring",
    "reports",
    "rights",
    "rules",
    "scanning",
    "searching",
    "streams",
]
