"""Writes what people say, as a row that keeps it and an event."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

import base.audit.services
from base.accounts.models import User
from base.accounts.roles import Action
from review.programmes.errors import ProgrammeRefused
from review.programmes.values import StatedRow, Values, state_of, values_of
from scanning.models import ScannedFile


def require_action(user: User | None, action: Action) -> None:
    if user is not None and not user.has_perm(action):
        raise ProgrammeRefused("not_allowed", _("Your role can view this but not change it."))


def locked_file(scanned_file: ScannedFile) -> ScannedFile:
    rows = ScannedFile.objects.present().select_for_update(of=("self",))
    current = rows.filter(pk=scanned_file.pk).first()
    if current is None:
        raise ProgrammeRefused("gone", _("This file was deleted."))
    return current


def overtaken() -> ProgrammeRefused:
    return ProgrammeRefused(
        "stale",
        _(
            "Somebody else changed this while you were editing, so nothing was "
            "saved. Reload the page to see their change."
        ),
    )


def refuse_overtaken(now: StatedRow, seen: str | None) -> None:
    if seen is not None and seen != state_of(now):
        raise overtaken()


def store(row: StatedRow, values: Values) -> bool:
    """Change these values; return whether any differs. A row without values is deleted."""
    before = values_of(row)
    write(row, values)
    after = values_of(row)
    if after == before:
        return False
    if any(value not in ("", None) for value in after.values()):
        check(row)
        row.save()
    else:
        row.delete()
    return True


def write(row: StatedRow, values: Values) -> None:
    """Set columns of a row that is not saved yet; None empties one."""
    for name, value in values.items():
        if isinstance(value, str) and "\0" in value:
            # PostgreSQL cannot store it.
            raise ProgrammeRefused(
                "invalid",
                _("The text contains a character that cannot be stored. Remove it."),
                field=name,
            )
        column: Any = row._meta.get_field(name)  # Any: a column, no relation to it
        setattr(row, name, column.get_default() if value is None else value)


def check(row: StatedRow) -> None:
    """Raise ``ProgrammeRefused`` for a value that does not fit its column."""
    try:
        row.clean_fields(exclude={column.name for column in row._meta.fields} - set(row.VALUES))
    except ValidationError as error:
        name, texts = next(iter(error.message_dict.items()))
        label = row._meta.get_field(name).verbose_name  # type: ignore[union-attr]  # a column
        raise ProgrammeRefused(
            "invalid", f"{str(label).capitalize()}: {' '.join(texts)}", field=name
        ) from error


def record(
    case: str, action: str, user: User | None, before: dict[str, Any], after: dict[str, Any]
) -> None:  # Any: JSON
    base.audit.services.record(
        case=case,
        action=action,
        actor=user or base.audit.services.SYSTEM,
        before=before,
        after=after,
    )
