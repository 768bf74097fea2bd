"""Declarations stand on recordings, and keep no name of an erased person."""

from __future__ import annotations

from io import StringIO

import pytest
from django.core.management import call_command

from base.accounts.roles import Role
from base.audit.standing import standing_on
from plugins.monitoring.declarations.models import DECLARATION_STATEMENT
from plugins.monitoring.tests.rows import declaration, declared
from tests.factories.accounts import make_user
from tests.security.world import Desk

pytestmark = pytest.mark.django_db


def test_declarations_stand_on_what_they_name() -> None:
    desk = Desk(1)
    made = declared(desk.match, desk.user)

    (statements,) = standing_on([f"recording:{desk.recording.uid}"]).values()

    assert [(statement.kind, statement.uid) for statement in statements] == [
        (DECLARATION_STATEMENT, made.uid)
    ]


def test_an_erased_person_is_not_named() -> None:
    ana = make_user(Role.REVIEWER, username="ana.analyst")
    made = declaration(ana)

    call_command("erase_person", "ana.analyst", "--yes", stdout=StringIO())

    made.refresh_from_db()
    assert made.run_by_name == f"erased-{ana.pk}"
