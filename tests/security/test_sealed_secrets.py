"""Secrets that the portal has to know again are stored encrypted only."""

from __future__ import annotations

import re

import pytest
from django.apps import apps
from django.db import connection

from scanning.models import CloudAccount
from scanning.services.cloud import save_account
from scanning.services.identification import create_project
from tests.factories.scanning import ContainerFactory
from web.acrapi.views.identify import signature_of

pytestmark = pytest.mark.django_db


def _stored_texts() -> str:
    texts = []
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f'SELECT * FROM "{table}"')  # noqa: S608 - our own names
            texts += [str(row) for row in cursor.fetchall()]
    return "\n".join(texts)


def test_no_table_holds_a_secret_in_the_clear() -> None:
    project = create_project(name="clips", buckets=[], user=None)
    container = ContainerFactory.create()
    account = save_account(account=CloudAccount(name="Cloud"), token="t0ken", user=None)
    secrets = [
        project.access_secret,
        container.signing_secret,
        container.callback_secret,
        account.callback_secret,
        "t0ken",
    ]

    stored = _stored_texts()

    assert all(len(secret) > 4 and secret not in stored for secret in secrets)
    assert len(set(secrets)) == len(secrets)


def test_a_secret_can_be_read_again() -> None:
    project = create_project(name="clips", buckets=[], user=None)
    again = type(project).objects.get(pk=project.pk)

    assert again.access_secret == project.access_secret
    assert signature_of(
        secret=again.access_secret,
        access_key=again.access_key,
        data_type="audio",
        version="1",
        timestamp="1",
    )


def test_every_column_named_like_a_secret_is_sealed_or_hashed() -> None:
    ours = [model for model in apps.get_models() if "allauth" not in model.__module__]
    suspicious = {
        f"{model._meta.label}.{field.name}"
        for model in ours
        for field in model._meta.concrete_fields
        if re.search("secret|token$|password|private", field.name)
        and not field.is_relation
        and not field.name.endswith(("_sealed", "_digest", "_hash", "_sha256"))
    }

    # Django hashes passwords.
    assert suspicious <= {"accounts.User.password"}, suspicious
