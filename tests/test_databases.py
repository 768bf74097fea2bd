"""The databases that tests start from are up to date, and as the migrations left them."""

from __future__ import annotations

import sys
import threading
import time
from pathlib import Path

import pytest
from django.apps import apps
from django.conf import settings
from django.contrib.auth.models import Permission
from django.db import connection, transaction
from django.test import TransactionTestCase

from base.accounts.roles import Role
from base.audit.models import Event
from tests import product
from tests.factories.accounts import make_user
from tests.factories.review import make_match


@pytest.mark.soak
@pytest.mark.django_db(transaction=True)
def test_what_a_test_commits_goes_and_what_it_deleted_is_there_again() -> None:
    before = _rows()
    make_user(Role.ADMIN)
    make_match()
    assert Event.objects.exists()
    Permission.objects.all().delete()
    assert _rows() != before

    TransactionTestCase()._fixture_teardown()  # type: ignore[attr-defined]  # not in the stubs

    assert _rows() == before


@pytest.mark.skipif(connection.vendor != "sqlite", reason="others let two write")
@pytest.mark.django_db(transaction=True)
def test_the_test_waits_while_another_thread_writes() -> None:
    writes, ended = threading.Event(), threading.Event()

    def write() -> None:
        with transaction.atomic():
            make_user(Role.ADMIN)
            writes.set()
            time.sleep(0.3)
            ended.set()
        connection.close()

    beside = threading.Thread(target=write)
    beside.start()
    assert writes.wait(60)

    make_user(Role.ADMIN)

    assert ended.is_set()
    beside.join()


def _rows() -> dict[str, list[dict[str, object]]]:
    return {
        model._meta.label: list(model._base_manager.order_by("pk").values())
        for model in apps.get_models()
    }


def test_a_change_of_any_loaded_module_asks_for_new_databases() -> None:
    files = [getattr(module, "__file__", None) for module in sys.modules.values()]
    loaded = {Path(file) for file in files if file}
    ours = {
        path
        for path in loaded
        if path.is_relative_to(settings.BASE_DIR)
        and {"tests", "benchmarks", "docs", "site-packages"}.isdisjoint(
            path.relative_to(settings.BASE_DIR).parts
        )
    }

    assert ours
    assert ours <= set(product.files(".py"))
