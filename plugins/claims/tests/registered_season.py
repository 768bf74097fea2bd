"""What this capability adds to the season."""

from __future__ import annotations

import random
from functools import partial

from plugins.claims import files
from plugins.claims.choices import DiscrepancyKind, FileKind
from plugins.claims.models import (
    AnswersImport,
    ClaimFile,
    ClaimsImport,
    Discrepancy,
    PlatformAccount,
    PlatformAsset,
    PlatformClaim,
)
from plugins.claims.tests import season
from tests.season.calls import BODIES, NEW_IMPORTS, PORTAL, Json
from tests.season.machine import ENDS, Season
from tests.season.people import Person
from tests.season.routes import BY_NAME, FIXED, NAMED, rows_of
from tests.season.steps import KINDS, Kind


def _claim_file(_path: str, rng: random.Random) -> Json:
    rows = list(Discrepancy._base_manager.filter(state="open").order_by("pk"))
    row = rng.choice(rows) if rows else None
    kinds = files.kinds_for(DiscrepancyKind(row.kind)) if row else []
    return {
        "kind": rng.choice(kinds or list(FileKind)).value,
        "entries": [{"uid": row.uid, "version": row.revision}] if row else [],
    }


def handle_claims(day: Season, person: Person, rng: random.Random) -> bool:
    """Import reports of claims, undo them, and act on what differs."""
    season.handle(person, rng)
    return True


BODIES.register(
    {
        (f"{PORTAL}/claims/files/", "POST"): _claim_file,
        (f"{PORTAL}/claims/files/<str:uid>/act/", "POST"): lambda _path, rng: {
            "verb": rng.choice(["sent", "unsent", "withdraw"])
        },
    }
)
NAMED.register(
    {
        "claims/import/<str:uid>": (ClaimsImport, "uid"),
        "claims/answers/<str:uid>": (AnswersImport, "uid"),
        "claims/files/<str:uid>": (ClaimFile, "uid"),
        "api/portal/v1/claims/files/<str:uid>": (ClaimFile, "uid"),
        "api/portal/v1/claims/accounts/<str:uid>": (PlatformAccount, "uid"),
    }
)
FIXED.register({"api/portal/v1/claims/lists/<str:kind>/": tuple(DiscrepancyKind.values)})
BY_NAME.register(
    {
        "claim_id": partial(rows_of, "account", PlatformClaim, "claim_id", "claim_id"),
        "asset_id": partial(rows_of, "account", PlatformAsset, "asset_id", "asset_id"),
    }
)
KINDS.register({"handle_claims": Kind(6, handle_claims)})
ENDS.register({"claims": lambda _: season.claims_hold()})
NEW_IMPORTS.register({"claims": season.new_report})
