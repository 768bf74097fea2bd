"""The admin screens; importing a module of this package registers its models."""

from __future__ import annotations

from portal.admin import (
    accounts,
    audit,
    callbacks,
    catalogue,
    cloud,
    dedup,
    evidence,
    imports,
    match,
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
    "callbacks",
    "catalogue",
    "cloud",
    "dedup",
    "evidence",
    "imports",
    "match",
    "recurring",
    "reports",
    "rights",
    "rules",
    "scanning",
    "searching",
    "streams",
]
