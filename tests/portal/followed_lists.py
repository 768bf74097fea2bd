"""The lists that programs follow: for each, how to make a row, and how to change it.

Plug-ins add theirs in ``registered``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from django.db.models import Model
from django.test import Client

from base.accounts.models import User
from base.accounts.tokens import create_token
from catalogue.models import Recording
from review.models import Match
from review.services import exclusions, licences, policies
from tests.factories import deciding
from tests.factories.review import make_match
from tests.factories.rules import make_licence, make_policy
from tests.factories.statements import make_statement
from tests.registered import Table

Json = dict[str, Any]  # Any: JSON
Make = Callable[[Recording, User], Model]
Change = Callable[[Any, User], object]  # Any: a row of each list


@dataclass(frozen=True, slots=True)
class Followed:
    """How to make a row of a list about a recording, and how to change it.

    ``key`` is the column that names a row, ``scope`` what a token needs. People see a row
    with its recording, or only their own rows if it ``is_own``.
    """

    make: Make
    change: Change
    key: str = "uid"
    scope: str = "read"
    is_own: bool = False


def match_of(recording: Recording) -> Match:
    return make_match(recording=recording)


def confirmed(recording: Recording, user: User) -> Match:
    return deciding.confirm(match=match_of(recording), user=user)


def exclude(recording: Recording, user: User) -> Model:
    return exclusions.exclude(recording=recording, interval=(0, 500), reason="spoken", user=user)


def rename(recording: Recording, _user: User) -> None:
    recording.title = "Renamed"
    # As services write columns: the time of change is not among them.
    recording.save(update_fields=["title"])


LISTS: Table[str, Followed] = Table(
    {
        "matches": Followed(
            lambda recording, _user: match_of(recording),
            lambda match, user: deciding.confirm(match=match, user=user),
        ),
        "decisions": Followed(
            lambda recording, user: confirmed(recording, user),
            lambda match, user: deciding.undo(match=match, user=user),
        ),
        "disputes": Followed(
            lambda recording, user: deciding.record(
                match=confirmed(recording, user), user=user, code="licensed"
            ),
            lambda match, user: deciding.uphold(match=match, user=user, answer="Not so."),
        ),
        "licences": Followed(
            lambda recording, user: make_licence(user=user, recordings=[recording]),
            lambda licence, user: licences.withdraw(licence=licence, user=user, reason="Over."),
        ),
        "policies": Followed(
            lambda recording, user: make_policy(
                user=user, sets={"buckets": [str(recording.bucket_id)]}
            ),
            lambda policy, user: policies.switch(policy=policy, user=user, enabled=False),
        ),
        "exclusions": Followed(
            exclude,
            lambda exclusion, user: exclusions.remove(
                segment=exclusion, user=user, reason="Wrong."
            ),
        ),
        "recordings": Followed(lambda recording, _user: recording, rename),
        "statements": Followed(
            lambda recording, user: make_statement(match_of(recording), user=user),
            lambda statement, user: deciding.reject(
                match=Match.objects.get(uid=statement.subject), user=user, reason="noise"
            ),
        ),
    }
)


class Program:
    """Follows a list, as docs/api.md says."""

    def __init__(self, user: User, name: str) -> None:
        secret = create_token(owner=user, name="follow", scopes=[LISTS[name].scope]).secret
        self.client = Client(headers={"authorization": f"Bearer {secret}"})
        self._url = f"/api/portal/v1/{name}/"
        self.place = ""

    def part(self, **query: str | int) -> Json:
        answer = self.client.get(self._url, query)
        assert answer.status_code == 200, answer.content
        part: Json = answer.json()
        return part

    def news(self, limit: int = 500) -> Iterator[Json]:
        has_more = True
        while has_more:
            after = {"after": self.place} if self.place else {}
            part = self.part(limit=limit, **after)
            yield from part["items"]
            self.place, has_more = part["next"], part["more"]
