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

from accounts.models import ApiToken
from audit.standing import StatementKind
from catalogue.models import Bucket, BucketType, Exclusion, Recording
from dedup.models import DedupAction, DedupGroup, PairLink, SharedLoop
from enrichment.models import (
    EnrichmentSource,
    FillingRule,
    KnownDifference,
    Suggestion,
)
from evidence.models import EvidencePack
from imports.kinds import all_kinds
from imports.models import (
    AnswersImport,
    AudioImport,
    BroadcastImport,
    CatalogueImport,
    ClaimsImport,
    MoveIn,
    ResultImport,
    RightsImport,
)
from monitoring.broadcasts.models import Broadcast
from monitoring.declarations.models import Declaration, DeclarationProfile
from monitoring.streams.models import Station, Stream
from monitoring.unknown.models import Occurrence, UnknownItem
from notices.models import TakedownNotice
from platforms.choices import DiscrepancyKind
from platforms.models import (
    ClaimFile,
    PlatformAccount,
    PlatformAsset,
    PlatformClaim,
)
from portal.shared.columns import LISTS
from reports.models import (
    EngineTrial,
    ReportRun,
    ReportSchedule,
    ReportTemplate,
    SheetEdit,
)
from review.choices import Verb
from review.models import Licence, Match, Policy, SavedView
from rights.models import Conflict, Party, Release, RightsRecording, Work
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
from tests.security.addresses import Address, every_address

