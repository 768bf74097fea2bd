"""The portal's own page of what an admin screen shows, where people act on it."""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Mapping
from operator import attrgetter

from django.db.models import Model
from django.urls import resolve, reverse

from base.accounts.models import User
from base.common.registry import Registry
from imports.kinds import kind_of_model

# Model name → name of the page, and the field that its address takes.
_PAGES = {
    "bucket": ("bucket_detail", "pk"),
    "container": ("container_edit", "pk"),
    "dedupgroup": ("duplicate_group", "uid"),
    "dispute": ("match", "match.uid"),
    "drop": ("drop_detail", "uid"),
    "evidencepack": ("evidence", "match.uid"),
    "exclusion": ("recording_detail", "recording.uid"),
    "licence": ("licence_edit", "uid"),
    "policy": ("policy_edit", "uid"),
    "recording": ("recording_detail", "uid"),
    "reportrun": ("report_run", "uid"),
    "reportschedule": ("report_schedule", "uid"),
    "retrosearch": ("retro_search", "uid"),
    "scannedfile": ("file_detail", "uid"),
    "watch": ("watch_detail", "uid"),
}

own_pages: Registry[Mapping[str, tuple[str, str]]] = Registry()
"""Pages of other features, by the names of their models."""


def own_page(row: Model, user: User) -> str:
    """Return the address of the object's page; empty if there is none that the user may open."""
    kind = kind_of_model(type(row))
    pages = ChainMap(_PAGES, *map(dict, own_pages))
    name, column = pages.get(str(row._meta.model_name), ("", ""))
    if kind:
        name, column = f"{kind.name}_detail", "uid"
    if not name or getattr(row, "deleted_at", None):
        return ""
    address = reverse(f"portal:{name}", args=[attrgetter(column)(row)])
    action = getattr(resolve(address).func, "rule", {}).get("GET")
    return address if action is None or user.has_perm(action) else ""
