"""Secrets that are stored encrypted, and their encryption with a new ``SECRET_KEY``."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

from allauth.mfa.models import Authenticator
from django.apps import apps
from django.db import models, transaction

from base.common.secret_text import SecretUnreadable, reseal

_SUFFIX = "_sealed"
# What allauth encrypts in an authenticator's data.
_FACTOR_SECRETS = ("secret", "seed")


@dataclass(frozen=True, slots=True)
class StoredSecret:
    """An encrypted value; ``replace`` writes another one unless it has changed since."""

    name: str
    sealed: str
    replace: Callable[[str], None]


@dataclass(slots=True)
class Resealed:
    """How many secrets got today's key, had it, or could not be read."""

    resealed: int = 0
    current: int = 0
    unreadable: int = 0


def reseal_secrets(*, dry_run: bool = False) -> Resealed:
    """Encrypt all stored secrets with today's key."""
    counts = Resealed()
    for secret in stored_secrets():
        try:
            sealed = reseal(secret.sealed)
        except SecretUnreadable:
            counts.unreadable += 1
            continue
        if sealed == secret.sealed:
            counts.current += 1
            continue
        counts.resealed += 1
        if not dry_run:
            secret.replace(sealed)
    return counts


def stored_secrets() -> Iterator[StoredSecret]:
    """Yield every value that ``base.common.secret_text`` has sealed, except in sessions.

    Names of columns with such values end with ``_sealed``.
    """
    for model in apps.get_models():
        for field in model._meta.concrete_fields:
            if field.name.endswith(_SUFFIX):
                yield from _in_column(model, field.name)
    for factor in Authenticator.objects.order_by("pk"):
        for key in _FACTOR_SECRETS:
            if key in factor.data:
                name = f"the {factor.get_type_display()} of user {factor.user_id}"
                replace = partial(_replace_in_factor, factor.pk, key, factor.data[key])
                yield StoredSecret(name, factor.data[key], replace)


def _in_column(model: type[models.Model], column: str) -> Iterator[StoredSecret]:
    rows = model._default_manager.exclude(**{column: ""}).order_by("pk")
    noun = column.removesuffix(_SUFFIX).replace("_", " ")
    for pk, sealed in rows.values_list("pk", column):
        name = f"the {noun} of {model._meta.verbose_name} {pk}"
        unchanged = model._default_manager.filter(pk=pk, **{column: sealed})
        yield StoredSecret(name, sealed, partial(_replace_in, unchanged, column))


def _replace_in(unchanged: models.QuerySet[models.Model], column: str, new: str) -> None:
    unchanged.update(**{column: new})


def _replace_in_factor(pk: int, key: str, old: str, new: str) -> None:
    """Change one value of the JSON, in which a used recovery code is noted meanwhile."""
    with transaction.atomic():
        rows = Authenticator.objects.select_for_update().filter(pk=pk)
        factor = rows.first()
        if factor is not None and factor.data.get(key) == old:
            # Without signals: nobody changed the factor.
            rows.update(data=factor.data | {key: new})
