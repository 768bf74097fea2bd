"""Registries are read late, so that the order of apps decides nothing."""

from __future__ import annotations

from tests.processes import python

_START = """
from base.common.registry import Registry

def refuse(registry):
    raise AssertionError("A registry was read before all apps had registered.")

Registry.__iter__ = refuse
import django
django.setup()
"""


def test_no_registry_is_read_while_django_starts() -> None:
    started = python("-c", _START)

    assert started.returncode == 0, started.stderr
