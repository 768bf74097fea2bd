"""Writes what people say, as a row that keeps it and an event."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import fields
from typing import Any, TypeVar

from django.core.exceptions import ValidationError
from django.db import models
from django.utils.translation import gettext as _

import base.audit.services
from base.accounts.models import User
from base.accounts.roles import Action
from review.programmes.errors import ProgrammeRefused
from review.programmes.values import Values, state_of
from scanning.models import ScannedFile

Given = TypeVar("Given", bound=Values)


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


def refuse_overtaken(now: Values, seen: str | None) -> None:
    if seen is not None and seen != state_of(now):
        raise overtaken()


def values_of(row: models.Model, kind: type[Given]) -> Given:
    return kind(**{field.name: getattr(row, field.name) for field in fields(kind)})


def store(row: models.Model, values: Values) -> None:
    """Write the values; a row that says nothing is deleted."""
    if values.is_empty:
        row.delete()
        return
    write(row, [field.name for field in fields(values)], values)
    row.save()


def write(row: models.Model, names: Iterable[str], values: Values) -> None:
    """Set the columns; raise ``ProgrammeRefused`` for a value that does not fit."""
    columns = list(names)
    for name in columns:
        value = getattr(values, name)
        if isinstance(value, str) and "\0" in value:
            # PostgreSQL cannot store it.
            raise ProgrammeRefused(
                "invalid",
                _("The text contains a character that cannot be stored. Remove it."),
                field=name,
            )
        setattr(row, name, value)
    untouched = {field.name for field in row._meta.fields} - set(columns)
    try:
        row.clean_fields(exclude=untouched)
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
