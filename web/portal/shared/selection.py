"""Selections of matches in a list, each with the version that was shown.

A selection is sent in one form field, because Django limits the number of fields. A
decision on it runs in steps of one request each, so that it can be stopped.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from django.http import QueryDict
from django.utils.translation import gettext as _

from base.accounts.models import User
from base.accounts.roles import Action
from review.decisions.decide import Decided, decision_limit
from review.errors import MatchJoined
from review.models import Match, MatchAlias

# The largest selection of a manager, limited by the size of one form.
MANAGER_TOTAL = 20_000
MAX_SHOWN = 200

Versions = dict[str, int]


def unpack(texts: Iterable[str]) -> Versions:
    """Read ``uid:version`` pairs separated by spaces; ignore unreadable ones."""
    versions: Versions = {}
    for text in texts:
        for item in text.split():
            uid, _colon, version = item.partition(":")
            number = read_version(version)
            if number is not None:
                versions[uid] = number
    return versions


def read_version(text: str) -> int | None:
    """Return the version in a form; None if the text is not a plausible number."""
    # No version has more digits: databases store none, and int() raises on thousands.
    return int(text) if text.isdecimal() and len(text) <= 9 else None


def pack(versions: Mapping[str, int]) -> str:
    """Write ``uid:version`` pairs for one form field; ``unpack`` reads them."""
    return " ".join(f"{uid}:{version}" for uid, version in versions.items())


def count_states(chosen: Versions) -> dict[str, int]:
    """Count the selected matches by state."""
    uids = list(chosen)
    # Chunks, because databases limit the parameters of a query.
    counts: Counter[str] = Counter()
    for at in range(0, len(uids), 500):
        rows = Match.objects.filter(uid__in=uids[at : at + 500])
        counts.update(rows.values_list("state", flat=True))
    return dict(counts)


def total_limit(user: User) -> int:
    """Return how many matches the user may select for one decision."""
    if user.has_perm(Action.APPROVE):
        return MANAGER_TOTAL
    return decision_limit(user)


@dataclass(frozen=True, slots=True)
class Refused:
    """A match that did not change, with the reason."""

    uid: str
    code: str
    message: str


@dataclass(frozen=True, slots=True)
class Progress:
    """The progress of a bulk decision: matches decided, refused and left to do."""

    done: Versions
    refused: tuple[Refused, ...]
    remaining: Versions

    @classmethod
    def from_post(cls, posted: QueryDict) -> Progress:
        """Read the progress from the previous step's form; no refusals if unreadable."""
        try:
            entries = json.loads(posted.get("refused", "") or "[]")
            refused = tuple(Refused(*(str(part) for part in item)) for item in entries)
        except (ValueError, TypeError, RecursionError):
            refused = ()
        return cls(
            done=unpack(posted.getlist("done")),
            refused=refused,
            remaining=unpack(posted.getlist("expected")),
        )

    def step(self, size: int) -> Versions:
        """Return the next ``size`` matches to decide."""
        return dict(list(self.remaining.items())[:size])

    def after(self, step: Versions, outcome: Decided) -> Progress:
        """Return the progress after a step; matches without an outcome count as gone."""
        done = {match.uid: match.version for match in outcome.done}
        refused = [
            Refused(refusal.match.uid, refusal.error.code, refusal.message)
            for refusal in outcome.refused
        ]
        with_outcome = {refusal.uid for refusal in refused} | set(done)
        missing = [uid for uid in step if uid not in with_outcome]
        aliases = MatchAlias.objects.filter(uid__in=missing)
        joined = dict(aliases.values_list("uid", "match__uid"))
        for uid in missing:
            if uid not in joined:
                refused.append(Refused(uid, "gone", _("It no longer exists.")))
            elif joined[uid] not in with_outcome | set(self.done):
                error = MatchJoined(former=uid, uid=joined[uid])
                refused.append(Refused(error.uid, error.code, error.message))
        remaining = {uid: version for uid, version in self.remaining.items() if uid not in step}
        return Progress(self.done | done, (*self.refused, *refused), remaining)

    @property
    def total(self) -> int:
        """Return the number of selected matches."""
        return self.handled + len(self.remaining)

    @property
    def handled(self) -> int:
        """Return the number of matches decided or refused so far."""
        return len(self.done) + len(self.refused)

    def fields(self) -> dict[str, str]:
        """Return the form fields of the next step; ``from_post`` reads them."""
        refused = [[refusal.uid, refusal.code, refusal.message] for refusal in self.refused]
        return {
            "expected": pack(self.remaining),
            "done": pack(self.done),
            "refused": json.dumps(refused),
        }

    def first_matches(self) -> tuple[list[Match], list[tuple[Match | None, Refused]]]:
        """Return the first ``MAX_SHOWN`` decided and refused matches.

        A refused match that no longer exists is None.
        """
        some = self.refused[:MAX_SHOWN]
        uids = [*list(self.done)[:MAX_SHOWN], *(refusal.uid for refusal in some)]
        matches = {
            match.uid: match
            for match in Match.objects.filter(uid__in=uids).select_related(
                "recording", "scanned_file"
            )
        }
        done = [matches[uid] for uid in self.done if uid in matches]
        return done, [(matches.get(refusal.uid), refusal) for refusal in some]
