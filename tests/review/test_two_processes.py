"""Two processes decide one match at the same moment: one succeeds, one is refused."""

from __future__ import annotations

import os

import pytest
from django.db import connection

from base.accounts.roles import Role
from base.audit.models import Event
from base.audit.services import first_broken_event
from tests.factories.accounts import make_user
from tests.factories.review import make_match
from tests.processes import begin, go_at_once, postgres_url

_DECIDE = """
import sys, django
django.setup()
from base.accounts.models import User
from review.errors import ReviewError
from review.models import Match
from tests.factories import deciding
name, uid = sys.argv[1:]
user, match = User.objects.get(username=name), Match.objects.get(uid=uid)
print("ready", flush=True)
sys.stdin.readline()
try:
    print(deciding.confirm(match=match, user=user, version=1).state)
except ReviewError as error:
    print(error.code)
"""


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(
    connection.vendor != "postgresql", reason="processes share no database in memory"
)
def test_one_decides_and_the_other_is_told() -> None:
    match, users = make_match(), [make_user(Role.REVIEWER) for _ in range(2)]
    env = os.environ | {
        "DJANGO_SETTINGS_MODULE": "acrportal.settings",
        "DATABASE_URL": postgres_url(),
    }
    deciders = [begin(_DECIDE, env, user.get_username(), match.uid) for user in users]
    # Both processes have read the match when they report ready; now both decide.
    go_at_once(deciders)
    outputs = sorted(decider.communicate(timeout=60)[0].strip() for decider in deciders)

    match.refresh_from_db()
    assert outputs == ["confirmed", "stale"]
    assert (match.state, match.version) == ("confirmed", 2)
    assert Event.objects.filter(case=match.case, action="confirm").count() == 1
    assert first_broken_event(case=match.case) is None