# Objects that a part of an address can name: the model and its attribute.
_NAMED: dict[str, tuple[type[Model], str]] = {
    "files/import/<str:uid>": (ResultImport, "uid"),
    "rights/import/<str:uid>": (RightsImport, "uid"),
    "catalogue/add-audio/<str:uid>": (AudioImport, "uid"),
    "catalogue/move-in/<str:uid>": (MoveIn, "uid"),
    "broadcasts/import/<str:uid>": (BroadcastImport, "uid"),
    "claims/import/<str:uid>": (ClaimsImport, "uid"),
    "claims/answers/<str:uid>": (AnswersImport, "uid"),
    "claims/files/<str:uid>": (ClaimFile, "uid"),
    "api/portal/v1/claims/files/<str:uid>": (ClaimFile, "uid"),
    "api/portal/v1/claims/accounts/<str:uid>": (PlatformAccount, "uid"),
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
    "notices/<str:uid>": (TakedownNotice, "uid"),
    "api/portal/v1/notices/<str:uid>": (TakedownNotice, "uid"),
    "statements/<str:uid>": (Statement, "uid"),
    "api/portal/v1/statements/<str:uid>": (Statement, "uid"),
    "watches/<str:uid>": (Watch, "uid"),
    "drops/<str:uid>": (Drop, "uid"),
    "containers/<int:pk>": (Container, "pk"),
    "catalogue/buckets/<int:pk>": (Bucket, "pk"),
    "catalogue/import/<str:uid>": (CatalogueImport, "uid"),
    "catalogue/searches/<str:uid>": (RetroSearch, "uid"),
    "catalogue/recordings/<str:uid>": (Recording, "uid"),
    "catalogue/fill-in/suggestions/<str:uid>": (Suggestion, "uid"),
    "catalogue/fill-in/rules/<str:uid>": (FillingRule, "uid"),
    "catalogue/fill-in/differences/<str:uid>": (KnownDifference, "uid"),
    "catalogue/fill-in/sources/<str:uid>": (EnrichmentSource, "uid"),
    "duplicates/g/<str:uid>": (DedupGroup, "uid"),
    "duplicates/p/<str:uid>": (PairLink, "uid"),
    "duplicates/l/<str:uid>": (SharedLoop, "uid"),
    "duplicates/done/<str:uid>": (DedupAction, "uid"),
    "exclusions/<str:uid>": (Exclusion, "uid"),
    "callbacks-sent/<str:uid>": (OutboundCallback, "uid"),
    "tokens/keys/<str:uid>": (Project, "uid"),
    "tokens/<str:uid>": (ApiToken, "uid"),
    "reports/declarations/profiles/<str:uid>": (DeclarationProfile, "uid"),
    "reports/declarations/<str:uid>": (Declaration, "uid"),
    "api/portal/v1/declarations/<str:uid>": (Declaration, "uid"),
    "reports/schedules/<str:uid>": (ReportSchedule, "uid"),
    "reports/templates/<str:uid>": (ReportTemplate, "uid"),
    "reports/runs/<str:uid>": (ReportRun, "uid"),
    "licences/<str:uid>": (Licence, "uid"),
    "trials/<str:uid>": (EngineTrial, "uid"),
    "policies/<str:uid>": (Policy, "uid"),
    "api/fs-containers/<str:container_id>": (Container, "pk"),
    "api/buckets/<str:bucket_id>": (Bucket, "pk"),
    "api/ucf-projects/<str:container_id>": (Container, "pk"),
    "unknown/<str:uid>": (UnknownItem, "uid"),
    "api/portal/v1/recordings/<str:uid>": (Recording, "uid"),
    "api/portal/v1/recordings/<str:acr_id>": (Recording, "acr_id"),
    "rights/of/<str:uid>": (Recording, "uid"),
    "rights/works/<str:uid>": (Work, "uid"),
    "rights/parties/<str:uid>": (Party, "uid"),
    "rights/releases/<str:uid>": (Release, "uid"),
    "rights/recordings/<str:uid>": (RightsRecording, "uid"),
    "rights/conflicts/<str:uid>": (Conflict, "uid"),
    "streams/stations/<str:uid>": (Station, "uid"),
    "api/portal/v1/stations/<str:uid>": (Station, "uid"),
    "streams/<str:uid>": (Stream, "uid"),
    "api/portal/v1/streams/<str:uid>": (Stream, "uid"),
    "api/bm-cs-projects/<str:container_id>": (Container, "pk"),
}
_INSIDE: dict[str, tuple[type[Model], str]] = {
    "api/fs-containers/<str:container_id>/files/<str:ids>": (ScannedFile, "uid"),
    "api/bm-cs-projects/<str:container_id>/streams/<str:ids>": (Stream, "uid"),
    "api/buckets/<str:bucket_id>/files/<str:ids>": (Recording, "pk"),
    "api/buckets/<str:bucket_id>/dedup-files/<str:ids>": (Recording, "acr_id"),
}
_FIXED = {
    "duplicates/report.<str:form>": ("csv", "json", "xlsx"),
    "unknown/report.<str:form>": ("csv", "jsonl", "xlsx", "parquet"),
    "streams/log.<str:form>": ("csv", "jsonl", "xlsx", "parquet"),
    "columns/<str:name>/": tuple(LISTS),
    "guides/<slug:name>/": ("index", "review-guide"),
    "guides/images/<str:name>": ("queue.png",),
    "api/portal/v1/claims/lists/<str:kind>/": tuple(DiscrepancyKind.values),
}

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
        return [_filled(self.route, each) for each in self.things()]


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
    return (each for each in routes() if each.part in ("page", "admin"))


def route_of(path: str) -> str:
    """Return the route that answers a path."""
    return str(resolve(path.partition("?")[0]).route)


def never_reached(reached: Iterable[tuple[str, str]]) -> list[str]:
    """Return the routes that answered none of the given methods and paths."""
    seen = {(method, route_of(path)) for method, path in reached}
    answered = {route for _method, route in seen}
    pages = [each.route for each in routes() if each.part == "page"]
    return [
        *(f"any {route}" for route in pages if route not in answered),
        *(
            f"{method} {each.route}"
            for each in routes()
            if each.part in ("wire", "portal API")
            for method in each.address.methods
            if (method, each.route) not in seen
        ),
    ]


