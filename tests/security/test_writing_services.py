"""Every service that writes for a person: limited by its objects, refused, or listed."""

from __future__ import annotations

import inspect
import pkgutil
import re
from collections.abc import Iterator
from importlib import import_module
from typing import get_args, get_type_hints

import pytest
from django.db.models import Model

from base.accounts.models import User
from base.accounts.reach import working_for
from base.common.phrases import own_apps
from review.models import Licence, Policy
from tests.security.admin_screens import SCREENS
from tests.security.test_admin import watched
from tests.security.world import Desk
from tests.security.writing import AS, LISTED, REFUSED, SIGNED, Service, Shared

pytestmark = pytest.mark.django_db

# The settings' package has no services, and a module that sets the environment.
_PACKAGES = [config for config in own_apps() if config.name != "acrportal"]
_PRODUCT = {"migrations", "management", "tests"}
_PERSON = {"user", "actor", "owner"}


def _services() -> Iterator[tuple[str, Service]]:
    """Yield the keyword-only functions that act for a person, by dotted name."""
    for package in _PACKAGES:
        for module in pkgutil.walk_packages([package.path], f"{package.name}."):
            if not _PRODUCT.isdisjoint(module.name.split(".")):
                continue
            for name, value in vars(import_module(module.name)).items():
                is_own = inspect.isfunction(value) and value.__module__ == module.name
                if is_own and not name.startswith("_") and _acts_for_one(value):
                    yield f"{module.name}.{name}", value


def _acts_for_one(function: Service) -> bool:
    parameters = inspect.signature(function).parameters.values()
    return any(
        parameter.kind is parameter.KEYWORD_ONLY and parameter.name in _PERSON
        for parameter in parameters
    )


def _models_of(function: Service) -> set[type[Model]]:
    """Return the models that a service takes rows of, without its people."""
    hints = get_type_hints(inspect.unwrap(function))
    hints.pop("return", None)
    return {model for hint in hints.values() for model in _models_in(hint)} - {User}


def _models_in(hint: object) -> Iterator[type[Model]]:
    if isinstance(hint, type) and issubclass(hint, Model):
        yield hint
    for part in get_args(hint):
        yield from _models_in(part)


SERVICES = dict(_services())

_WHY = re.compile(r"(may not|cannot) see|already has a template")


def test_a_limited_person_changes_nothing_that_others_share() -> None:
    shared = Shared()
    faults = []

    for name, service in REFUSED.items():
        with working_for(shared.user), watched() as written:
            try:
                service(shared)
                why = "it was not refused"
            except Exception as refused:  # noqa: BLE001 - its message decides
                why = getattr(refused, "message", "") or str(refused)
        if written or not _WHY.search(why):
            faults.append(f"{name}: {why}, and writes {written}")

    assert not faults, "\n".join(faults)


def test_nobody_signs_what_they_cannot_read_and_learns_how_much_that_is() -> None:
    shared, faults = Shared(), []
    hidden = shared.other.recording.title

    for name, sign in SIGNED.items():
        with working_for(None):
            signature = sign(shared)
        with working_for(shared.user), watched() as written:
            try:
                signature()
                why = "it was not refused"
            except Exception as refused:  # noqa: BLE001 - its message decides
                why = getattr(refused, "message", "") or str(refused)
        is_said = re.search(r"\b[1-9]\d* parts? of it .*Ask an admin", why)
        if not is_said or hidden in why or written:
            faults.append(f"{name}: {why}, and writes {written}")

    assert not faults, "\n".join(faults)


# Visible rules can act on hidden matches.
_ACT_ON_ALL = {Licence, Policy}


def _reach_of(function: Service) -> set[type[Model]]:
    """Return the models that limit a service; none if one of its models does not."""
    models = _models_of(function)
    limit = all(hasattr(model, "reach") for model in models - _ACT_ON_ALL)
    return models if limit else set()


def test_every_service_is_limited_or_says_why_not() -> None:
    limited = {name for name, function in SERVICES.items() if _reach_of(function)}
    services = limited | REFUSED.keys() | AS.keys() | LISTED.keys()

    assert len(SERVICES) > 200
    assert not SERVICES.keys() - services, (
        "Let the service refuse people who may not see all of it, with a try in REFUSED, "
        "or say in LISTED why it need not."
    )
    assert not (REFUSED.keys() | AS.keys() | LISTED.keys()) - SERVICES.keys()
    assert set(AS.values()) <= REFUSED.keys()


def test_a_limited_person_finds_no_row_of_another_desk() -> None:
    models = {model for service in SERVICES.values() for model in _reach_of(service)}
    own, other_desk = Desk(1), Desk(2)
    rows = [
        SCREENS[model._meta.label].row(other_desk)
        for model in models
        if model._meta.label in SCREENS
    ]

    with working_for(own.user):
        seen = [row for row in rows if _is_found(row)]

    assert len(rows) > 15
    assert not seen


def _is_found(row: Model) -> bool:
    return type(row)._default_manager.filter(pk=row.pk).exists()
