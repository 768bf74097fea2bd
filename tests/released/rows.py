"""At least one row in every table, so that a migration meets data of every kind."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4

from django.apps import apps
from django.core.files.base import ContentFile
from django.db import IntegrityError, models, transaction

from catalogue.models import Recording, RecordingStatus
from tests.security.admin_screens import SCREENS
from tests.security.world import Desk

Model = type[models.Model]

# A value for a column that has no default, by the column's type; the first that fits.
_VALUES: dict[type[models.Field[Any, Any]], Callable[[], object]] = {  # Any: their values
    models.EmailField: lambda: "somebody@example.com",
    models.DateTimeField: lambda: datetime.now(tz=UTC),
    models.DateField: lambda: date(2026, 11, 1),
    models.TimeField: lambda: time(12),
    models.DurationField: lambda: timedelta(seconds=1),
    models.BooleanField: lambda: False,
    models.DecimalField: lambda: Decimal(1),
    models.IntegerField: lambda: 1,
    models.FloatField: lambda: 1.0,
    models.JSONField: dict,
    models.BinaryField: lambda: b"stored",
    models.UUIDField: uuid4,
    models.FileField: lambda: ContentFile(b"stored", name="stored"),
    models.GenericIPAddressField: lambda: "127.0.0.1",
    models.CharField: lambda: "stored",
    models.TextField: lambda: "stored",
}


def empty_tables() -> list[Model]:
    """Return the models without a row."""
    return [
        model
        for model in apps.get_models(include_auto_created=True)
        if model._meta.managed and not model._meta.proxy and not model._base_manager.exists()
    ]


def fill_tables() -> None:
    """Add rows to empty tables: those of the tests of access, then plain ones."""
    desk = Desk(1)
    for label, screen in SCREENS.items():
        if not apps.get_model(label)._base_manager.exists():
            screen.row(desk)
    # The doctor compares the index with fingerprints, and made-up recordings have none.
    real = Recording.objects.exclude(fingerprint="").earliest("pk")
    Recording.objects.filter(status=RecordingStatus.READY, fingerprint="").update(
        fingerprint=str(real.fingerprint), duration_ms=real.duration_ms
    )
    # A table may need rows of another one.
    empty = empty_tables()
    while any(_add_row(model) for model in empty):
        empty = empty_tables()


def _add_row(model: Model) -> bool:
    """Add a row with the least that its columns need; return whether it fits."""
    values: dict[str, object] = {}
    optional: list[dict[str, object]] = [{}]
    for field in model._meta.concrete_fields:
        if isinstance(field, models.ForeignKey):
            related = field.related_model._base_manager.order_by("-pk").first()
            if field.null:
                optional += [{field.name: related}] if related else []
            elif related is None:
                return False
            else:
                values[field.name] = related
        elif not (field.null or field.has_default() or field.blank):
            values[field.name] = _value_for(field)
    return any(_fits(model, values | extra) for extra in optional)


def _value_for(field: models.Field[Any, Any]) -> object:  # Any: its values
    if field.choices:
        return field.flatchoices[0][0]
    return next(make() for kind, make in _VALUES.items() if isinstance(field, kind))


def _fits(model: Model, values: dict[str, object]) -> bool:
    try:
        with transaction.atomic():
            model._base_manager.create(**values)
    except IntegrityError:
        return False
    return True
