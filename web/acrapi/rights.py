"""``rights_claim`` and ``works`` of recordings, as ACRCloud's music metadata has them.

A claim names a distributor, the owners whose shares it controls, and their countries.
``rights_claim_policy`` is left out, because no policy for other platforms is kept here.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any, Final

from catalogue.models import Recording
from catalogue.owners import ledger
from catalogue.owners.models import Party, Share
from catalogue.owners.stated_rights import WrittenWork, stated_rights

# Any in this module: JSON.
Json = dict[str, Any]

# ACRCloud documents "Composer"; the others are named alike.
_ROLES: Final = {
    "CA": ("Composer", "Author"),
    "C": ("Composer",),
    "A": ("Author",),
    "AR": ("Arranger",),
    "AD": ("Adaptor",),
    "TR": ("Translator",),
    "SR": ("Sub-arranger",),
    "SA": ("Sub-author",),
    "PA": ("Participant",),
}


def rights_on_wire(recordings: Iterable[Recording]) -> dict[int, Json]:
    """Return the fields of the recordings of which today's rights are known, by key.

    A field without content is absent.
    """
    today = datetime.now(tz=UTC).date()
    return {
        key: {
            name: value
            for name, value in (
                ("rights_claim", _claims(rights.masters)),
                ("works", [_work(work) for work in rights.works]),
            )
            if value
        }
        for key, rights in stated_rights(recordings, day=today).items()
    }


def _claims(masters: Iterable[ledger.Held]) -> list[Json]:
    claims: dict[tuple[int, frozenset[str]], Json] = {}
    for held in masters:
        controls = held.share.controlled_by or held.share.party
        claim = claims.setdefault(
            (controls.pk, held.countries),
            {
                "distributor": {
                    **({"id": controls.dpid} if controls.dpid else {}),
                    "name": str(controls),
                },
                "rights_owners": [],
                "territories": sorted(held.countries),
            },
        )
        claim["rights_owners"].append(_owner(held.share))
    return list(claims.values())


def _owner(share: Share) -> Json:
    owner: Json = {"name": str(share.party)}
    if share.percent is not None:
        owner["share_percentage"] = float(share.percent)
    return owner


def _work(written: WrittenWork) -> Json:
    creators: dict[int, Json] = {}
    for share in written.writers:
        roles = creators.setdefault(share.party_id, _creator(share.party))["roles"]
        roles += [role for role in _ROLES[share.role] if role not in roles]
    iswc = written.work.iswc
    return {
        **({"iswc": iswc} if iswc else {}),
        "name": written.work.title,
        "creators": list(creators.values()),
    }


def _creator(party: Party) -> Json:
    return {
        "name": f"{party.name} {party.first_name}".strip(),
        "last_name": party.name,
        # A number without its leading zeros, as documented.
        **({"ipi": int(party.ipi_name)} if party.ipi_name.isdecimal() else {}),
        "roles": [],
    }
