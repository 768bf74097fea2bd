"""Takes back what an import of licences did."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

from django.utils.translation import gettext as _

from base.audit.models import Event
from catalogue.models import Bucket, Recording
from imports.undoing.steps import Stays, Undo, changed_again, differing, missing
from review.models import Licence
from review.services import licences

_NAMED = ("buckets", "recordings")


def _licence(event: Event) -> Licence:
    licence = Licence.objects.filter(uid=event.case.partition(":")[2]).first()
    if licence is None:
        raise missing()
    return licence


def withdraw_new(undo: Undo, event: Event) -> str:
    """Withdraw a licence that the import added and nobody has changed or applied."""
    licence = _licence(event)
    if licence.withdrawn_at is not None:
        return ""
    if licences.stated_terms(licence) != event.after:
        raise Stays(_("Somebody changed or applied this licence since."))
    licences.withdraw(licence=licence, user=undo.user, reason="Its import was undone.")
    return ""


def restore_terms(undo: Undo, event: Event) -> str:
    """Give a licence its earlier terms, as far as nobody changed them since; not its note."""
    licence = _licence(event)
    now = licences.stated_terms(licence)
    same, changed = differing(now, event.before, event.after)
    terms = {**now, **same}
    for name in same:
        if name in Licence.TERMS and name not in _NAMED:
            setattr(licence, name, _read(licence, name, same[name]))
    licences.save(
        licence=licence,
        user=undo.user,
        buckets=Bucket.objects.filter(pk__in=terms["buckets"]),
        recordings=Recording.objects.filter(uid__in=terms["recordings"]),
    )
    return changed_again(changed)


def _read(licence: Licence, name: str, value: Any) -> Any:  # Any: JSON, and a column
    """Return a value that an event keeps as the column has it."""
    kind = licence._meta.get_field(name).get_internal_type()
    if value in (None, "None"):
        return None
    if kind == "DateField":
        return date.fromisoformat(value)
    return Decimal(value) if kind == "DecimalField" else value
