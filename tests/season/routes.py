"""Every address of the URL map, and the objects that an address can name."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cache, partial
from typing import Any

from django.contrib import admin
from django.db.models import Model
from django.urls import resolve

from base.accounts.models import ApiToken
from base.audit.standing import StatementKind
from catalogue.models import Bucket, BucketType, Exclusion, Recording
from dedup.models import DedupAction, DedupGroup, PairLink, SharedLoop
from imports.kinds import all_kinds
from imports.models import AudioImport, CatalogueImport, LicenceImport, ResultImport
from reports.evidence.models import EvidencePack
from reports.models import ReportRun, ReportSchedule, ReportTemplate, SheetEdit
from review.choices import Verb
from review.models import Licence, Match, Policy, SavedView
from scanning.models import (
    Container,
    Drop,
    OutboundCallback,
    Project,
    ResumableUpload,
    RetroSearch,
    ScannedFile,
    Watch,
)
from statements.models import Statement, StatementFile
from tests.registered import SEASON, Table
from tests.security.addresses import Address, every_address
from web.portal.shared.columns import LISTS

# Objects that a part of an address can name: the model and its attribute.
NAMED: Table[str, tuple[type[Model], str]] = Table(
    {
        "files/import/<str:uid>": (ResultImport, "uid"),
        "catalogue/add-audio/<str:uid>": (AudioImport, "uid"),
        "licences/import/<str:uid>": (LicenceImport, "uid"),
        **{
            f"api/portal/v1/imports/{kind.key}/<str:uid>": (kind.model, "uid")
            for kind in all_kinds()
        },
        "files/<uuid:uid>": (ScannedFile, "uid"),
        "queue/files/<uuid:uid>": (ScannedFile, "uid"),
        "api/portal/v1/files/<uuid:uid>": (ScannedFile, "uid"),
        "api/portal/v1/uploads/<uuid:uid>": (ResumableUpload, "uid"),
        "api/portal/v1/matches/<str:uid>": (Match, "uid"),
        "api/portal/v1/reports/<str:uid>": (ReportRun, "uid"),
        "queue/views/<str:uid>": (SavedView, "uid"),
        "m/<str:uid>": (Match, "uid"),
        "evidence/<str:uid>": (EvidencePack, "uid"),
        "statements/<str:uid>": (Statement, "uid"),
        "api/portal/v1/statements/<str:uid>": (Statement, "uid"),
        "watches/<str:uid>": (Watch, "uid"),
        "drops/<str:uid>": (Drop, "uid"),
        "containers/<int:pk>": (Container, "pk"),
        "catalogue/buckets/<int:pk>": (Bucket, "pk"),
        "catalogue/import/<str:uid>": (CatalogueImport, "uid"),
        "catalogue/searches/<str:uid>": (RetroSearch, "uid"),
        "catalogue/recordings/<str:uid>": (Recording, "uid"),
        "duplicates/g/<str:uid>": (DedupGroup, "uid"),
        "duplicates/p/<str:uid>": (PairLink, "uid"),
        "duplicates/l/<str:uid>": (SharedLoop, "uid"),
        "duplicates/done/<str:uid>": (DedupAction, "uid"),
        "exclusions/<str:uid>": (Exclusion, "uid"),
        "callbacks-sent/<str:uid>": (OutboundCallback, "uid"),
        "tokens/keys/<str:uid>": (Project, "uid"),
        "tokens/<str:uid>": (ApiToken, "uid"),
        "reports/schedules/<str:uid>": (ReportSchedule, "uid"),
        "reports/templates/<str:uid>": (ReportTemplate, "uid"),
        "reports/runs/<str:uid>": (ReportRun, "uid"),
        "licences/<str:uid>": (Licence, "uid"),
        "policies/<str:uid>": (Policy, "uid"),
        "api/fs-containers/<str:container_id>": (Container, "pk"),
        "api/buckets/<str:bucket_id>": (Bucket, "pk"),
        "api/portal/v1/recordings/<str:uid>": (Recording, "uid"),
        "api/portal/v1/recordings/<str:acr_id>": (Recording, "acr_id"),
    },
    SEASON,
)
INSIDE: Table[str, tuple[type[Model], str]] = Table(
    {
        "api/fs-containers/<str:container_id>/files/<str:ids>": (ScannedFile, "uid"),
        "api/buckets/<str:bucket_id>/files/<str:ids>": (Recording, "pk"),
        "api/buckets/<str:bucket_id>/dedup-files/<str:ids>": (Recording, "acr_id"),
    },
    SEASON,
)
FIXED: Table[str, tuple[str, ...]] = Table(
    {
        "duplicates/report.<str:form>": ("csv", "json", "xlsx"),
        "columns/<str:name>/": tuple(LISTS),
        "guides/<slug:name>/": ("index", "review-guide"),
        "guides/images/<str:name>": ("queue.png",),
    },
    SEASON,
)

# Addresses that no page of the season requests, each with the reason.
LEFT_OUT: dict[str, str] = {
    "callbacks/": "machine.called_back posts there",
    "accounts/": "test_sign_in covers the way in; the season signs people in",
    "installation/": "a copy holds work back; tests/jobs/test_installation covers it",
    "v1/": "signed by a program; tests/acrapi/test_identify covers it",
    "uploads/": "signed addresses; tests/acrapi covers them",
    "^": "says that nothing is there",
    "admin/jsi18n": "words for scripts",
    "admin/login": "the way in",
    "admin/logout": "the way out",
    "admin/password_change": "leads to accounts/",
    "admin/r/": "leads from a content type to a site that is not installed",
    "admin/autocomplete/": "called by scripts with the name of a field",
    "admin/(?P<url>": "says that nothing is there",
    "admin/^": "the pages of an app, which the index lists too",
}


@dataclass(frozen=True, slots=True)
class Route:
    """One address of the URL map for people or programs."""

    address: Address
    things: Callable[[], list[dict[str, Any]]]  # Any: the values in the address

    @property
    def route(self) -> str:
        """Return the address as the URL map writes it."""
        return self.address.route

    @property
    def part(self) -> str:
        """Return page, admin, wire or portal API."""
        return "admin" if self.route.startswith("admin/") else self.address.part

    def path(self, rng: random.Random) -> str | None:
        """Return the address of one existing object, or None."""
        things = self.things()
        return _filled(self.route, rng.choice(things)) if things else None

    def paths(self) -> list[str]:
        """Return the addresses of all existing objects."""
        return [_filled(self.route, thing) for thing in self.things()]


@cache
def routes() -> tuple[Route, ...]:
    """Return all addresses; fail for an address that ``routes`` cannot fill."""
    return tuple(
        Route(address, _things_of(address.route))
        for address in every_address()
        if not any(address.route.startswith(start) for start in LEFT_OUT)
    )


def pages() -> Iterator[Route]:
    """Return the addresses of pages."""
    return (route for route in routes() if route.part in ("page", "admin"))


def route_of(path: str) -> str:
    """Return the route that answers a path."""
    return str(resolve(path.partition("?")[0]).route)


def never_reached(reached: Iterable[tuple[str, str]]) -> list[str]:
    """Return the routes that answered none of the given methods and paths."""
    seen = {(method, route_of(path)) for method, path in reached}
    answered = {route for _method, route in seen}
    pages = [route.route for route in routes() if route.part == "page"]
    return [
        *(f"any {route}" for route in pages if route not in answered),
        *(
            f"{method} {route.route}"
            for route in routes()
            if route.part in ("wire", "portal API")
            for method in route.address.methods
            if (method, route.route) not in seen
        ),
    ]


def _things_of(route: str) -> Callable[[], list[dict[str, Any]]]:
    if route.startswith("admin/"):
        return _admin_things(route)
    if "<" not in route:
        return lambda: [{}]
    names = re.findall(r"<\w+:(\w+)>", route)
    for fixed, values in FIXED.items():
        if route.startswith(fixed):
            return lambda: [{names[0]: choice} for choice in values]
    for name, things in BY_NAME.items():
        if name in names:
            return things
    inside = [start for start in INSIDE if route.startswith(start)]
    named = [start for start in NAMED if route.startswith(start)]
    assert named, (
        f"Nothing is known to fill the address {route} with. Add its beginning to "
        "NAMED in tests/season/routes.py, or to LEFT_OUT with the reason."
    )
    model, attribute = NAMED[max(named, key=len)]
    name = names[0]
    assert names in ([name], [name, "ids"]), f"Fill {names} of {route} in routes.py"
    if not inside:
        return lambda: [{name: value} for value in _values(model, attribute)]
    part, part_attribute = INSIDE[inside[0]]
    return lambda: _pairs(part, part_attribute, name)


def rows_of(
    parent: str, model: type[Model], name: str, attribute: str = "uid"
) -> list[dict[str, Any]]:
    """Return rows with the objects that they belong to, by the path to these."""
    rows = model._base_manager.filter(**{f"{parent}__isnull": False}).order_by("pk")
    pairs = rows.values_list(f"{parent}__uid", attribute)
    return [{"uid": uid, name: value} for uid, value in pairs[:200]]


def _versions_of_sheets() -> list[dict[str, Any]]:
    sheets = Statement.objects.filter(kind=StatementKind.CUE_SHEET)
    rows = sheets.values_list("subject", "version")
    return [{"uid": uid, "version": version} for uid, version in rows]


def _files_of_statements() -> list[dict[str, Any]]:
    files = StatementFile.objects.select_related("statement").order_by("pk")
    return [{"uid": file.statement.uid, "form": file.format} for file in files]


BY_NAME: Table[str, Callable[[], list[dict[str, Any]]]] = Table(
    {
        "exclusion": partial(rows_of, "recording__matches", Exclusion, "exclusion"),
        "edit": partial(rows_of, "scanned_file", SheetEdit, "edit"),
        "version": _versions_of_sheets,
        "form": _files_of_statements,
    },
    SEASON,
)


def _pairs(part: type[Model], attribute: str, name: str) -> list[dict[str, Any]]:
    """Return objects together with their container or bucket."""
    rows = part._base_manager.order_by("pk")
    if attribute == "acr_id":
        rows = rows.filter(bucket__bucket_type=BucketType.DEDUP_FILE)
    return [{name: place, "ids": value} for place, value in rows.values_list(name, attribute)]


def _admin_things(route: str) -> Callable[[], list[dict[str, Any]]]:
    match = re.match(r"admin/(\w+)/(\w+)/<\w+:(\w+)>/", route)
    if not match:
        return lambda: [{}]
    (model,) = (
        model
        for model in admin.site._registry
        if (model._meta.app_label, model._meta.model_name) == match.groups()[:2]
    )
    name = match.group(3)
    attribute = "uid" if name == "uid" else "pk"
    verbs = [*Verb] if "<str:verb>" in route else [""]
    return lambda: [
        {name: value, "verb": verb} for value in _values(model, attribute) for verb in verbs
    ]


def _values(model: type[Model], attribute: str) -> list[Any]:
    rows = model._base_manager.order_by("pk")
    return list(rows.values_list(attribute, flat=True)[:200])


def _filled(route: str, arguments: dict[str, Any]) -> str:
    return "/" + re.sub(r"<\w+:(\w+)>", lambda match: str(arguments[match.group(1)]), route)
