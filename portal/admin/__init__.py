"""The admin screens; importing a module of this package registers its models."""

from __future__ import annotations

from django.conf import settings

from portal.admin import (
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
    notices,
    owners,
    platforms,
    programmes,
    reports,
    rules,
    scans,
    searching,
    statements,
    trials,
)

if settings.ACRPORTAL_MONITORING:
    from portal.admin import broadcasts, declarations, recurring, streams  # noqa: F401

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
    "notices",
    "owners",
    "platforms",
    "programmes",
    "reports",
    "rules",
    "scans",
    "searching",
    "statements",
    "trials",
]
