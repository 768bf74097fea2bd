"""Applies what a message says of parties."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from django.utils.translation import gettext as _

from catalogue.identifiers import (
    BadIdentifier,
    bare_dpid,
    check_dpid,
    check_ipi_base,
    check_ipi_name,
    check_ipn,
    check_isni,
    check_society,
)
from catalogue.owners.models import Party
from plugins.rights.applying.changes import Changes
from plugins.rights.applying.values import ClaimRefused, checked, cut
from plugins.rights.claims import PartyClaim
from plugins.rights.matching import find_party

_CHECKS: Final[Mapping[str, Callable[[str], str]]] = {
    "ipi_name": check_ipi_name,
    "ipi_base": check_ipi_base,
    "isni": check_isni,
    "ipn": check_ipn,
    "society": check_society,
}


def apply_party(changes: Changes, claim: PartyClaim) -> Party:
    if not claim.name.strip():
        raise ClaimRefused("name", claim.key, _("The party has no name."))
    codes = {name: checked(check, name, getattr(claim, name)) for name, check in _CHECKS.items()}
    codes["dpid"] = _dpid(changes, claim)
    whole = f"{claim.first_name} {claim.name}"
    own = {name: code for name, code in codes.items() if name != "society"}
    party = find_party(name=whole, codes=own)
    values = codes | {
        "name": cut(Party, "name", claim.name),
        "first_name": cut(Party, "first_name", claim.first_name),
    }
    if party is None:
        return changes.create(Party(**values), values)
    # A person's two names belong together.
    del values["name"], values["first_name"]
    changes.fill_empty(party, values)
    return party


def _dpid(changes: Changes, claim: PartyClaim) -> str:
    try:
        return check_dpid(claim.dpid)
    except BadIdentifier as error:
        changes.add_fault(None, "dpid", claim.dpid, str(error), is_warning=True)
        return bare_dpid(claim.dpid)[:40]
