"""What an import changes, as it was before: compressed beside it, and put back."""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

from django.apps import apps
from django.core.serializers.json import DjangoJSONEncoder
from django.db.models import Model

from plugins.claims.models import ClaimsImport, PriorValues

Kept = tuple[type[Model], list[Model], list[str]]

# Set by the comparison or by people, not by reports.
_NOT_REPORTED: Final = {"scanned_file", "disputed_on", "recording", "linked_by", "whole"}


def keep(import_: ClaimsImport, rows: Sequence[Model], names: Sequence[str] = ()) -> None:
    """Keep columns of some rows of one model; all that a report writes by default."""
    model = type(rows[0])
    fields = [
        field
        for field in model._meta.concrete_fields
        if (field.name in names if names else field.name not in _NOT_REPORTED)
        and not field.primary_key
    ]
    values = {
        row.pk: {field.attname: getattr(row, field.attname) for field in fields} for row in rows
    }
    text = json.dumps(values, cls=DjangoJSONEncoder)
    PriorValues.objects.create(
        account=import_.account,
        import_key=import_.pk,
        model=model._meta.label_lower,
        data=zlib.compress(text.encode()),
    )


def keep_once(import_: ClaimsImport, row: Model, names: Sequence[str]) -> None:
    """Keep columns of a row unless an earlier attempt of the import did."""
    stored = PriorValues.objects.filter(import_key=import_.pk, model=row._meta.label_lower)
    if not stored.exists():
        keep(import_, [row], names)


def forget_earlier(import_: ClaimsImport) -> None:
    """Forget what earlier imports changed: only the newest one can be undone."""
    PriorValues.objects.filter(account=import_.account, import_key__lt=import_.pk).delete()


def kept_rows(import_key: int) -> Iterator[tuple[int, Kept]]:
    """Yield the rows of an import as they were, the last change first, with its key.

    They come with their model and the names of the columns that were kept.
    """
    stored = PriorValues.objects.filter(import_key=import_key).order_by("-pk")
    for key in list(stored.values_list("pk", flat=True)):
        prior_values = PriorValues.objects.get(pk=key)
        model = apps.get_model(prior_values.model)
        rows = json.loads(zlib.decompress(bytes(prior_values.data)))
        names = {name for values in rows.values() for name in values}
        yield (
            key,
            (
                model,
                [_row(model, pk, values) for pk, values in rows.items()],
                sorted(model._meta.get_field(name).name for name in names),
            ),
        )


def _row(model: type[Model], pk: str, values: dict[str, Any]) -> Model:  # Any: JSON
    fields: Iterable[Any] = model._meta.concrete_fields  # Any: of any kind
    read = {field.attname: field for field in fields}
    return model(
        pk=int(pk), **{name: read[name].to_python(value) for name, value in values.items()}
    )
