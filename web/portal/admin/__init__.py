"""The admin screens; importing a module of this package registers its models."""

from __future__ import annotations

from web.portal.admin import (
    accounts,
    audit,
    callbacks,
    catalogue,
    cloud,
    containers,
    dedup,
    evidence,
    files,
    imports,
    match,
    owners,
    programmes,
    reports,
    rules,
    scans,
    searching,
    statements,
)

__all__ = [
    "accounts",
    "audit",
    "callbacks",
    "catalogue",
    "cloud",
    "containers",
    "dedup",
    "evidence",
    "files",
    "imports",
    "match",
    "owners",
    "programmes",
    "reports",
    "rules",
    "scans",
    "searching",
    "statements",
]
