"""Names of models and fields that nobody wrote out, in the reader's language."""

from __future__ import annotations

from collections.abc import Iterator

from django.apps import AppConfig, apps
from django.db import models
from django.utils.translation import gettext_lazy

_FOREIGN = ("django.", "allauth", "rest_framework", "drf_spectacular", "whitenoise")


def _own_apps() -> Iterator[AppConfig]:
    for config in apps.get_app_configs():
        if not config.name.startswith(_FOREIGN):
            yield config


def own_models() -> Iterator[type[models.Model]]:
    """Yield the models of this project."""
    for config in _own_apps():
        yield from config.get_models()


def mark_names() -> None:
    """Let Django translate the names that it derives from those in the code.

    It makes "created at" of ``created_at``; ``acrportal.translations`` collects them.
    """
    for model in own_models():
        options = model._meta
        options.verbose_name = gettext_lazy(str(options.verbose_name))
        options.verbose_name_plural = gettext_lazy(str(options.verbose_name_plural))
        for field in options.local_fields + options.local_many_to_many:
            field.verbose_name = gettext_lazy(str(field.verbose_name))
    for config in _own_apps():
        config.verbose_name = gettext_lazy(str(config.verbose_name))


def derived_names() -> Iterator[str]:
    """Yield each name of an application, model or field, in English."""
    for config in _own_apps():
        yield str(config.verbose_name)
    for model in own_models():
        options = model._meta
        yield str(options.verbose_name)
        yield str(options.verbose_name_plural)
        for field in options.local_fields + options.local_many_to_many:
            yield str(field.verbose_name)