def _things_of(route: str) -> Callable[[], list[dict[str, Any]]]:
    if route.startswith("admin/"):
        return _admin_things(route)
    if "<" not in route:
        return lambda: [{}]
    names = re.findall(r"<\w+:(\w+)>", route)
    for fixed, values in _FIXED.items():
        if route.startswith(fixed):
            return lambda: [{names[0]: each} for each in values]
    for name, things in _BY_NAME.items():
        if name in names:
            return things
    inside = [start for start in _INSIDE if route.startswith(start)]
    named = [start for start in _NAMED if route.startswith(start)]
    assert named, (
        f"Nothing is known to fill the address {route} with. Add its beginning to "
        "_NAMED in tests/season/routes.py, or to LEFT_OUT with the reason."
    )
    model, attribute = _NAMED[max(named, key=len)]
    name = names[0]
    assert names in ([name], [name, "ids"]), f"Fill {names} of {route} in routes.py"
    if not inside:
        return lambda: [{name: value} for value in _values(model, attribute)]
    part, part_attribute = _INSIDE[inside[0]]
    return lambda: _pairs(part, part_attribute, name)


def _rows_of(
    parent: str, model: type[Model], name: str, attribute: str = "uid"
) -> list[dict[str, Any]]:
    """Return rows with the objects that they belong to, by the path to these."""
    rows = model._base_manager.filter(**{f"{parent}__isnull": False}).order_by("pk")
    pairs = rows.values_list(f"{parent}__uid", attribute)
    return [{"uid": uid, name: value} for uid, value in pairs[:200]]


def _unknown_items() -> list[dict[str, Any]]:
    """Return unknown items with the containers in which they occur."""
    rows = Occurrence._base_manager.order_by("pk")
    pairs = rows.values_list("file__scanned_file__container", "item").distinct()
    return [{"container_id": container, "item_id": item} for container, item in pairs]


def _versions_of_sheets() -> list[dict[str, Any]]:
    sheets = Statement.objects.filter(kind=StatementKind.CUE_SHEET)
    rows = sheets.values_list("subject", "version")
    return [{"uid": uid, "version": version} for uid, version in rows]


def _files_of_statements() -> list[dict[str, Any]]:
    files = StatementFile.objects.select_related("statement").order_by("pk")
    return [{"uid": file.statement.uid, "form": file.format} for file in files]


_BY_NAME: dict[str, Callable[[], list[dict[str, Any]]]] = {
    "exclusion": partial(_rows_of, "recording__matches", Exclusion, "exclusion"),
    "broadcast": partial(_rows_of, "scanned_file", Broadcast, "broadcast"),
    "edit": partial(_rows_of, "scanned_file", SheetEdit, "edit"),
    "claim_id": partial(_rows_of, "account", PlatformClaim, "claim_id", "claim_id"),
    "asset_id": partial(_rows_of, "account", PlatformAsset, "asset_id", "asset_id"),
    "item_id": _unknown_items,
    "version": _versions_of_sheets,
    "form": _files_of_statements,
}


def _pairs(part: type[Model], attribute: str, name: str) -> list[dict[str, Any]]:
    """Return objects together with their container or bucket."""
    outer = "container_id" if part in (ScannedFile, Stream) else "bucket_id"
    rows = part._base_manager.order_by("pk")
    if attribute == "acr_id":
        rows = rows.filter(bucket__bucket_type=BucketType.DEDUP_FILE)
    return [
        {name: place, "ids": value}
        for place, value in rows.values_list(outer, attribute)
    ]


def _admin_things(route: str) -> Callable[[], list[dict[str, Any]]]:
    found = re.match(r"admin/(\w+)/(\w+)/<\w+:(\w+)>/", route)
    if not found:
        return lambda: [{}]
    (model,) = (
        model
        for model in admin.site._registry
        if (model._meta.app_label, model._meta.model_name) == found.groups()[:2]
    )
    name = found.group(3)
    attribute = "uid" if name == "uid" else "pk"
    verbs = [*Verb] if "<str:verb>" in route else [""]
    return lambda: [
        {name: value, "verb": verb}
        for value in _values(model, attribute)
        for verb in verbs
    ]


def _values(model: type[Model], attribute: str) -> list[Any]:
    rows = model._base_manager.order_by("pk")
    return list(rows.values_list(attribute, flat=True)[:200])


def _filled(route: str, arguments: dict[str, Any]) -> str:
    return "/" + re.sub(
        r"<\w+:(\w+)>", lambda found: str(arguments[found.group(1)]), route
    )
