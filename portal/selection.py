"""What was selected in a list: each row with the version that was shown.

A selection travels in one field of a form, so that thousands fit, and a decision on
it is taken in steps, each of one request, so that it can be stopped and repeated.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from django.http import QueryDict
from django.utils.translation import gettext as _

from accounts.models import User
from accounts.roles import Action
from portal.queue import Queue
from review.models import Match
from review.services import bulk
from review.services.bulk import BulkOutcome

# What one form may carry.
MANAGER_TOTAL = 20_000
MAX_SHOWN = 200

Versions = dict[str, int]


def read(posted: QueryDict, queue: Queue) -> Versions:
    """Return what was ticked, or all of the queue's filter where that was asked for."""
    if "all" in posted:
        rows = queue.rows().values_list("uid", "version")
        return dict(rows[: total_limit(queue.user) + 1])
    return unpack(posted.getlist("expected"))


def unpack(texts: Iterable[str]) -> Versions:
    """Read pairs of uid and version; what is none is left out."""
    found: Versions = {}
    for text in texts:
        for item in text.split():
            uid, _colon, version = item.partition(":")
            number = read_version(version)
            if number is not None:
                found[uid] = number
    return found


def read_version(text: str) -> int | None:
    """Return the version that a form names; None where that can be none."""
    # More digits than any version has; int() gives up on thousands of them.
    return int(text) if text.isdecimal() and len(text) <= 10 else None


def pack(versions: Mapping[str, int]) -> str:
    """Write pairs of uid and version for one field of a form."""
    return " ".join(f"{uid}:{version}" for uid, version in versions.items())


def total_limit(user: User) -> int:
    """Return how many matches the user may select for one decision."""
    if user.has_perm(Action.APPROVE):
        return MANAGER_TOTAL
    return bulk.bulk_limit(user)


@dataclass(frozen=True, slots=True)
class Refused:
    """A match that stayed as it was, by its uid, with the cause."""

    uid: str
    code: str
    message: str


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a decision on many has come: decided, refused, and still to do."""

    done: Versions
    refused: tuple[Refused, ...]
    rest: Versions

    @classmethod
    def from_post(cls, posted: QueryDict) -> Progress:
        """Read what the form of the step before carries."""
        return cls(
            done=unpack(posted.getlist("done")),
            refused=_read_refused(posted.get("refused", "")),
            rest=unpack(posted.getlist("expected")),
        )

    def step(self, size: int) -> Versions:
        """Return what the next step decides."""
        return dict(list(self.rest.items())[:size])

    def after(self, step: Versions, outcome: BulkOutcome) -> Progress:
        """Return the progress once the step is through."""
        done = {match.uid: match.version for match in outcome.done}
        refused = [
            Refused(each.match.uid, each.code, each.message) for each in outcome.refused
        ]
        told = {each.uid for each in refused} | set(done)
        gone = [
            Refused(uid, "gone", str(_("It no longer exists.")))
            for uid in step
            if uid not in told
        ]
        rest = {uid: version for uid, version in self.rest.items() if uid not in step}
        return Progress(self.done | done, (*self.refused, *refused, *gone), rest)

    @property
    def total(self) -> int:
        """Return how many were selected."""
        return self.handled + len(self.rest)

    @property
    def handled(self) -> int:
        """Return how many are through."""
        return len(self.done) + len(self.refused)

    def fields(self) -> dict[str, str]:
        """Return what the form of the next step carries."""
        refused = [[each.uid, each.code, each.message] for each in self.refused]
        return {
            "expected": pack(self.rest),
            "done": pack(self.done),
            "refused": json.dumps(refused),
        }

    def shown(self) -> tuple[list[Match], list[tuple[Match | None, Refused]]]:
        """Return the first of the decided ones, and of the refused with the cause."""
        some = self.refused[:MAX_SHOWN]
        uids = [*list(self.done)[:MAX_SHOWN], *(each.uid for each in some)]
        found = {
            match.uid: match
            for match in Match.objects.filter(uid__in=uids).select_related(
                "recording", "scanned_file"
            )
        }
        done = [found[uid] for uid in self.done if uid in found]
        return done, [(found.get(each.uid), each) for each in some]


def _read_refused(text: str) -> tuple[Refused, ...]:
    """Read what ``fields`` wrote; anything else is nothing."""
    try:
        told = json.loads(text or "[]")
        return tuple(Refused(*(str(part) for part in item)) for item in told)
    except (ValueError, TypeError):
        return ()
