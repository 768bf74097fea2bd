"""Creates and edits works, parties and releases."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from django.db import transaction

import base.audit.services
from base.accounts.models import User
from base.accounts.roles import Action
from catalogue.identifiers import (
    BadIdentifier,
    check_dpid,
    check_grid,
    check_ipi_base,
    check_ipi_name,
    check_ipn,
    check_isni,
    check_iswc,
    check_label_code,
    check_society,
    check_upc,
)
from catalogue.owners.models import Party, Release, Work
from catalogue.owners.records import case_of
from plugins.rights.actions.base import (
    Case,
    Editable,
    RightsVerb,
    follow_record,
    locked,
    record_event,
    why_not,
)
from plugins.rights.applying.values import plain
from plugins.rights.errors import RightsRefused

_CHECKS: Final[Mapping[type[Case], Mapping[str, Callable[[str], str]]]] = {
    Work: {"iswc": check_iswc},
    Party: {
        "ipi_name": check_ipi_name,
        "ipi_base": check_ipi_base,
        "isni": check_isni,
        "ipn": check_ipn,
        "dpid": check_dpid,
        "society": check_society,
    },
    Release: {"upc": check_upc, "grid": check_grid, "label_code": check_label_code},
}


@transaction.atomic
def create(*, record: Editable, user: User) -> Editable:
    """Store a new work, party or release. Raises ``RightsRefused``."""
    if not user.has_perm(Action.EDIT_CATALOGUE):
        raise RightsRefused(why_not(record=record, user=user))
    _check_codes(record)
    record.save()
    record_event(record, RightsVerb.CREATE, user, name=str(record))
    follow_record(record, user)
    return record


@transaction.atomic
def edit(
    *,
    record: Editable,
    user: User,
    revision: int,
    values: Mapping[str, Any],  # Any: a column's value
) -> None:
    """Write new values to columns of a work, party or release; hand-made values stay.

    Raises ``RightsRefused`` and ``RightsChanged``.
    """
    row = locked(record, user, revision)
    before = {name: getattr(row, name) for name in values}
    for name, value in values.items():
        setattr(row, name, value)
    _check_codes(row)
    changed = [name for name in values if getattr(row, name) != before[name]]
    if not changed:
        return
    row.revision += 1
    row.save()
    base.audit.services.record(
        case=case_of(row),
        action=RightsVerb.EDIT,
        actor=user,
        before={name: plain(before[name]) for name in changed},
        after={name: plain(getattr(row, name)) for name in changed},
    )
    follow_record(row, user)


def _check_codes(record: Case) -> None:
    """Normalise the codes of a record; raise ``RightsRefused`` for one that is wrong."""
    for name, check in _CHECKS[type(record)].items():
        try:
            setattr(record, name, check(getattr(record, name)))
        except BadIdentifier as error:
            raise RightsRefused(str(error)[:1].upper() + str(error)[1:] + ".") from None
